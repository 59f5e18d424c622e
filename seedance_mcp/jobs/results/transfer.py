"""One download over HTTP into an unfinished file, resumed where that is provably right."""

from __future__ import annotations

import functools
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from anyio.to_thread import run_sync

from ...config import DIRECT, Outbound
from ...errors import DownloadError, UnexpectedResponse
from ...media import begins_like_a_video
from ...providers import addresses, announced_length, body_pieces, with_advice
from ..local_files.block_writer import BlockWriter
from ..local_files.parts import Origin, Part, is_sendable

if TYPE_CHECKING:
    import httpx2

Report = Callable[[int, int | None], None]
"""Told after every piece: the bytes that are here, and of how many, if that is known."""

_HOPS = 3
_LIFE_SIGN = 64 * 1024
_NOT_NOW = frozenset({408, 425, 429})
"""Refusals of the moment; by every other one (4xx) some storage says that an address has expired."""
_NO_MEDIA = re.compile(
    r"text/(?:html|xml)|application/(?:xml|(?:[\w.-]+\+)?json|[\w.-]+\+xml)", re.IGNORECASE
)
_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.IGNORECASE)
_UNMET_RANGE = re.compile(r"bytes \*/(\d{1,18})", re.IGNORECASE)


class LinkExpired(DownloadError):
    """The URL no longer works; the provider may give a fresh one."""

    default_hint = "The server asks the provider for a fresh link by itself; call check_status later."


class NoVideo(DownloadError):
    """What the server sends is no video, and not because the way to it broke: of `bytes` so many had arrived."""

    def __init__(self, message: str, *, bytes: int = 0) -> None:
        super().__init__(message)
        self.bytes = bytes


class NotChecked(DownloadError):
    """The whole of it is here and begins like a video, but it could not be looked into, for a reason of ours."""

    default_hint = "Nothing is lost: the server looks into it again by itself, and delivers it as it is if that keeps failing."


@dataclass(frozen=True, kw_only=True)
class Limits:
    """
    What one download may take: bytes, seconds in all, and seconds in which at least 64 KiB must arrive.

    The last one ends a slow drip, which no read timeout ever sees.
    """

    max_bytes: int = 2_000_000_000
    deadline_seconds: float = 1800
    idle_seconds: float = 30

    def check(self, size: int | None, *, arrived: int = 0) -> None:
        """
        Refuse a size in bytes, None for one that is not known, of which so many have arrived.

        Raises:
            NoVideo: it is too large.
        """
        if size is not None and size > self.max_bytes:
            raise NoVideo(f"The result is larger than {self.max_bytes / 1e6:g} MB.", bytes=arrived)


@dataclass(frozen=True, kw_only=True)
class Route:
    """
    Where a result may be fetched from, and how.

    https only, without credentials, from public addresses; `trusted` names the `host:port` of base URLs
    that the user has set, where plain http and private addresses are allowed. A `file:` URL is copied if it
    lies inside `local_folder`. `outbound` is how others are reached; `over` replaces the transport.
    """

    trusted: frozenset[str] = frozenset()
    local_folder: Path | None = None
    outbound: Outbound = DIRECT
    limits: Limits = Limits()
    over: httpx2.AsyncBaseTransport | None = None


async def transfer(url: str, part: Part, route: Route, report: Report | None) -> int:
    """
    Bring the whole of `url` into `part`; say how many bytes of it had been there before.

    Raises:
        LinkExpired: the URL no longer works.
        NoVideo: what the server sends is something else.
        DownloadError: anything else that is wrong with the answer or the way to it.
        ConfigError: the certificates that the environment names cannot be used.
        OSError: the part cannot be written.
    """
    import httpx2

    limits = route.limits
    reused: int | None = None
    work = _Transfer(url, part, route, report)
    try:
        async with addresses.client(
            trusted=route.trusted,
            outbound=route.outbound,
            read_seconds=limits.idle_seconds,
            over=route.over,
        ) as client:
            with anyio.move_on_after(limits.idle_seconds) as patience:
                reused = await work.attempt(client, patience, resume=True)
                if reused is None:
                    reused = await work.attempt(client, patience, resume=False)
            if patience.cancelled_caught:
                raise DownloadError(
                    f"Less than 64 KiB of the video arrived in {limits.idle_seconds:g} seconds."
                )
    except httpx2.HTTPError as error:
        raise DownloadError(
            f"The download broke off: {error or type(error).__name__}",
            hint=with_advice(DownloadError.default_hint, error, route.outbound),
        ) from error
    if reused is None:
        raise DownloadError("The server's answers to a request for the whole file do not fit together.")
    return reused


def source_of(url: str) -> str:
    """The URL without its query: what stays the same when it is signed anew, and holds no secret."""
    return re.split(r"[?#]", url)[0]


