"""What a client that calls by single requests was told before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from ..callers import Caller

if TYPE_CHECKING:
    from ...app import ReadTracker

_IDLE_SECONDS = 1800.0
_MOST = 1000


class Visits:
    """
    A reader for each caller and program.

    Two conversations of one program with one token are the same visit, so that an answer was prompt shows nothing: only a
    call that names a job shows that it was read about.
    """

    def __init__(self) -> None:
        self._readers: dict[tuple[str, str, str], tuple[ReadTracker, float]] = {}

    def reader(self, caller: Caller, program: str) -> ReadTracker:
        """Return what this program was told, with this caller's token, within the last half hour without a pause."""
        from ...app import ReadTracker

        now, key = anyio.current_time(), (caller.team, caller.id, program)
        reader, last = self._readers.pop(key, (None, now))
        if reader is None or now - last > _IDLE_SECONDS:
            reader = ReadTracker(prompt_seconds=-1.0)
        self._readers[key] = reader, now
        while len(self._readers) > _MOST:
            del self._readers[next(iter(self._readers))]
        return reader
