"""Files that who calls from another machine puts into the object store, and that are fetched when they are used first."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from functools import partial
from pathlib import Path

import anyio
from anyio.to_thread import run_sync

from ...config import NewFile, Settings
from ...errors import InvalidRequest, MediaError
from ...media import MAX_FILE_BYTES
from ...objects import ObjectStore, ObjectStoreError, UploadTerms, access_of
from ...store import Store, object_copies
from ...types import Artifacts, ExpectedFile, FilmFile, Job, MediaFile, MediaKind, SignedPut
from ..object_names import copy_name, incoming_name

_PUT_SECONDS = 600
_FETCH_SECONDS = 300.0
_BLOCK_BYTES = 1 << 20

UPLOADS = "uploads"
"""The folder in the output folder where files of other machines lie."""

SUFFIXES = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "image/bmp": ".bmp",
    "image/tiff": ".tiff",
    "image/avif": ".avif",
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "video/webm": ".webm",
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "audio/mp4": ".m4a",
}
_KINDS: dict[str, MediaKind] = {"image": "image", "video": "video", "audio": "audio"}


class Incoming:
    """
    The way in for files of other machines.

    An address is signed for one file: its type, its length, its SHA-256. All the same what arrives is hashed here, and then
    checked as every local file is; it lies in `uploads` in the output folder from then on.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        """
        Prepare; nothing is connected yet.

        Raises:
            MediaError: there is no object store.
            ConfigError: its settings cannot be used.
        """
        access = access_of(settings)
        if access is None:
            raise MediaError(
                "This server has no object store that files could be put into.",
                hint="Pass an https URL that anyone can open.",
            )
        self._store = store
        self._clock = store.clock
        self._objects = ObjectStore(access, clock=store.clock)
        self._folder = settings.output_dir / UPLOADS

    def expect(self, expected: ExpectedFile) -> tuple[str, MediaFile, SignedPut]:
        """
        Sign an address for a file; by the name that is returned first, `fetch` finds it.

        Raises:
            InvalidRequest: such a file is not taken.
        """
        if expected.mime_type not in SUFFIXES:
            raise InvalidRequest([f"mime_type must be one of {', '.join(SUFFIXES)}."])
        if expected.bytes > MAX_FILE_BYTES:
            raise InvalidRequest([f"bytes must be at most {MAX_FILE_BYTES:,}: no larger file is read."])
        name = self.new_name()
        terms = UploadTerms(content_type=expected.mime_type, bytes=expected.bytes, sha256=expected.sha256)
        put = SignedPut(
            url=self._objects.upload_address(name, terms, seconds=_PUT_SECONDS),
            headers=terms.headers,
            expires_at=self._clock() + _PUT_SECONDS,
        )
        kind = _KINDS[expected.mime_type.partition("/")[0]]
        file = MediaFile(
            kind=kind, mime_type=expected.mime_type, bytes=expected.bytes, sha256=expected.sha256
        )
        return name, file, put

    @staticmethod
    def new_name() -> str:
        """Make up a name in the object store that nobody can guess."""
        return incoming_name(secrets.token_urlsafe(18))

    async def put(self, name: str, path: Path, file: MediaFile) -> MediaFile:
        """
        Put a file that was looked at into the object store, as if who calls had done so; what is to be noted of it.

        Raises:
            NotNow: the store does not take it now.
        """
        terms = UploadTerms(
            content_type=file.mime_type or "", bytes=file.bytes or 0, sha256=file.sha256 or ""
        )
        try:
            with anyio.fail_after(_FETCH_SECONDS):
                await self._objects.put(name, path, terms)
        except (ObjectStoreError, TimeoutError, OSError) as error:
            raise NotNow(
                "The file was fetched, and cannot be put into the object store now.", hint="Try again later."
            ) from error
        return MediaFile(kind=file.kind, mime_type=file.mime_type, bytes=file.bytes, sha256=file.sha256)

    async def discard(self, name: str) -> None:
        """Delete what was put, as far as the object store can be reached."""
        with suppress(ObjectStoreError):
            await self._objects.delete(name)

    async def fetch(self, name: str, expected: MediaFile) -> Path:
        """
        Return where the file lies here; it is fetched if it does not yet.

        Raises:
            MediaError: it was not put there, is another one, or cannot be fetched now.
        """
        path = self.place_of(name, expected)
        if await run_sync(path.exists):
            return path
        try:
            with anyio.fail_after(_FETCH_SECONDS):
                await self._keep(name, expected, path)
        except ObjectStoreError as error:
            # S3 says 403 of what is not there to a key that may not list the bucket.
            if error.status == 404 or error.reason == "AccessDenied":
                raise MediaError(
                    "The file was not put at the address that was signed for it.",
                    hint="That has to be done within ten minutes, with the headers that belong to it. Call upload_media again.",
                ) from error
            raise NotNow(
                f"The file cannot be fetched now: {error.message}", hint="Try again later."
            ) from error
        except (TimeoutError, OSError) as error:
            reason = "it took too long" if isinstance(error, TimeoutError) else error.strerror
            raise NotNow(f"The file cannot be fetched now: {reason}.", hint="Try again later.") from error
        return path

    async def fetch_copy(self, job: Job) -> Path:
        """
        Return where a copy of a job's video lies here; it is fetched from the object store if it does not yet.

        Raises:
            MediaError: it is not there (yet), or cannot be fetched now.
        """
        files = job.artifacts
        find = partial(object_copies.find, place=self._objects.place, job_id=job.id)
        copy = None if files is None else await self._store.read(find)
        if files is None or copy is None or copy.sha256 != files.sha256:
            raise NotNow(
                f"The video of {job.id} is on another machine, and not in the object store (yet).",
                hint="Try again in a moment.",
            )
        try:
            return await self.fetch(copy_name(job.id, files), _video(files))
        except _AnotherFile as error:
            raise MediaError(
                f"The copy of the video of {job.id} in the object store is not the video that was saved.",
                hint="The machine that saved the video has it.",
            ) from error

    def copy_here(self, job: Job) -> Path | None:
        """Return where a copy of a job's video lies that was fetched before; None: there is none. Blocks."""
        files = job.artifacts
        path = None if files is None else self.place_of(copy_name(job.id, files), _video(files))
        return path if path is not None and path.is_file() else None

    def place_of(self, name: str, file: MediaFile) -> Path:
        """Name the file here of what is called `name` in the object store."""
        # By the object, not by what is in it: whoever merely knows a hash must not get at what another one has put there.
        return (
            self._folder
            / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}{SUFFIXES.get(file.mime_type or '', '')}"
        )

    async def _keep(self, name: str, expected: MediaFile, path: Path) -> None:
        await fetched_to(path, self._objects.read(name), expected)


