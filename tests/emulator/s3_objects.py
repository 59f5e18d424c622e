"""A pretended object store: whole objects and parts, ranges, no overwriting where that is asked for, and trouble on command."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from .s3 import error
from .s3_signatures import KEY_ID, SECRET, judge
from .scripted import scripted
from .wire import Connection, Request, Response

_LEAST_PART = 5 << 20
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_PART = re.compile(rb"<PartNumber>(\d+)</PartNumber><ETag>([^<]*)</ETag>")


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """
    What goes wrong with the next call of a method: refused with a 500, done and the answer `lost`, or its answer `cut` in
    the middle; `silent` says nothing until the client leaves.
    """

    kind: Literal["500", "lost", "cut", "silent"]
    method: str = "PUT"


@dataclass(frozen=True, kw_only=True)
class Held:
    """An object."""

    content_type: str
    body: bytes

    @property
    def etag(self) -> str:
        """What tells two versions apart."""
        return f'"{hashlib.md5(self.body).hexdigest()}"'


@dataclass
class Upload:
    """What has arrived of an object in parts."""

    path: str
    content_type: str
    parts: dict[int, bytes] = field(default_factory=dict)


@dataclass
class ObjectStorage:
    """The bucket of a team. `objects` are by path, `calls` every (method, path, status)."""

    bucket: str = "team"
    region: str = "cn-test"
    clock: Callable[[], float] = time.time
    origin: str = ""
    refuses_overwriting: bool = True
    least_part: int = _LEAST_PART
    objects: dict[str, Held] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    calls: list[tuple[str, str, int]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    trouble: list[Trouble] = field(default_factory=list)
    spoil: Callable[[bytes], bytes] = bytes
    """What becomes of a body between its arrival and its disk."""

    def environment(self, prefix: str = "videos") -> dict[str, str]:
        """The variables that make this the server's object store."""
        return {
            "SEEDANCE_OBJECT_STORE": f"s3://{self.bucket}/{prefix}",
            "SEEDANCE_S3_ENDPOINT": self.origin,
            "SEEDANCE_S3_REGION": self.region,
            "SEEDANCE_S3_ACCESS_KEY_ID": KEY_ID,
            "SEEDANCE_S3_SECRET_ACCESS_KEY": SECRET,
        }

    def count(self, method: str) -> int:
        """How many calls with this method came, refused ones included."""
        return sum(call[0] == method for call in self.calls)

    def answer(self, request: Request) -> Response:
        """Carry a call out, if it is signed."""
        status, code = judge(request, region=self.region, now=self.clock())
        if code:
            answer = error(status, code)
        elif not request.path.startswith(f"/{self.bucket}/"):
            answer = error(404, "NoSuchBucket")
        else:
            answer = self._carried_out(request)
        self.requests.append(request)
        self.calls.append((request.method, request.path, answer.status))
        return answer

    def _carried_out(self, request: Request) -> Response:
        pairs = (pair.partition("=") for pair in urlsplit(request.target).query.split("&"))
        query = {name: value for name, _, value in pairs}
        match request.method:
            case "PUT" if "uploadId" in query:
                return self._part(query["uploadId"], int(query["partNumber"]), request.body)
            case "PUT":
                return self._put(request, request.body, request.headers.get("content-type", ""))
            case "POST" if "uploads" in query:
                name = f"upload-{len(self.uploads) + 1}"
                self.uploads[name] = Upload(request.path, request.headers.get("content-type", ""))
                return _xml(
                    f"<InitiateMultipartUploadResult><UploadId>{name}</UploadId></InitiateMultipartUploadResult>"
                )
            case "POST":
                return self._complete(request, query["uploadId"])
            case "DELETE" if "uploadId" in query:
                return (
                    Response(status=204)
                    if self.uploads.pop(query["uploadId"], None)
                    else error(404, "NoSuchUpload")
                )
            case "DELETE":
                self.objects.pop(request.path, None)
                return Response(status=204)
            case _:
                return self._get(request)

    def _put(self, request: Request, body: bytes, content_type: str) -> Response:
        if "if-none-match" in request.headers:
            if not self.refuses_overwriting:
                return error(501, "NotImplemented")
            if request.path in self.objects:
                return error(412, "PreconditionFailed")
        held = Held(content_type=content_type, body=self.spoil(body))
        self.objects[request.path] = held
        return Response(content_type="text/plain", headers={"ETag": held.etag})

    def _part(self, name: str, number: int, body: bytes) -> Response:
        if name not in self.uploads:
            return error(404, "NoSuchUpload")
        self.uploads[name].parts[number] = body
        return Response(content_type="text/plain", headers={"ETag": Held(content_type="", body=body).etag})

    def _complete(self, request: Request, name: str) -> Response:
        upload = self.uploads.get(name)
        if upload is None or upload.path != request.path:
            return error(404, "NoSuchUpload")
        listed = [(int(number), etag.decode()) for number, etag in _PART.findall(request.body)]
        etags = {number: Held(content_type="", body=body).etag for number, body in upload.parts.items()}
        if listed != sorted(etags.items()):
            return error(400, "InvalidPart")
        bodies = [upload.parts[number] for number, _ in listed]
        if any(len(body) < self.least_part for body in bodies[:-1]):
            return error(400, "EntityTooSmall")
        answer = self._put(request, b"".join(bodies), upload.content_type)
        if answer.status != 200:
            return answer
        del self.uploads[name]
        return _xml("<CompleteMultipartUploadResult></CompleteMultipartUploadResult>")

    def _get(self, request: Request) -> Response:
        held = self.objects.get(request.path)
        if held is None:
            return error(404, "NoSuchKey")
        headers = {"ETag": held.etag, "Accept-Ranges": "bytes"}
        if wished := request.query.get("response-content-disposition"):
            headers["Content-Disposition"] = wished[0]
        ranged = _RANGE.fullmatch(request.headers.get("range", ""))
        if ranged is None:
            return Response(body=held.body, content_type=held.content_type, headers=headers)
        first, last = int(ranged[1]), min(int(ranged[2] or len(held.body)), len(held.body) - 1)
        if first > last:
            return error(416, "InvalidRange")
        headers["Content-Range"] = f"bytes {first}-{last}/{len(held.body)}"
        body = held.body[first : last + 1]
        return Response(status=206, body=body, content_type=held.content_type, headers=headers)

    def next_trouble(self, request: Request) -> str:
        """What goes wrong with this call; empty: nothing."""
        for trouble in self.trouble:
            if trouble.method == request.method:
                self.trouble.remove(trouble)
                return trouble.kind
        return ""


@asynccontextmanager
async def running(storage: ObjectStorage) -> AsyncIterator[ObjectStorage]:
    """Serve it on a port of 127.0.0.1."""

    async def say(connection: Connection, request: Request) -> bool:
        kind = storage.next_trouble(request)
        if kind == "silent":
            await connection.wait_until_left()
            return False
        if kind == "500":
            storage.calls.append((request.method, request.path, 500))
            await connection.send(error(500, "InternalError"))
            return True
        answer = storage.answer(request)
        if kind == "lost":
            return False
        whole = answer.head() + (b"" if request.method == "HEAD" else answer.body)
        await connection.stream.send(whole[: len(whole) - len(answer.body) // 2] if kind == "cut" else whole)
        return kind != "cut"

    async with scripted(say) as server:
        storage.origin = server.origin
        yield storage


def _xml(words: str) -> Response:
    return Response(body=f'<?xml version="1.0"?>{words}'.encode(), content_type="application/xml")
