"""What goes wrong between the service and its client, on command or by chance."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import anyio

from .strange import strange
from .wire import Connection, Response

PAGE = b"<!DOCTYPE html><html><head><title>Gateway</title></head><body><h1>Try again</h1></body></html>"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """
    One kind of trouble for the calls that it fits.

    `call` is the dialect's name for the call (`submit`, `poll`, `list`, `cancel`, `result`, ...) or `*`; `dialect` is the
    service's name, without one any.
    `accepted` tells whether the service carries the call out before the trouble shows: the case in which
    money is lost by sending again. `times` None means for ever; `chance` is rolled on each fitting call.
    """

    kind: str
    call: str = "submit"
    dialect: str | None = None
    accepted: bool = True
    times: int | None = 1
    chance: float = 1.0
    status: int | None = None
    seconds: float = 0.02
    value: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"No fault is called {self.kind!r}; there are: {', '.join(KINDS)}.")

    def fits(self, dialect: str, call: str) -> bool:
        """True if this call is meant."""
        return self.call in ("*", call) and self.dialect in (None, dialect)


class Faults:
    """The faults that wait for their calls, in order; the seed decides what chance decides."""

    def __init__(self, seed: int = 0) -> None:
        self._waiting: list[Fault] = []
        self.random = random.Random(seed)

    def add(self, *faults: Fault) -> None:
        """Let these happen too."""
        self._waiting.extend(faults)

    def clear(self) -> None:
        """Let nothing happen any more."""
        self._waiting.clear()

    def take(self, dialect: str, call: str) -> Fault | None:
        """The fault that hits this call, if any; it is used up once more."""
        for position, fault in enumerate(self._waiting):
            if not fault.fits(dialect, call) or self.random.random() >= fault.chance:
                continue
            if fault.times is not None:
                left = fault.times - 1
                self._waiting[position : position + 1] = [replace(fault, times=left)] if left else []
            return fault
        return None


async def play(
    fault: Fault,
    connection: Connection,
    answer: Response,
    refusal: Callable[[int, str], Response],
    rng: random.Random,
) -> bool:
    """
    Answer `answer` the way `fault` says. Returns whether the connection can go on.

    `refusal` writes an error with this status and code in the dialect's own shape.
    """
    if fault.kind == "late":
        await anyio.sleep(fault.seconds)
    match fault.kind:
        case "lost":
            return False
        case "reset":
            await connection.reset()
            return False
        case "silent":
            await connection.wait_until_left()
            return False
        case "drip_head":
            await connection.drip(answer.head() + answer.body, fault.seconds)
            return False
        case "drip_body":
            await connection.stream.send(answer.head())
            await connection.drip(answer.body, fault.seconds)
            return False
        case "cut_head":
            await connection.stream.send(answer.head()[: len(answer.head()) // 2])
            return False
        case "truncated":
            await connection.stream.send(answer.head() + answer.body[: len(answer.body) // 2])
            return False
        case "endless":
            await connection.stream.send(answer.head(length=10**12))
            for _ in range(200):
                await connection.stream.send(b"[" * 65_536)
            return False
        case "garbage":
            await connection.stream.send(bytes(rng.randrange(256) for _ in range(400)) + b"\r\n\r\n")
            return False
        case _:
            await connection.send(_changed(fault, answer, refusal, rng))
            return True


def _changed(
    fault: Fault, answer: Response, refusal: Callable[[int, str], Response], rng: random.Random
) -> Response:
    status = fault.status or answer.status
    match fault.kind:
        case "status":
            response = refusal(fault.status or 503, fault.value)
            return replace(response, headers={**response.headers, **_extra(fault)})
        case "page":
            return Response(status=fault.status or 200, body=PAGE, content_type="text/html")
        case "cut_json":
            return replace(answer, body=answer.body[: max(1, len(answer.body) // 2)])
        case "deep_json":
            return replace(answer, status=status, body=b"[" * 100_000 + b"]" * 100_000)
        case "no_id":
            return replace(answer, body=json.dumps({"object": "task", "data": None}).encode())
        case "wrong_types":
            shape = json.loads(answer.body or b"{}") if "json" in answer.content_type else {"film": None}
            return replace(answer, body=json.dumps(_turned(shape)).encode())
        case "strange" | "utf16":
            right = refusal(fault.status, fault.value) if fault.status else answer
            if "json" not in right.content_type:
                return right
            return replace(right, body=strange(right.body, utf16=fault.kind == "utf16"))
        case "loud_words":
            return _with(answer, "status", lambda word: f" {str(word).swapcase()} ")
        case "id_left_out":
            return _with(answer, "id", lambda _: None)
        case "another_id":
            return _with(answer, "id", lambda _: "another-task")
        case "empty":
            return replace(answer, status=status, body=b"")
        case "redirect":
            return Response(status=fault.status or 307, headers={"Location": fault.value})
        case "wrong_content_type":
            return replace(answer, content_type="text/html; charset=gbk")
        case "bomb":
            return Response(status=status, body=_bomb(), headers={"Content-Encoding": "gzip"})
        case "mangled":
            return replace(answer, body=_mangled(answer.body, rng))
        case "wrong_range":
            headers = {**answer.headers, "Content-Range": fault.value or "bytes 7-9/10"}
            return replace(answer, status=206, headers=headers)
        case "late":
            return answer
        case _:
            raise AssertionError(fault.kind)


def _with(answer: Response, what: str, change: Callable[[Any], Any]) -> Response:
    """The answer with its `status` or its task's `id` (under every name that one has) changed; None leaves it out."""
    names = ("id", "request_id") if what == "id" else (what,)

    def changed(facts: dict[str, Any]) -> dict[str, Any]:
        found = {name: change(value) if name in names else value for name, value in facts.items()}
        return {name: value for name, value in found.items() if value is not None or name not in names}

    said = json.loads(answer.body)
    inside = said.get("data")
    told = {**said, "data": changed(inside)} if isinstance(inside, dict) else changed(said)
    return replace(answer, body=json.dumps(told).encode())


