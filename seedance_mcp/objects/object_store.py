"""The calls of an object store: put a file, read it back, delete it, and sign addresses for others."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import anyio
from anyio.to_thread import run_sync

from ..backoff import exponential
from ..errors import UnexpectedResponse
from ..providers import addresses, announced_length, body_pieces, with_advice
from .access import StoreAccess
from .failures import ObjectStoreError, bounded, refusal
from .multipart import Part, completion, parts_of, upload_id
from .signing import EMPTY_SHA256, Signer

if TYPE_CHECKING:
    import httpx2

_READ_SECONDS = 60.0
_CHUNK = 1 << 20
_ETAG = re.compile(r'[!#-~]{1,128}|"[!#-~]{1,128}"')
_PART_TRIES, _PART_PAUSE = 3, 0.5
_GIVE_UP_SECONDS = 2.0
"""How long the end of a server may wait for that."""

_NOT_CONDITIONAL = 501
"""What stores answer that cannot refuse to overwrite."""


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """A file with more bytes than `single` is put in parts of `part` bytes, of which S3 wants at least 5 MiB each."""

    single: int = 64 << 20
    part: int = 16 << 20


@dataclass(frozen=True, kw_only=True)
class ObjectFacts:
    """What the store says of an object: its size, and the type that it was put with."""

    bytes: int
    content_type: str


@dataclass(frozen=True, kw_only=True)
class UploadTerms:
    """What others may put at a signed address, to the byte; `headers` have to be sent as they are."""

    content_type: str
    bytes: int
    sha256: str

    @property
    def headers(self) -> dict[str, str]:
        """The headers of that PUT. Every one is signed, and the store compares the body with its length and its hash."""
        checksum = base64.b64encode(bytes.fromhex(self.sha256)).decode()
        return {
            "Content-Type": self.content_type,
            "Content-Length": str(self.bytes),
            "x-amz-checksum-sha256": checksum,
        }


class ObjectStore:
    """
    One bucket. Names of objects have the prefix of the settings in front of them, here and nowhere else.

    Every call raises ObjectStoreError if it did not come about, whatever the reason; none is repeated, but for parts of a
    large file.
    """

    def __init__(
        self,
        access: StoreAccess,
        *,
        clock: Callable[[], float] = time.time,
        sizes: Sizes = Sizes(),
        read_seconds: float = _READ_SECONDS,
    ) -> None:
        self._access = access
        self._sizes = sizes
        self._read_seconds = read_seconds
        self._signer = Signer(access.keys, access.region, clock=clock)

    def __repr__(self) -> str:
        return f"ObjectStore({self._access.base!r})"

    @property
    def place(self) -> str:
        """Where all its objects are, as a URL without a key."""
        return f"{self._access.base}{self._access.prefix}"

    def upload_address(self, name: str, terms: UploadTerms, *, seconds: int) -> str:
        """Sign an address at which somebody else may put this one file, once or more, for so long."""
        url = self._access.public_base + self._path(name)
        return self._signer.address("PUT", url, seconds=seconds, headers=terms.headers)

    def download_address(self, name: str, *, seconds: int, file_name: str) -> str:
        """Sign an address from which whoever has it can save the object under a file name, for so long."""
        disposition = f'attachment; filename="{re.sub(r"[^A-Za-z0-9._-]", "_", file_name)}"'
        query = {"response-content-disposition": disposition}
        url = self._access.public_base + self._path(name)
        return self._signer.address("GET", url, seconds=seconds, query=query)

    async def put(self, name: str, path: Path, terms: UploadTerms) -> bool:
        """
        Put a file where nothing is yet; False if something is. The store refuses one that is not as the terms say.

        A store that cannot refuse to overwrite is asked to write all the same.
        """
        whole = self._put_whole if terms.bytes <= self._sizes.single else self._put_in_parts
        for condition in ({"If-None-Match": "*"}, {}):
            try:
                await whole(name, path, terms, condition)
                return True
            except ObjectStoreError as error:
                if error.status == 412:
                    return False
                if error.status != _NOT_CONDITIONAL or not condition:
                    raise
        return True

    async def head(self, name: str) -> ObjectFacts | None:
        """Look what is there; None: nothing."""
        try:
            async with self._call("HEAD", name) as response:
                length = announced_length(response)
                if length is None:
                    raise ObjectStoreError("The object store does not say how large the object is.")
                return ObjectFacts(bytes=length, content_type=response.headers.get("Content-Type", ""))
        except ObjectStoreError as error:
            if error.status == 404:
                return None
            raise

    async def read(self, name: str, first: int = 0, last: int | None = None) -> AsyncGenerator[bytes]:
        """Read an object, or of it the bytes from `first` to `last`, piece by piece; all that was asked for, or it raises."""
        ranged = first > 0 or last is not None
        headers = {"Range": f"bytes={first}-{'' if last is None else last}"} if ranged else {}
        async with self._call("GET", name, headers=headers, good=206 if ranged else 200) as response:
            announced, here = announced_length(response), 0
            async with aclosing(body_pieces(response, read_seconds=self._read_seconds)) as pieces:
                async for piece in pieces:
                    here += len(piece)
                    yield piece
            if here != announced:
                raise ObjectStoreError(f"The object store announced {announced} bytes and sent {here}.")

    async def digest(self, name: str) -> tuple[int, str]:
        """Read an object back; its size and the SHA-256 of what came."""
        digest, size = hashlib.sha256(), 0
        async with aclosing(self.read(name)) as pieces:
            async for piece in pieces:
                digest.update(piece)
                size += len(piece)
        return size, digest.hexdigest()

    async def put_small(self, name: str, content: bytes, content_type: str) -> None:
        """Put a few bytes, over whatever is there."""
        headers = {"Content-Type": content_type, "Content-Length": str(len(content))}
        sha256 = hashlib.sha256(content).hexdigest()
        async with self._call("PUT", name, headers=headers, content=content, sha256=sha256):
            pass

    async def read_small(self, name: str, most: int) -> bytes | None:
        """Read an object of at most so many bytes; None: there is none, as far as a key without `s3:ListBucket` is told."""
        content = bytearray()
        try:
            async with aclosing(self.read(name)) as pieces:
                async for piece in pieces:
                    content += piece
                    if len(content) > most:
                        raise ObjectStoreError(f"The object is larger than {most} bytes.")
        except ObjectStoreError as error:
            if error.status in (403, 404):
                return None
            raise
        return bytes(content)

    async def delete(self, name: str) -> None:
        """Delete an object; one that is not there is deleted already."""
        async with self._call("DELETE", name, good=204):
            pass

    async def _put_whole(
        self, name: str, path: Path, terms: UploadTerms, condition: Mapping[str, str]
    ) -> None:
        headers = {
            "Content-Type": terms.content_type,
            "Content-Length": str(terms.bytes),
            **condition,
        }
        content = _pieces(path)
        async with (
            aclosing(content),
            self._call("PUT", name, headers=headers, content=content, sha256=terms.sha256),
        ):
            pass

    async def _put_in_parts(
        self, name: str, path: Path, terms: UploadTerms, condition: Mapping[str, str]
    ) -> None:
        begun = await self._answer(
            "POST", name, query={"uploads": ""}, headers={"Content-Type": terms.content_type}
        )
        upload = upload_id(begun)
        try:
            digest = hashlib.sha256()
            etags: list[str] = []
            for part in parts_of(terms.bytes, self._sizes.part):
                content = await run_sync(partial(part.read, path))
                digest.update(content)
                etags.append(await self._put_part(name, upload, part, content))
            if digest.hexdigest() != terms.sha256:
                raise ObjectStoreError(
                    "The file has changed since it was saved; it is not put into the store."
                )
            await self._answer(
                "POST", name, query={"uploadId": upload}, headers=condition, content=completion(etags)
            )
        except BaseException:
            # What is left of it costs money; the lifecycle rule of the bucket is for what even this leaves.
            with anyio.move_on_after(_GIVE_UP_SECONDS, shield=True):
                await self._give_up(name, upload)
            raise

    async def _put_part(self, name: str, upload: str, part: Part, content: bytes) -> str:
        query = {"partNumber": str(part.number), "uploadId": upload}
        sha256 = hashlib.sha256(content).hexdigest()
        headers = {"Content-Length": str(len(content))}
        for attempt in range(1, _PART_TRIES + 1):
            try:
                async with self._call(
                    "PUT", name, query=query, headers=headers, content=content, sha256=sha256
                ) as response:
                    etag = response.headers.get("ETag", "")
                    if not _ETAG.fullmatch(etag):
                        raise ObjectStoreError("The object store took a part and does not say which.")
                    return etag
            except ObjectStoreError as error:
                again = error.status is None or error.status >= 500
                if not again or attempt == _PART_TRIES:
                    raise
                await anyio.sleep(exponential(_PART_PAUSE, attempt))
        raise AssertionError("a loop with tries ends in one")

    async def _give_up(self, name: str, upload: str) -> None:
        try:
            async with self._call("DELETE", name, query={"uploadId": upload}, good=204):
                pass
        except ObjectStoreError:
            return

    async def _answer(
        self,
        method: str,
        name: str,
        *,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        content: bytes = b"",
    ) -> bytes:
        sized = {**headers, "Content-Length": str(len(content))}
        sha256 = hashlib.sha256(content).hexdigest()
        async with self._call(
            method, name, query=query, headers=sized, content=content, sha256=sha256
        ) as response:
            body = await bounded(response)
        if b"<Error>" in body:  # S3 begins to answer before it knows whether it goes well
            raise refusal(500, body)
        return body

    @asynccontextmanager
    async def _call(  # noqa: PLR0913  the parts of a request
        self,
        method: str,
        name: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | AsyncIterator[bytes] | None = None,
        sha256: str = EMPTY_SHA256,
        good: int = 200,
    ) -> AsyncGenerator[httpx2.Response]:
        import httpx2

        from .signing import query_text

        url, access = self._url(name), self._access
        signed = self._signer.headers(method, url, query=query or {}, headers=headers or {}, sha256=sha256)
        whole = f"{url}?{query_text(query)}" if query else url
        try:
            addresses.check_url(url, trusted=access.trusted)
            async with (
                addresses.client(
                    trusted=access.trusted, outbound=access.outbound, read_seconds=self._read_seconds
                ) as http,
                http.stream(method, whole, headers=signed, content=content) as response,
            ):
                if response.status_code != good:
                    raise refusal(response.status_code, await bounded(response))
                yield response
        except UnexpectedResponse as error:
            raise ObjectStoreError(f"SEEDANCE_S3_ENDPOINT cannot be used: {error.message}") from error
        except (httpx2.HTTPError, httpx2.StreamError) as error:
            raise ObjectStoreError(
                f"The object store at {urlsplit(url).hostname} cannot be reached, or broke off.",
                hint=with_advice("", error, access.outbound, address="SEEDANCE_S3_ENDPOINT"),
            ) from error

    def _url(self, name: str) -> str:
        return self._access.base + self._path(name)

    def _path(self, name: str) -> str:
        return quote(f"{self._access.prefix}{name}", safe="/-_.~")


async def _pieces(path: Path) -> AsyncGenerator[bytes]:
    with await run_sync(path.open, "rb") as file:
        while piece := await run_sync(file.read, _CHUNK):
            yield piece
