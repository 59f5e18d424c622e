"""Answers requests for a saved video or a film, or a part of it, from the descriptor that was found to be what was saved."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from ...jobs import OpenVideo
from ...media import open_plain

if TYPE_CHECKING:
    from ...app import App
    from ...types import Job

_BLOCK_BYTES = 256 * 1024
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


async def played(app: App, job: Job, request: Request) -> Response:
    """
    Answer with the video of a job or, where the request names one range of bytes, with that.

    Raises:
        JobNotFinished, MediaError: there is no video, or it is not what was saved.
    """
    video = await app.videos.open(job)
    etag = None if job.artifacts is None else f'"{job.artifacts.sha256}"'
    return _sent(video, "video/mp4", etag, request)


async def sent_file(path: Path, content_type: str, request: Request) -> Response:
    """
    Answer with a file of ours, or a part of it, as `played` does.

    Raises:
        MediaError: it is gone, or is a link or anything else but a file.
    """
    descriptor = await anyio.to_thread.run_sync(open_plain, path)
    status = os.fstat(descriptor)
    etag = f'"{status.st_ino:x}-{status.st_size:x}-{status.st_mtime_ns:x}"'
    return _sent(OpenVideo(descriptor=descriptor, bytes=status.st_size), content_type, etag, request)


def _sent(video: OpenVideo, content_type: str, etag: str | None, request: Request) -> Response:
    headers = {"Content-Type": content_type, "Accept-Ranges": "bytes"}
    if etag is not None:
        headers["ETag"] = etag
    span = _wanted(request, headers.get("ETag"), video.bytes)
    if span is None:
        video.close()
        return Response(status_code=416, headers={"Content-Range": f"bytes */{video.bytes}"})
    start, end = span
    whole = request.headers.get("range") is None or (start, end) == (0, video.bytes)
    headers["Content-Length"] = str(end - start)
    if not whole:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{video.bytes}"
    status = 200 if whole else 206
    if request.method == "HEAD":
        video.close()
        return Response(status_code=status, headers=headers)
    return _Played(video, start, end, status, headers)


class _Played(StreamingResponse):
    """A part of a video, read as fast as the browser takes it. The video is closed whatever becomes of the answer."""

    def __init__(self, video: OpenVideo, start: int, end: int, status: int, headers: dict[str, str]) -> None:
        super().__init__(_blocks(video, start, end), status, headers)
        self._video = video

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._video.close()


async def _blocks(video: OpenVideo, start: int, end: int) -> AsyncGenerator[bytes]:
    while start < end:
        block = await anyio.to_thread.run_sync(video.read, start, min(_BLOCK_BYTES, end - start))
        if not block:  # cut short meanwhile; the browser sees that bytes are missing
            return
        start += len(block)
        yield block


def _wanted(request: Request, etag: str | None, size: int) -> tuple[int, int] | None:
    """
    Return from where to before where a request wants the video; None: from behind its end.

    What is no range, or several, is answered with the whole, as is a range of another file.
    """
    asked = _RANGE.fullmatch(request.headers.get("range", "").strip())
    if asked is None or request.headers.get("if-range", etag) != etag:
        return 0, size
    first, last = asked.groups()
    if not first and not last:
        return 0, size
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
    if first and last and int(last) < int(first):
        return 0, size
    return (start, end) if start < end else None
