"""Lines over this process's own stdin and stdout, which nobody else may touch while the server runs."""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import anyio
from anyio.from_thread import BlockingPortal

MAX_LINE_BYTES = 8 * 1024 * 1024
"""Longest accepted message. Files travel by path or URL, so a longer line is a mistake or an attack."""

T = TypeVar("T")

_CHUNK_BYTES = 64 * 1024
_KEPT_BYTES = 512


@dataclass(frozen=True)
class Overlong:
    """A line that was dropped while it came in, except for both ends, which tell what it answers to."""

    head: bytes
    tail: bytes


def claim() -> tuple[int, int]:
    """
    Take stdin and stdout away from everything else in this process and return private descriptors for them.

    From then on descriptor 0 is empty and descriptor 1 is stderr, so that a stray print or a child process
    cannot break the protocol. Nothing is given back: the process ends when the server does.
    """
    if sys.stdout is not None:
        sys.stdout.flush()
    incoming, outgoing = os.dup(0), os.dup(1)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    os.dup2(2, 1)
    if sys.platform == "win32":
        from mcp.os.win32.utilities import rebind_std_handle_to_fd

        rebind_std_handle_to_fd(0)
        rebind_std_handle_to_fd(1)
    return incoming, outgoing


class Blocking:
    """
    Runs blocking calls in threads that do not keep the process alive.

    A read that waits for input, or a write that waits for a reader, cannot be interrupted; when the server
    ends, such a thread is left behind and goes with the process. A thread that has finished takes the next call.
    """

    def __init__(self, portal: BlockingPortal) -> None:
        self._portal = portal
        self._idle: list[queue.SimpleQueue[Callable[[], None]]] = []

    async def __call__(self, function: Callable[[], T]) -> T:
        """Call the function. Raises the OSError that it raises."""
        done = anyio.Event()
        outcome: list[T | OSError] = []

        def work() -> None:
            try:
                outcome.append(function())
            except OSError as error:
                outcome.append(error)
            with suppress(RuntimeError):  # the event loop has ended meanwhile
                self._portal.start_task_soon(done.set)

        calls = self._idle.pop() if self._idle else _start_thread()
        calls.put(work)
        await done.wait()
        self._idle.append(calls)
        [result] = outcome
        if isinstance(result, OSError):
            raise result
        return result


def _start_thread() -> queue.SimpleQueue[Callable[[], None]]:
    """Start a thread that makes the calls which it is handed, for as long as the process lives."""
    calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    def work() -> None:
        while True:
            calls.get()()

    threading.Thread(target=work, name="stdio", daemon=True).start()
    return calls


async def read_lines(
    descriptor: int, blocking: Blocking, *, limit: int = MAX_LINE_BYTES
) -> AsyncGenerator[bytes | Overlong]:
    """
    Yield each line without its end, until the other side closes.

    Memory stays below `limit` plus a chunk, however long a line is.
    """
    line = bytearray()
    overlong: Overlong | None = None
    while True:
        try:
            chunk = await blocking(lambda: os.read(descriptor, _CHUNK_BYTES))
        except OSError:  # a terminal that went away; the same as the end
            chunk = b""
        *ended, rest = chunk.split(b"\n")
        for part in ended:
            yield _longer(overlong, part) if overlong else bytes(line + part)
            line.clear()
            overlong = None
        if overlong:
            overlong = _longer(overlong, rest)
        else:
            line += rest
            if len(line) > limit:
                overlong = Overlong(bytes(line[:_KEPT_BYTES]), bytes(line[-_KEPT_BYTES:]))
                line = bytearray()
        if not chunk:
            break
    if line:
        yield bytes(line)


def _longer(overlong: Overlong, more: bytes) -> Overlong:
    return Overlong(overlong.head, (overlong.tail + more)[-_KEPT_BYTES:])


async def write_line(descriptor: int, line: bytes, blocking: Blocking) -> None:
    """
    Write the line and its end, whole.

    Raises:
        OSError: nobody reads any more.
    """
    rest = line + b"\n"
    while rest:
        rest = rest[await blocking(partial(os.write, descriptor, rest)) :]
