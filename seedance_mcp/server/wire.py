"""Lines over this process's own stdin and stdout, which nobody else may touch while the server runs."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass

import anyio
import anyio.to_thread

MAX_LINE_BYTES = 8 * 1024 * 1024
"""Longest accepted message. Files travel by path or URL, so a longer line is a mistake or an attack."""

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


async def read_lines(descriptor: int, *, limit: int = MAX_LINE_BYTES) -> AsyncIterator[bytes | Overlong]:
    """
    Yield each line without its end, until the other side closes.

    Memory stays below `limit` plus a chunk, however long a line is. Reading happens in a thread of its own
    that is left behind on cancellation, because a blocked read cannot be interrupted.
    """
    thread = anyio.CapacityLimiter(1)
    line = bytearray()
    overlong: Overlong | None = None
    while True:
        try:
            chunk = await anyio.to_thread.run_sync(
                os.read, descriptor, _CHUNK_BYTES, abandon_on_cancel=True, limiter=thread
            )
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


async def write_line(descriptor: int, line: bytes, thread: anyio.CapacityLimiter) -> None:
    """
    Write the line and its end, whole.

    Raises:
        BrokenPipeError: nobody reads any more.
    """
    await anyio.to_thread.run_sync(_write, descriptor, line + b"\n", abandon_on_cancel=True, limiter=thread)


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
