"""
A pretended video API for benchmarks: it speaks Ark's tasks, answers at once, and counts its calls.

It is a process of its own, so that what it costs is not taken for what the server costs. A task whose id it never gave
out is one that begins when it is first asked for: so a database can be filled with open jobs by hand.

    python -m benchmarks.provider [--seconds 60] [--video FILE] [--port 0]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import anyio
from anyio.abc import SocketAttribute, SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

KEY = "benchmark-key"
TASKS = "/api/v3/contents/generations/tasks"
VIDEOS = "/videos/"
COUNTS = "/counts"
TOKENS_PER_SECOND = 864 * 480 * 24 // 1024
"""What a second of 480p is charged as."""

MOST_BYTES_OF_HEAD = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Provider:
    """A running pretended provider, at an address such as `http://127.0.0.1:8800`."""

    address: str

    @property
    def tasks_url(self) -> str:
        """Where tasks are created."""
        return self.address + TASKS

    @property
    def environment(self) -> dict[str, str]:
        """The settings that make the server buy here."""
        return {"SEEDANCE_ARK_BASE_URL": f"{self.address}/api/v3", "ARK_API_KEY": KEY}

    def counts(self) -> Counter[str]:
        """How many calls of each kind there were: `create`, `get`, `list`, `delete`, `download`, `other`."""
        with urllib.request.urlopen(self.address + COUNTS, timeout=10) as answer:
            return Counter(json.load(answer))


@contextmanager
def running(*, seconds: float = 60.0, video: Path | None = None) -> Generator[Provider]:
    """Start a provider whose tasks take so many seconds and make this video; it ends with the block."""
    command = [sys.executable, "-m", "benchmarks.provider", "--seconds", str(seconds)]
    if video:
        command += ["--video", str(video)]
    root = Path(__file__).resolve().parents[1]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8", cwd=root) as process:
        try:
            assert process.stdout
            yield Provider(address=process.stdout.readline().strip())
        finally:
            process.terminate()


@dataclass
class Task:
    """One task: when it began, by `time.time`, and what the order said."""

    began: float
    model: str | None = None
    mark: str | None = None
    duration: int = 5


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is sent back."""

    body: bytes
    status: str = "200 OK"
    kind: str = "application/json"
    headers: tuple[str, ...] = ()


@dataclass
class World:
    """The tasks, the calls so far, and what is made: tasks take `seconds`."""

    seconds: float
    video: bytes
    address: str = ""
    tasks: dict[str, Task] = field(default_factory=dict[str, Task])
    counts: Counter[str] = field(default_factory=Counter[str])

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        """Carry out one call."""
        path, _, query = target.partition("?")
        if path == COUNTS:
            return _document(self.counts)
        if path.startswith(VIDEOS):
            self.counts["download"] += 1
            return self._part_of_video(headers.get("range", ""))
        if path == TASKS and method == "POST":
            self.counts["create"] += 1
            return self._create(json.loads(body))
        if path == TASKS:
            self.counts["list"] += 1
            return self._list(parse_qs(query))
        task_id = path.removeprefix(TASKS + "/")
        if task_id == path or method not in ("GET", "DELETE"):
            self.counts["other"] += 1
            return _error("404 Not Found", "ResourceNotFound")
        if method == "DELETE":
            self.counts["delete"] += 1
            return _error("409 Conflict", "InvalidAction.RunningTaskDeletion")
        self.counts["get"] += 1
        return _document(self._said_of(task_id, self.tasks.setdefault(task_id, Task(time.time()))))

    def _create(self, order: dict[str, Any]) -> Answer:
        now = time.time()
        task_id = f"cgt-{time.strftime('%Y%m%d%H%M%S', time.gmtime(now))}-{len(self.tasks):05}"
        self.tasks[task_id] = Task(
            now, order["model"], order.get("safety_identifier"), order.get("duration", 5)
        )
        return _document({"id": task_id})

    def _list(self, query: dict[str, list[str]]) -> Answer:
        number, size = int(query.get("page_num", ["1"])[0]), int(query.get("page_size", ["20"])[0])
        newest_first = list(self.tasks.items())[::-1]
        page = newest_first[(number - 1) * size : number * size]
        return _document({"total": len(self.tasks), "items": [self._said_of(*item) for item in page]})

    def _said_of(self, task_id: str, task: Task) -> dict[str, Any]:
        ends = task.began + self.seconds
        done = time.time() >= ends
        said: dict[str, Any] = {
            "id": task_id,
            "status": "succeeded" if done else "running",
            "created_at": int(task.began),
            "updated_at": int(ends if done else task.began),
            "service_tier": "default",
            "execution_expires_after": 172800,
        }
        if task.model is not None:
            said |= {"model": task.model, "safety_identifier": task.mark}
        if done:
            tokens = task.duration * TOKENS_PER_SECOND
            said |= {
                "content": {"video_url": f"{self.address}{VIDEOS}{task_id}.mp4?{_signature(task_id)}"},
                "usage": {"completion_tokens": tokens, "total_tokens": tokens},
            }
        return said

    def _part_of_video(self, asked: str) -> Answer:
        whole, entity = len(self.video), 'ETag: "video"'
        first = asked.removeprefix("bytes=").removesuffix("-")
        if not first.isdigit():
            return Answer(body=self.video, kind="video/mp4", headers=(entity,))
        start = int(first)
        if start >= whole:
            return Answer(
                body=b"", status="416 Range Not Satisfiable", headers=(f"Content-Range: bytes */{whole}",)
            )
        return Answer(
            body=self.video[start:],
            status="206 Partial Content",
            kind="video/mp4",
            headers=(entity, f"Content-Range: bytes {start}-{whole - 1}/{whole}"),
        )


