"""The process that forks lives, as its user sees it, and each life to end at will."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
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
        self._turn = anyio.Lock()
        self._number = 0
        self._lives: dict[int, Life] = {}

    async def listen(self) -> None:
        """Take down what it says."""
        while True:
            try:
                said = json.loads(await self._lines.receive_until(b"\n", 10_000))
            except (anyio.EndOfStream, anyio.IncompleteRead):
                return
            number = said["number"]
            if "by" in said:
                self._lives[number] = Life(number, words=said["words"])
                self._lives[said["by"]].left.append(self._lives[number])
            life = self._lives[number]
            life.facts |= said
            (life.over if "ended" in said else life.begun).set()

    async def start(self, **life: Any) -> Life:
        """Begin a life."""
        self._number += 1
        number = self._number
        self._lives[number] = begun = Life(number)
        await self._tell({"number": number, **life})
        await begun.begun.wait()
        return begun

    async def close_input(self, life: Life) -> None:
        """Close the stdin of a server."""
        await self._tell({"close": life.number})

    async def _tell(self, line: dict[str, Any]) -> None:
        async with self._turn:
            await self._stdin.send(json.dumps(line).encode() + b"\n")


@dataclass(eq=False)
class Life:
    """One process, with those that it has left behind; they are there by the time that it is over."""

    number: int
    words: str = ""
    """Of its command line, for those that were left behind."""
    facts: dict[str, Any] = field(default_factory=dict[str, Any])
    begun: anyio.Event = field(default_factory=anyio.Event)
    over: anyio.Event = field(default_factory=anyio.Event)
    left: list[Life] = field(default_factory=lambda: list[Life]())

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
async def zygote(module: str = "tests.reliability.kill_child") -> AsyncIterator[Zygote]:
    """Start the process that forks lives; it and they are gone afterwards."""
    command = [sys.executable, "-m", module]
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
