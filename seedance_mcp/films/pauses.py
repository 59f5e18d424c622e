"""For how long a film waits in this process: after failures, and for what others do. By its own clock, kept in memory alone."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import anyio

from ..backoff import exponential
from ..errors import MediaError
from .evidence import Found

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
_PATIENCE_SECONDS = 60.0
"""For how long a film waits for another process that joins it, which may be suspended, and for clips of other machines."""

_WORKERS_PATIENCE_SECONDS = 600.0
"""For clips of another worker: if it died before its copy was there, it has them again as soon as it is restarted."""


class Pauses:
    """After which moment something is tried again: later after each failure."""

    def __init__(self) -> None:
        self._failures: dict[Hashable, int] = {}
        self._until: dict[Hashable, float] = {}

    def begin(self, what: Hashable) -> None:
        """Begin the next pause, a longer one than before."""
        self._failures[what] = self._failures.get(what, 0) + 1
        self._until[what] = anyio.current_time() + exponential(
            _FIRST_PAUSE, self._failures[what], longest=_LONGEST_PAUSE
        )

    def last(self, what: Hashable) -> bool:
        """Return whether it is too early."""
        return anyio.current_time() < self._until.get(what, 0.0)

    def end(self, what: Hashable) -> None:
        """Forget its failures."""
        self._failures.pop(what, None)
        self._until.pop(what, None)


class Patience:
    """Since when films have been waiting for others."""

    def __init__(self) -> None:
        self._since: dict[tuple[str, str], float] = {}

    def may_come(self, lacking: Sequence[MediaError | None], found: Found) -> bool:
        """Return whether clips of another machine are not in the object store yet, and have not been waited for too long."""
        seconds = _WORKERS_PATIENCE_SECONDS if found.is_by_workers else _PATIENCE_SECONDS
        return any(why is not None and why.retryable for why in lacking) and not self._is_over(
            "clips", found.record.id, seconds
        )

    def is_over(self, film_id: str) -> bool:
        """Return whether a film has waited too long for another process that joins it."""
        return self._is_over("join", film_id, _PATIENCE_SECONDS)

    def _is_over(self, what: str, film_id: str, seconds: float) -> bool:
        now = anyio.current_time()
        return now - self._since.setdefault((what, film_id), now) >= seconds

    def end(self, film_id: str) -> None:
        """Forget how long a film has waited."""
        for what in ("join", "clips"):
            self._since.pop((what, film_id), None)