def _signature(task_id: str) -> str:
    """What the addresses of results end with at a provider: a quarter of a kilobyte that nobody can foresee."""
    drawn = hashlib.sha256(task_id.encode()).hexdigest()
    return (
        "X-Tos-Algorithm=TOS4-HMAC-SHA256&X-Tos-Credential=AKLTbenchmark%2F20261130%2Fcn-beijing%2Ftos%2Frequest"
        f"&X-Tos-Date=20261130T000000Z&X-Tos-Expires=86400&X-Tos-Signature={drawn}&X-Tos-SignedHeaders=host"
    )


def _document(value: Any) -> Answer:
    return Answer(body=json.dumps(value).encode())


def _error(status: str, code: str) -> Answer:
    body = {"error": {"code": code, "message": "The request failed."}}
    return Answer(body=json.dumps(body).encode(), status=status)


async def serve_one(world: World, stream: SocketStream) -> None:
    """Answer the calls that come over one connection, in turn, until it is closed."""
    received = BufferedByteReceiveStream(stream)
    async with stream:
        try:
            while True:
                head = (await received.receive_until(b"\r\n\r\n", MOST_BYTES_OF_HEAD)).decode("latin-1")
                first, *lines = head.split("\r\n")
                pairs = (line.partition(":") for line in lines)
                headers = {name.lower(): value.strip() for name, _, value in pairs}
                method, target, _ = first.split(" ")
                body = await received.receive_exactly(int(headers.get("content-length", "0")))
                answer = world.answer(method, target, headers, body)
                written = "\r\n".join(
                    (
                        f"HTTP/1.1 {answer.status}",
                        f"Date: {formatdate(usegmt=True)}",
                        f"Content-Type: {answer.kind}",
                        f"Content-Length: {len(answer.body)}",
                        *answer.headers,
                        "\r\n",
                    )
                )
                await stream.send(written.encode() + answer.body)
        except (anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError):
            return


async def serve(world: World, port: int) -> None:
    """Serve at this port of this machine alone, at any for 0, and print the address; does not return."""
    async with await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=port) as listener:
        port = listener.extra(SocketAttribute.local_port)
        world.address = f"http://127.0.0.1:{port}"
        print(world.address, flush=True)

        async def handle(stream: SocketStream) -> None:
            await serve_one(world, stream)

        await listener.serve(handle)


def main() -> None:
    """Read the command line and serve until the process is ended."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="until a task is done")
    parser.add_argument("--video", type=Path, help="what every task makes")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    video = options.video.read_bytes() if options.video else b""
    try:
        anyio.run(serve, World(seconds=options.seconds, video=video), options.port)
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
