"""A small S3: keeps objects, and serves only whoever signed the address."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from .s3_signatures import KEY_ID, SECRET, judge
from .scripted import scripted
from .wire import Connection, Request, Response


@dataclass
class Store:
    """The buckets of one account. `objects` are (content type, bytes) by path; `calls` every (method, path, status)."""

    bucket: str = "clips"
    region: str = "cn-test"
    clock: Callable[[], float] = time.time
    origin: str = ""
    objects: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    calls: list[tuple[str, str, int]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    refuse: Response | None = None
    """What is answered to everything, whatever it is."""

    def environment(self) -> dict[str, str]:
        """The variables that make this bucket the carrier."""
        return {
            "SEEDANCE_CARRIER": "s3",
            "SEEDANCE_S3_BUCKET": self.bucket,
            "SEEDANCE_S3_ENDPOINT": self.origin,
            "SEEDANCE_S3_REGION": self.region,
            "SEEDANCE_S3_ACCESS_KEY_ID": KEY_ID,
            "SEEDANCE_S3_SECRET_ACCESS_KEY": SECRET,
        }

    def count(self, method: str) -> int:
        """How many calls with this method came, refused ones included."""
        return sum(call[0] == method for call in self.calls)

    def answer(self, request: Request) -> Response:
        """Carry a call out, if its address is signed for it."""
        status, wrong = judge(request, region=self.region, now=self.clock())
        if self.refuse is not None:
            answer = self.refuse
        elif wrong:
            answer = error(status, wrong)
        elif not request.path.startswith(f"/{self.bucket}/"):
            answer = error(404, "NoSuchBucket")
        elif request.method == "PUT":
            self.objects[request.path] = (request.headers.get("content-type", ""), request.body)
            answer = Response(content_type="text/plain", headers={"ETag": '"an-etag"'})
        elif request.path in self.objects:
            kind, body = self.objects[request.path]
            answer = Response(body=body, content_type=kind)
        else:
            answer = error(404, "NoSuchKey")
        self.requests.append(request)
        self.calls.append((request.method, request.path, answer.status))
        return answer


def error(status: int, code: str, **headers: str) -> Response:
    """A refusal as S3 writes it, with more in it than anybody should repeat."""
    body = (
        f'<?xml version="1.0"?><Error><Code>{code}</Code><AWSAccessKeyId>{KEY_ID}</AWSAccessKeyId>'
        "<StringToSign>AWS4-HMAC-SHA256</StringToSign></Error>"
    )
    return Response(status=status, body=body.encode(), content_type="application/xml", headers=headers)


@asynccontextmanager
async def running(store: Store) -> AsyncIterator[Store]:
    """Serve it on a port of 127.0.0.1."""

    async def say(connection: Connection, request: Request) -> bool:
        await connection.send(store.answer(request))
        return True

    async with scripted(say) as server:
        store.origin = server.origin
        yield store


def secrets_in(text: str) -> list[str]:
    """Every trace of the keys, or of a signature, in a text."""
    return [word for word in (KEY_ID, SECRET) if word in text] + re.findall(r"X-Amz-[A-Z]\w+", text)
