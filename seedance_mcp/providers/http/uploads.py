"""Bodies of uploads: a checked local file as it is, or as the one field of a form."""

from __future__ import annotations

import mimetypes
import secrets
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256

from anyio.to_thread import run_sync

from ...errors import MediaError
from ...types import MediaFile

_CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class UploadBody:
    """The headers that describe a body, and the body, which can be read once per call of `chunks`."""

    headers: dict[str, str]
    chunks: Callable[[], AsyncIterator[bytes]]


def raw(media: MediaFile) -> UploadBody:
    """The file as it is."""
    return UploadBody(
        headers={"Content-Type": _mime_type(media), "Content-Length": str(_size(media))},
        chunks=lambda: _read(media),
    )


def form(media: MediaFile, field: str) -> UploadBody:
    """The file as `field` of a multipart form, under a name that tells its kind and nothing else."""
    boundary = secrets.token_hex(16)
    start = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{file_name(media)}"\r\n'
        f"Content-Type: {_mime_type(media)}\r\n\r\n"
    ).encode()
    end = f"\r\n--{boundary}--\r\n".encode()

    async def chunks() -> AsyncIterator[bytes]:
        yield start
        async for chunk in _read(media):
            yield chunk
        yield end

    return UploadBody(
        headers={
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(len(start) + _size(media) + len(end)),
        },
        chunks=chunks,
    )


def file_name(media: MediaFile) -> str:
    """A neutral file name with the true extension: some providers go by it."""
    extension = mimetypes.guess_extension(_mime_type(media)) or ".bin"
    return f"{media.kind}-{(media.sha256 or secrets.token_hex(6))[:12]}{extension}"


def _mime_type(media: MediaFile) -> str:
    return media.mime_type or "application/octet-stream"


def _size(media: MediaFile) -> int:
    if media.path is None or media.bytes is None:
        raise MediaError("Only a checked local file can be uploaded.")
    return media.bytes


async def _read(media: MediaFile) -> AsyncIterator[bytes]:
    assert media.path is not None
    digest = sha256()

    def next_chunk() -> bytes:
        chunk = file.read(_CHUNK)
        digest.update(chunk)
        return chunk

    held = b""
    with await run_sync(media.path.open, "rb") as file, ThreadPoolExecutor(max_workers=1) as beside:
        ahead = beside.submit(next_chunk)
        while chunk := await run_sync(ahead.result):
            ahead = beside.submit(next_chunk)  # read and hashed while what is held goes out
            if held:
                yield held
            held = chunk
    if media.sha256 and digest.hexdigest() != media.sha256:
        # The last piece is held back, so what is no longer the checked file never arrives whole.
        raise MediaError("The file has changed since it was checked.", hint="Name it again.")
    yield held