class _Transfer:
    def __init__(self, url: str, part: Part, route: Route, report: Report | None) -> None:
        self._url = url
        self._source = source_of(url)
        self._part = part
        self._trusted = route.trusted
        self._limits = route.limits
        self._report = report

    async def attempt(
        self, client: httpx2.AsyncClient, patience: anyio.CancelScope, *, resume: bool
    ) -> int | None:
        """Return the number of bytes that were here before, or None if it has to begin from nothing."""
        held = await run_sync(self._part.held, self._source) if resume else None
        start, origin = held or (0, None)
        if origin and origin.total == start:
            return start
        ask = {"Range": f"bytes={start}-", "If-Range": origin.validator} if origin else {}
        async with self._answer(client, ask) as response:
            if origin and response.status_code == 416:
                return start if _is_complete(response, start) else None
            _check_status(response, may_continue=origin is not None)
            _check_encoding(response)
            if origin and response.status_code == 206:
                total = _continued(response, start, origin)
                if total is None:
                    return None
                self._limits.check(total)
                await self._receive(response, patience, start, total, None)
                return start
            total = announced_length(response)
            self._limits.check(total)
            await self._receive(response, patience, 0, total, _origin(response, self._source, total))
            return 0

    @asynccontextmanager
    async def _answer(
        self, client: httpx2.AsyncClient, headers: Mapping[str, str]
    ) -> AsyncGenerator[httpx2.Response]:
        import httpx2

        url = self._url
        for _ in range(_HOPS + 1):
            try:
                addresses.check_url(url, trusted=self._trusted)
            except UnexpectedResponse as error:
                raise DownloadError(f"The video may not be fetched from there: {error.message}") from error
            async with client.stream("GET", url, headers=headers) as response:
                if not response.has_redirect_location:
                    yield response
                    return
                try:
                    url = str(response.url.join(response.headers["Location"]))
                except (httpx2.InvalidURL, ValueError) as error:
                    raise DownloadError("The server redirects to something that is no URL.") from error
        raise DownloadError(f"The server redirects more than {_HOPS} times.")

    async def _receive(
        self,
        response: httpx2.Response,
        patience: anyio.CancelScope,
        start: int,
        total: int | None,
        origin: Origin | None,
    ) -> None:
        here, sign = start, start
        opening = self._part.go_on if start else functools.partial(self._part.begin, origin)
        with await run_sync(opening) as file:
            async with BlockWriter(file) as writer:
                async for piece in body_pieces(response, read_seconds=self._limits.idle_seconds):
                    if here == 0:
                        _check_start(response, piece)
                    here += len(piece)
                    if here > self._limits.max_bytes:
                        await run_sync(self._part.discard)
                        self._limits.check(here, arrived=here - start)
                    await writer.write(piece)
                    if here - sign >= _LIFE_SIGN:
                        sign = here
                        patience.deadline = anyio.current_time() + self._limits.idle_seconds
                    if self._report:
                        self._report(here, total)
        if total is not None and here != total:
            raise DownloadError(f"The server announced {total} bytes and sent {here}.")
        if not here:
            raise NoVideo("The server sent an empty file.")


def _check_status(response: httpx2.Response, *, may_continue: bool) -> None:
    status = response.status_code
    if 400 <= status < 500 and status not in _NOT_NOW:
        raise LinkExpired(f"The link to the video no longer works (HTTP {status}).")
    if status != 200 and not (status == 206 and may_continue):
        error = DownloadError(f"The server with the video answered HTTP {status}.")
        error.retry_after = _asked_for_pause(response)
        raise error


def _asked_for_pause(response: httpx2.Response) -> float | None:
    """Read a Retry-After in seconds; a date is not worth the trouble here, the link's own end comes first."""
    text = response.headers.get("Retry-After", "")
    return min(float(text), 300.0) if re.fullmatch(r"\d{1,9}(\.\d{1,3})?", text, re.ASCII) else None


def _check_start(response: httpx2.Response, piece: bytes) -> None:
    """
    Refuse what begins like text, and what is called a page or a message unless it begins like a video.

    A right video under a wrong name is one all the same: whether it is whole and sound is found out later, by decoding.
    """
    begins_like_text = piece.lstrip()[:1] in (b"<", b"{", b"[")
    called_text = _NO_MEDIA.match(response.headers.get("Content-Type", "").strip())
    if begins_like_text or (called_text and not begins_like_a_video(piece)):
        raise NoVideo("The server sent a page or a message instead of a video.", bytes=len(piece))


def _check_encoding(response: httpx2.Response) -> None:
    # We asked for none: a small answer that unpacks to gigabytes is the only use of one.
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding.strip().lower() not in ("", "identity"):
        raise NoVideo("The server sent the video compressed, which nobody asked for.")


def _origin(response: httpx2.Response, source: str, total: int | None) -> Origin | None:
    validator = _validator(response)
    return Origin(source=source, validator=validator, total=total) if validator else None


def _validator(response: httpx2.Response) -> str:
    etag = response.headers.get("ETag", "")
    if etag.startswith('"') and is_sendable(etag):
        return etag
    date = response.headers.get("Last-Modified", "")
    return date if is_sendable(date) else ""


def _continued(response: httpx2.Response, start: int, origin: Origin) -> int | None:
    """Return the size of the whole if this partial answer goes on exactly where we are, in the same file."""
    match = _RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
    if not match:
        return None
    first, last, total = (int(group) for group in match.groups())
    if first != start or last != total - 1 or origin.total not in (None, total):
        return None
    if announced_length(response) not in (None, total - start) or _validator(response) not in (
        "",
        origin.validator,
    ):
        return None
    return total


def _is_complete(response: httpx2.Response, size: int) -> bool:
    match = _UNMET_RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
    return match is not None and int(match.group(1)) == size