@cache
def _bomb() -> bytes:
    return gzip.compress(bytes(50_000_000), compresslevel=9)


def _extra(fault: Fault) -> dict[str, str]:
    return {"Retry-After": f"{fault.seconds:g}"} if fault.status == 429 else {}


def _turned(value: Any) -> Any:
    """The same shape with every string a number and every number a string."""
    if isinstance(value, dict):
        return {name: _turned(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_turned(inner) for inner in value]
    return 7 if isinstance(value, str) else str(value)


def _mangled(body: bytes, rng: random.Random) -> bytes:
    """A few random bytes changed, dropped or doubled."""
    damaged = bytearray(body)
    for _ in range(rng.randrange(1, 6)):
        if not damaged:
            break
        place = rng.randrange(len(damaged))
        match rng.randrange(3):
            case 0:
                damaged[place] = rng.randrange(256)
            case 1:
                del damaged[place : place + rng.randrange(1, 9)]
            case _:
                damaged[place:place] = damaged[place : place + rng.randrange(1, 9)]
    return bytes(damaged)


KINDS = {
    "lost": "the connection closes without an answer",
    "reset": "the connection is reset",
    "silent": "no answer comes, and the connection stays open",
    "drip_head": "the answer comes byte by byte, `seconds` apart, from the first on",
    "drip_body": "the same, from the body on",
    "cut_head": "half of the head, then the end",
    "truncated": "the head and half of the body, then the end",
    "endless": "a body that never ends",
    "garbage": "random bytes instead of HTTP",
    "status": "a refusal with `status` (default 503) and the code `value`; with 429 Retry-After is `seconds`",
    "page": "a page in HTML, with `status` (default 200)",
    "cut_json": "half of the JSON, with the right length",
    "deep_json": "JSON of 100,000 levels",
    "no_id": "JSON without the task",
    "wrong_types": "every text a number, every number a text",
    "loud_words": "the status word in other letters, with blanks around it",
    "id_left_out": "the task without its id",
    "another_id": "the task under another id",
    "empty": "no body",
    "redirect": "a redirect (`status`, default 307) to the address `value`",
    "wrong_content_type": "JSON that is called a page",
    "bomb": "50 MB of zeros in a few kB of gzip",
    "mangled": "a few random bytes changed, dropped or doubled",
    "wrong_range": "another part than was asked for (Content-Range `value`)",
    "late": "the true answer, `seconds` later",
    "strange": "the true answer (or the refusal `status`, `value`) with NUL, half surrogate pairs, giant numbers and the like",
    "utf16": "the same in UTF-16",
}
"""Every kind of fault, and what the client sees of it."""


def faults_from(values: Iterable[dict[str, Any]]) -> list[Fault]:
    """Faults as the control API takes them: one object each, fields as in `Fault`."""
    return [Fault(**value) for value in values]
