"""The process that forks lives, as its user sees it, and each life to end at will."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from subprocess import PIPE
from typing import Any

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream


class Zygote:
    """The process that forks lives."""

    def __init__(self, process: Process) -> None:
        assert process.stdin
        assert process.stdout
        self._stdin = process.stdin
        self._lines = BufferedByteReceiveStream(process.stdout)
        self._number = 0
        self._pids: dict[int, anyio.Event] = {}
        self._ends: dict[int, anyio.Event] = {}
        self._facts: dict[int, dict[str, int]] = {}

    async def listen(self) -> None:
        """Take down what it says."""
        while True:
            try:
                said = json.loads(await self._lines.receive_until(b"\n", 10_000))
            except (anyio.EndOfStream, anyio.IncompleteRead):
                return
            number = said["number"]
            self._facts[number] |= said
            (self._ends if "ended" in said else self._pids)[number].set()

    async def start(self, **life: Any) -> Life:
        """Begin a life."""
        self._number += 1
        number = self._number
        self._facts[number] = {}
        self._pids[number], self._ends[number] = anyio.Event(), anyio.Event()
        await self._stdin.send(json.dumps({"number": number, **life}).encode() + b"\n")
        await self._pids[number].wait()
        return Life(self._facts[number], self._ends[number])


@dataclass
class Life:
    """One process."""

    facts: dict[str, int]
    over: anyio.Event

    def send(self, what: signal.Signals) -> None:
        """Send it a signal, if it still lives."""
        if not self.over.is_set():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.facts["pid"], what)

    async def end(self, seconds: float) -> int | None:
        """Wait for its end: the exit code, minus the signal's number, or None if it is still there."""
        with anyio.move_on_after(seconds):
            await self.over.wait()
            return self.facts["ended"]
        return None


@asynccontextmanager
async def zygote() -> AsyncIterator[Zygote]:
    """Start the process that forks lives; it and they are gone afterwards."""
    command = [sys.executable, "-m", "tests.reliability.kill_child"]
    async with await anyio.open_process(command, stdin=PIPE, stdout=PIPE, stderr=None) as process:
        made = Zygote(process)
        async with anyio.create_task_group() as group:
            group.start_soon(made.listen)
            try:
                yield made
            finally:
                group.cancel_scope.cancel()
                with anyio.CancelScope(shield=True):
                    assert process.stdin
                    await process.stdin.aclose()
                    with anyio.move_on_after(5):
                        await process.wait()
                    if process.returncode is None:
                        process.kill()
