"""The named points of a job's life at which a process can be killed or stopped: around the product's own effects."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from seedance_mcp.jobs import watcher_lease
from seedance_mcp.jobs.local_files import final_files, parts
from seedance_mcp.jobs.results import downloads, hook_runner, saving
from seedance_mcp.providers.http import exchange, network, purchase
from seedance_mcp.store import database, finish_hooks, leases, receipts, transitions
from seedance_mcp.types import JobState

MOVES = (
    JobState.RESERVED,
    JobState.SENDING,
    JobState.ACCEPTED,
    JobState.REMOTE_DONE,
    JobState.DONE,
)
"""The states of a life in which all goes well; unknown outcomes are the emulator's part."""

POINTS = (
    *(f"{when} {state.value}" for state in MOVES for when in ("deciding", "written")),
    *(
        f"{when} {what}"
        for what in (
            "receipts", "connection's bytes", "answer", "question", "download", "part", "chunk", "file's name",
            "sidecar", "errands", "flush", "renewal", "hook",
        )
        for when in ("before", "after")
    ),
)  # fmt: skip
"""Every point; `deciding` is inside the transaction, `written` after its commit."""

POINTS_OF_WATCHERS = tuple(
    f"{when} {what}"
    for what in ("duty's taking", "duty's end", "hook's claim", "hook's record")
    for when in ("before", "after")
)
"""Those that only a process gets to that watches or runs hooks; the last three are inside a transaction."""

Reached = Callable[[str], None]


def install(
    reached: Reached, *, writes: Iterable[tuple[Any, str]] = ((database.SqliteStore, "write_now"),)
) -> None:
    """Call `reached` with the name of each point from now on, in this process. `writes` are what runs transactions."""
    _around_transactions(reached, writes)
    around(receipts.Receipts, "prepare", "receipts", reached)
    around(network._Stream, "write", "connection's bytes", reached)
    around(purchase, "take", "answer", reached)
    around(exchange, "take", "question", reached)
    around(downloads.Download, "save", "download", reached)
    around(parts.Part, "begin", "part", reached)
    around(final_files, "rename_new", "file's name", reached)
    around(saving, "write_sidecar", "sidecar", reached)
    around(saving.Saver, "_after", "errands", reached)
    around(os, "fsync", "flush", reached)
    around(leases.Leases, "take", "renewal", reached)
    around(hook_runner, "run_hook", "hook", reached)
    around(watcher_lease.WatcherLease, "take", "duty's taking", reached)
    around(watcher_lease.WatcherLease, "_give_up_if_idle", "duty's end", reached)
    around(finish_hooks, "claim", "hook's claim", reached)
    around(finish_hooks, "finish", "hook's record", reached)
    begin = parts.Part.begin

    def begin_counted(part: Any, origin: Any) -> Any:
        return _Counted(begin(part, origin), reached)

    parts.Part.begin = begin_counted  # type: ignore[method-assign]


class _Moved(threading.local):
    """The states that the transaction of a thread has moved jobs to."""

    def __init__(self) -> None:
        self.moved: list[JobState] = []


class _Counted:
    """A part's file that tells of each chunk."""

    def __init__(self, file: Any, reached: Reached) -> None:
        self._file = file
        self._reached = reached

    def writelines(self, chunks: list[bytes]) -> None:
        self._reached("before chunk")
        self._file.writelines(chunks)
        self._file.flush()
        self._reached("after chunk")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> _Counted:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()


def around(owner: Any, name: str, what: str, reached: Reached) -> None:
    """Let `owner.name` tell before and after it does its work."""
    work = getattr(owner, name)
    import inspect

    if inspect.iscoroutinefunction(work):

        @wraps(work)
        async def told_later(*given: Any, **named: Any) -> Any:
            reached(f"before {what}")
            result = await work(*given, **named)
            reached(f"after {what}")
            return result

        setattr(owner, name, told_later)
    else:

        @wraps(work)
        def told(*given: Any, **named: Any) -> Any:
            reached(f"before {what}")
            result = work(*given, **named)
            reached(f"after {what}")
            return result

        setattr(owner, name, told)


def _around_transactions(reached: Reached, writes: Iterable[tuple[Any, str]]) -> None:
    insert, move, here = transitions.insert, transitions.move, _Moved()

    def inserted(*given: Any, **named: Any) -> Any:
        job = insert(*given, **named)
        here.moved.append(JobState.RESERVED)
        reached(f"deciding {JobState.RESERVED.value}")
        return job

    def decided(connection: Any, job: Any, to: JobState, **named: Any) -> Any:
        changed = move(connection, job, to, **named)
        here.moved.append(to)
        reached(f"deciding {to.value}")
        return changed

    def telling(write: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(write)
        def written(*given: Any) -> Any:
            here.moved = []
            result = write(*given)
            for state in tuple(here.moved):
                reached(f"written {state.value}")
            return result

        return written

    transitions.insert, transitions.move = inserted, decided  # type: ignore[assignment]
    for owner, name in writes:
        setattr(owner, name, telling(getattr(owner, name)))
