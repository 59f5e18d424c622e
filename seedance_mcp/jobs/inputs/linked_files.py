"""Files that callers hand over by an address that opens for a while: fetched at once, and nothing tells of the address."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from anyio.to_thread import run_sync

from ...config import NewFile, Outbound, Settings
from ...errors import MediaError, UnexpectedResponse
from ...media import MAX_FILE_BYTES
from ...providers import addresses, announced_length, body_pieces, with_advice
from ...types import ByteReport, LinkedFile, MediaFile
from ..local_files.readable_files import LocalFiles
from .incoming import SUFFIXES, UPLOADS, Incoming, NotNow, in_blocks

if TYPE_CHECKING:
    import httpx2

_HOPS = 3
_BUSY = frozenset({408, 425, 429})
_GIVE_UP_SECONDS = 2.0
_ONCE_MORE = "Try again; if it fails again, attach the file anew."
_ANEW = "Attach the file anew and call upload_media with that: each call brings an address of its own, which opens for minutes."


@dataclass(frozen=True, kw_only=True)
class FetchLimits:
    """What fetching one file may take: bytes, seconds in all, and seconds without a byte."""

    max_bytes: int = MAX_FILE_BYTES
    seconds: float = 300.0
    idle_seconds: float = 30.0

    def check(self, size: int | None) -> None:
        """Raise MediaError if so many bytes, None if that is not known, are too many."""
        if size is not None and size > self.max_bytes:
            raise MediaError(
                f"The file has more than {self.max_bytes:,} bytes; no larger one is read.",
                hint="Make a smaller copy of it, and attach that.",
            )


_USUAL = FetchLimits()


class LinkedFiles:
    """
    Takes such files as uploads of this machine, or with `incoming`, which has an object store, of all machines.

    What a file is called and said to be by whoever hands it over decides nothing: its name here is made up, and its kind is
    found in its bytes. An error holds nothing of the address, not even the host.
    """

    def __init__(self, settings: Settings, files: LocalFiles, incoming: Incoming | None) -> None:
        self._outbound = settings.outbound
        self._folder = settings.output_dir / UPLOADS
        self._files = files
        self._incoming = incoming

    @asynccontextmanager
    async def taking(self, link: LinkedFile) -> AsyncGenerator[tuple[str, MediaFile, MediaFile]]:
        """
        Fetch the file and check it as every local one; nothing of it stays unless the context ends well.

        Gives where it is kept from now on, what is to be noted of it, and what was seen.

        Raises:
            MediaError: it cannot be fetched or used, with what to do about it.
            InspectionFailed: it could not be looked into.
            ConfigError: the certificates that the environment names cannot be used.
        """
        path = self._folder / secrets.token_hex(16)
        put: str | None = None
        try:
            await fetch(link, path, self._outbound)
            seen = await self._looked_at(path)
            if self._incoming is None:
                there = path.with_suffix(SUFFIXES.get(seen.mime_type or "", ""))
                await run_sync(path.replace, there)
                path = there
                seen = replace(seen, path=path)
                kept, origin = seen, str(path)
            else:
                put = self._incoming.new_name()
                kept = await self._incoming.put(put, path, seen)
                there = self._incoming.place_of(put, kept)
                await run_sync(path.replace, there)
                path, origin = there, put
                seen = replace(seen, path=path)
            yield origin, kept, seen
        except BaseException:
            with anyio.CancelScope(shield=True):
                with suppress(OSError):
                    await run_sync(partial(path.unlink, missing_ok=True))
                if put is not None and self._incoming is not None:
                    with anyio.move_on_after(_GIVE_UP_SECONDS):
                        await self._incoming.discard(put)
            raise

    async def _looked_at(self, path: Path) -> MediaFile:
        try:
            return await self._files.at(path, str(path))
        except MediaError as error:  # who calls never heard of this path
            words = error.message.removeprefix(f"{path}: ").replace(str(path), "The file")
            raise MediaError(words, hint=error.hint) from None


async def fetch(link: LinkedFile, path: Path, outbound: Outbound, limits: FetchLimits = _USUAL) -> None:
    """
    Bring the file to a path, which it gets when all of it is here.

    Only https from public addresses, also behind each of at most three redirects; no other proxy than that of `outbound`.

    Raises:
        MediaError: it cannot be had; `retryable` where that may be over in a moment.
        ConfigError: the certificates that the environment names cannot be used.
    """
    import httpx2

    # `from None` throughout: the library's errors name the address.
    try:
        with anyio.fail_after(limits.seconds):
            async with (
                addresses.client(
                    trusted=frozenset(), outbound=outbound, read_seconds=limits.idle_seconds
                ) as client,
                _answer(client, link.url) as response,
            ):
                _check(response)
                limits.check(announced_length(response))
                await _receive(response, path, link.report, limits)
    except (TimeoutError, httpx2.TimeoutException):
        raise NotNow(
            "The file did not arrive in time.", hint=f"{_ONCE_MORE} A smaller copy arrives sooner."
        ) from None
    except httpx2.HTTPError as error:
        if isinstance(error, httpx2.ConnectError | httpx2.ProxyError):
            hint = with_advice(_ANEW, error, outbound)
            words = "Whoever has the file cannot be reached, or has no public address."
            raise NotNow(words, hint=hint) from None
        raise NotNow("The way to the file broke off.", hint=_ONCE_MORE) from None
    except (UnexpectedResponse, httpx2.InvalidURL, httpx2.StreamError, ValueError):
        raise MediaError(
            "The file may not be fetched from there: its address, or one that it leads to, is no https address of a public"
            " host.",
            hint=_ANEW,
        ) from None
    except OSError as error:
        raise NotNow(
            f"The file cannot be written here: {error.strerror}.",
            hint="Whoever runs the server has to look at the folder of the videos.",
        ) from None


@asynccontextmanager
async def _answer(client: httpx2.AsyncClient, url: str) -> AsyncGenerator[httpx2.Response]:
    for _ in range(_HOPS + 1):
        addresses.check_url(url, trusted=frozenset())
        async with client.stream("GET", url) as response:
            if not response.has_redirect_location:
                yield response
                return
            url = str(response.url.join(response.headers["Location"]))
    raise MediaError(f"The address of the file leads on more than {_HOPS} times.", hint=_ANEW)


def _check(response: httpx2.Response) -> None:
    """Raise MediaError for what is not the whole of a file that may be taken, by status and headers."""
    status = response.status_code
    if status in _BUSY or status >= 500:
        raise NotNow(f"Whoever has the file cannot give it now (HTTP {status}).", hint=_ONCE_MORE)
    if status in (404, 410):
        raise MediaError(f"The file is not there, or no longer (HTTP {status}).", hint=_ANEW)
    if 400 <= status < 500:
        raise MediaError(f"The address of the file does not open, or no longer (HTTP {status}).", hint=_ANEW)
    # A small answer that unpacks to gigabytes is the only use of a compression that was not asked for.
    if status != 200 or response.headers.get("Content-Encoding", "identity").lower() not in ("", "identity"):
        raise MediaError("What came is not the file as it is.", hint=_ANEW)


async def _receive(response: httpx2.Response, path: Path, report: ByteReport, limits: FetchLimits) -> None:
    total, here = announced_length(response), 0
    new = NewFile(path)
    await run_sync(new.__enter__)
    try:
        pieces = body_pieces(response, read_seconds=limits.idle_seconds)
        async with aclosing(in_blocks(pieces)) as blocks:
            async for block in blocks:
                here += len(block)
                limits.check(here)
                await run_sync(new.write, block)
                await report(here, total)
        if total is not None and here != total:
            raise NotNow(f"Of the file's {total:,} bytes {here:,} came.", hint=_ONCE_MORE)
        if not here:
            raise MediaError("The file is empty.", hint="Attach another one.")
        await run_sync(new.name_it)
    finally:
        with anyio.CancelScope(shield=True):
            await run_sync(partial(new.__exit__, None, None, None))
