"""What stands in for the event loop: coroutines that stop between their effects, and time that only a schedule moves."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from types import SimpleNamespace
from typing import Any

from seedance_mcp.jobs import active_purchases, receipt_adoption, runner, watcher
from seedance_mcp.jobs.buying import outcomes, purchase_flow, submission
from seedance_mcp.jobs.results import hook_runner


class Pause:
    """Awaiting it hands control to the schedule: anything may happen before the next effect."""

    def __await__(self) -> Generator[None]:
        yield


PAUSE = Pause()


class Until:
    """Awaiting it hands control to the schedule until something is so."""

    def __init__(self, holds: Callable[[], bool]) -> None:
        self._holds = holds

    def __await__(self) -> Generator[Callable[[], bool]]:
        yield self._holds


class Thread:
    """A coroutine of one process."""

    def __init__(self, process: Any, work: Any, contained: bool = False) -> None:
        self.process, self.work, self.contained = process, work, contained
        self.deadlines: list[float] = []
        self.evidence = ("", 0.0)
        self.heard = ""
        self._waits_for: Callable[[], bool] | None = None

    @property
    def ready(self) -> bool:
        """Whether it has an effect to do: its process is not stopped, and what it waits for has happened."""
        return not self.process.paused and (self._waits_for is None or self._waits_for())

    def go_on(self) -> None:
        """Do what comes up to the next pause. Raises what the coroutine raises, StopIteration at its end."""
        self._waits_for = self.work.send(None)


class _TimeUp(Exception):
    pass


class _Patience:
    """What `anyio.move_on_after` is here: over when the true time has passed the deadline."""

    def __init__(self, loop: Loop, seconds: float) -> None:
        self._thread, self._end = loop.running, loop.time() + seconds

    def __enter__(self) -> None:
        self._thread.deadlines.append(self._end)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        self._thread.deadlines.pop()
        return kind is _TimeUp


class _Event:
    def set(self) -> None:
        """Nobody waits here: the callers' side is not part of this world."""


class Loop:
    """The few things that the money core takes from anyio, on the world's own clock."""

    Event = _Event

    def __init__(self, time: Callable[[], float]) -> None:
        self.time = time
        self.running: Any = None
        self.to_thread = SimpleNamespace(run_sync=_run_sync)

    async def sleep(self, seconds: float) -> None:
        thread, end = self.running, self.time() + seconds
        over = min([end, *thread.deadlines])
        await Until(lambda: self.time() >= over)
        if self.time() < end:
            raise _TimeUp

    def move_on_after(self, seconds: float) -> _Patience:
        return _Patience(self, seconds)

    def CancelScope(self, **_: object) -> contextlib.nullcontext[None]:  # noqa: N802  anyio's name
        return contextlib.nullcontext()


async def _run_sync(work: Callable[..., Any], *arguments: Any, **_: object) -> Any:
    await PAUSE
    return work(*arguments)


@contextlib.contextmanager
def played(loop: Loop) -> Iterator[None]:
    """Let the money core run on this loop instead of anyio's, for as long as the context is open."""
    modules: tuple[Any, ...] = (
        active_purchases, hook_runner, outcomes, receipt_adoption, submission, purchase_flow, runner, watcher,
    )  # fmt: skip
    real = [module.anyio for module in modules]
    try:
        for module in modules:
            module.anyio = loop
        yield
    finally:
        for module, anyio in zip(modules, real, strict=True):
            module.anyio = anyio