async def fetched_to(path: Path, pieces: AsyncGenerator[bytes], expected: MediaFile | FilmFile) -> None:
    """
    Write what comes to a file, which gets its name when all of it is here and is what was expected.

    Raises:
        MediaError: it is another file.
        ObjectStoreError, OSError: as reading and writing do.
    """
    digest, size, most = hashlib.sha256(), 0, expected.bytes or 0
    new = NewFile(path)
    await run_sync(new.__enter__)
    try:
        async with aclosing(in_blocks(pieces)) as blocks:
            async for block in blocks:
                digest.update(block)
                size += len(block)
                if size > most:
                    break
                await run_sync(new.write, block)
        if (size, digest.hexdigest()) != (most, expected.sha256):
            raise _AnotherFile(
                "What was put there is another file than was announced.", hint="Call upload_media again."
            )
        await run_sync(new.name_it)
    finally:
        with anyio.CancelScope(shield=True):
            await run_sync(partial(new.__exit__, None, None, None))


class NotNow(MediaError):
    """It may be had a moment later."""

    retryable = True


class _AnotherFile(MediaError):
    """What the object store has is not what is to be there."""


def _video(files: Artifacts) -> MediaFile:
    kind = "video/quicktime" if Path(files.video_path).suffix == ".mov" else "video/mp4"
    return MediaFile(kind="video", mime_type=kind, bytes=files.bytes, sha256=files.sha256)


async def in_blocks(pieces: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Join the pieces of an answer to blocks that are worth a turn of a thread."""
    held = bytearray()
    async with aclosing(pieces):
        async for piece in pieces:
            held += piece
            if len(held) >= _BLOCK_BYTES:
                yield bytes(held)
                held.clear()
    if held:
        yield bytes(held)
