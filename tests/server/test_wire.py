"""Lines on pipes: whole, bounded, and never in the way of the process's end."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel
import pytest
from anyio.from_thread import BlockingPortal

from seedance_mcp.server.wire import Blocking, Overlong, read_lines, write_line

LIMIT = 200_000


@asynccontextmanager
async def _pipe() -> AsyncGenerator[tuple[int, int, Blocking]]:
    reading, writing = os.pipe()
    async with BlockingPortal() as portal:
        yield reading, writing, Blocking(portal)
    os.close(reading)


async def _read(pieces: Sequence[bytes]) -> list[bytes | Overlong]:
    found: list[bytes | Overlong] = []
    with anyio.fail_after(10):
        async with _pipe() as (reading, writing, blocking), anyio.create_task_group() as tasks:

            async def send() -> None:
                for piece in pieces:
                    rest = piece
                    while rest:
                        rest = rest[await blocking(lambda rest=rest: os.write(writing, rest)) :]
                os.close(writing)

            tasks.start_soon(send)
            async for line in read_lines(reading, blocking, limit=LIMIT):
                found.append(line)  # noqa: PERF401  an async comprehension could not be looked at halfway
    return found


@pytest.mark.parametrize(
    ("pieces", "lines"),
    [
        ([], []),
        ([b"one\ntwo\n"], [b"one", b"two"]),
        ([b"on", b"e\nt", b"wo\n"], [b"one", b"two"]),
        ([b"one\n\n\ntwo"], [b"one", b"", b"", b"two"]),
        ([b"x" * LIMIT, b"\nnext\n"], [b"x" * LIMIT, b"next"]),
    ],
    ids=["nothing", "two", "in pieces", "empty and unfinished", "as long as allowed"],
)
async def test_lines_come_whole_however_they_were_sent(pieces: list[bytes], lines: list[bytes]) -> None:
    assert await _read(pieces) == lines


async def test_of_a_line_that_is_too_long_only_the_ends_are_kept() -> None:
    long = b"[begin" + b"x" * (5 * LIMIT) + b"end]"
    dropped, after = await _read([b"".join([long, b"\nafter\n"])])
    assert isinstance(dropped, Overlong)
    assert dropped.head.startswith(b"[begin")
    assert dropped.tail.endswith(b"end]")
    assert len(dropped.head) + len(dropped.tail) < 2_000
    assert after == b"after"


async def test_a_long_line_is_written_whole_to_a_slow_reader() -> None:
    line = os.urandom(300_000).replace(b"\n", b" ")
    got = bytearray()
    with anyio.fail_after(10):
        async with _pipe() as (reading, writing, blocking), anyio.create_task_group() as tasks:
            tasks.start_soon(write_line, writing, line, blocking)
            while not got.endswith(b"\n"):
                got += await blocking(lambda: os.read(reading, 1000))
        os.close(writing)
    assert got == line + b"\n"


async def test_writing_to_a_reader_that_left_is_an_error() -> None:
    with anyio.fail_after(10):
        reading, writing = os.pipe()
        os.close(reading)
        async with BlockingPortal() as portal:
            with pytest.raises(BrokenPipeError):
                await write_line(writing, b"x", Blocking(portal))
        os.close(writing)


async def test_a_read_that_waits_for_ever_can_be_given_up() -> None:
    with anyio.fail_after(10):
        async with _pipe() as (reading, writing, blocking):
            with anyio.move_on_after(0.1) as scope:
                async for _ in read_lines(reading, blocking):
                    pass
            os.close(writing)
    assert scope.cancelled_caught


async def test_calls_in_a_row_share_a_thread_and_one_that_waits_holds_nobody_up() -> None:
    with anyio.fail_after(10):
        async with _pipe() as (reading, writing, blocking), anyio.create_task_group() as tasks:
            names = {await blocking(threading.get_ident) for _ in range(5)}
            assert len(names) == 1
            tasks.start_soon(blocking, lambda: os.read(reading, 1))
            await anyio.lowlevel.checkpoint()
            assert await blocking(threading.get_ident) not in names
            os.write(writing, b"x")
            os.close(writing)
