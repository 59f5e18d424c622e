"""What fails in a way that nobody planned: contained where it happens, logged, and told in `check_status` and `doctor`."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from ..errors import SeedanceError, StoreError
from .store import Connection, Store

logger = logging.getLogger(__name__)

TOLD_SECONDS = 24 * 3600.0
"""For so long after the last time a trouble is told."""

_PATIENCE_SECONDS = 0.5
_MOST_CHARACTERS = 300
_PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """
    Something that failed in a way that nobody planned.

    `doing` is what was being done, as the beginning of a sentence ("Following it"), `why` what came in between.
    Times are seconds since the epoch.
    """

    job_id: str | None
    doing: str
    why: str
    times: int
    first_at: float
    last_at: float

    @property
    def words(self) -> str:
        """One sentence for a person."""
        often = f"{self.times} times since {_moment(self.first_at)}, last" if self.times > 1 else "once,"
        return f"{self.doing} failed: {self.why} ({often} at {_moment(self.last_at)})."


class Troubles:
    """The troubles of one installation: those of this process at once, those of others through the database."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._unwritten: dict[tuple[str | None, str], Trouble] = {}

    @contextmanager
    def contained(self, doing: str, job_id: str | None = None) -> Generator[None]:
        """Let an exception end what is inside, and nothing else."""
        try:
            yield
        except Exception as error:  # a bug or an odd fault in one thing must not end all others
            self.note(doing, error, job_id)

    def note(self, doing: str, error: Exception, job_id: str | None = None) -> None:
        """
        Log an exception and remember it for those who ask. Never raises.

        A database that cannot be used now is only logged: it passes, and whoever asks is told of it by the database.
        """
        place = f"{job_id}: " if job_id else ""
        if isinstance(error, SeedanceError):
            logger.warning("%s%s failed: %s %s", place, doing, error.message, error.hint)
            if isinstance(error, StoreError):
                return
        else:
            logger.error("%s%s failed in a way that nobody planned", place, doing, exc_info=error)
        now = self._store.clock()
        known = self._unwritten.get((job_id, doing))
        self._unwritten[job_id, doing] = Trouble(
            job_id=job_id,
            doing=doing,
            why=_why(error),
            times=known.times + 1 if known else 1,
            first_at=known.first_at if known else now,
            last_at=now,
        )

    async def keep(self) -> None:
        """Put what is remembered into the database. Never raises: what that does not take now is kept for later."""
        noted, self._unwritten = self._unwritten, {}
        if not noted:
            return
        now = self._store.clock()
        try:
            await self._store.write_briefly(
                lambda connection: _write(connection, list(noted.values()), now), _PATIENCE_SECONDS
            )
        except Exception as error:
            logger.info("troubles cannot be noted in the database now: %s", type(error).__name__)
            for key, trouble in noted.items():
                self._unwritten[key] = _joined(trouble, self._unwritten.get(key))

    async def recent(self) -> list[Trouble]:
        """List what failed within the last day, the newest first. Never raises; without the database, this process's."""
        now = self._store.clock()
        found = dict(self._unwritten)
        try:
            written = await self._store.read(lambda connection: _read(connection, now))
        except StoreError as error:
            logger.info("troubles cannot be looked up now: %s", error)
            written = []
        for trouble in written:
            key = trouble.job_id, trouble.doing
            found[key] = _joined(trouble, found.get(key))
        return sorted(found.values(), key=lambda trouble: trouble.last_at, reverse=True)


def _joined(earlier: Trouble, later: Trouble | None) -> Trouble:
    if later is None:
        return earlier
    return replace(later, times=earlier.times + later.times, first_at=earlier.first_at)


def _write(connection: Connection, troubles: list[Trouble], now: float) -> None:
    connection.executemany(
        "INSERT INTO troubles (job_id, doing, why, times, first_at, last_at) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (job_id, doing) DO UPDATE SET"
        " why = excluded.why, times = times + excluded.times, last_at = excluded.last_at",
        [(one.job_id or "", one.doing, one.why, one.times, one.first_at, one.last_at) for one in troubles],
    )
    connection.execute("DELETE FROM troubles WHERE last_at NOT BETWEEN ? AND ?", _told(now))


def _read(connection: Connection, now: float) -> list[Trouble]:
    rows = connection.execute(
        "SELECT job_id, doing, why, times, first_at, last_at FROM troubles WHERE last_at BETWEEN ? AND ?",
        _told(now),
    )
    return [
        Trouble(job_id=job_id or None, doing=doing, why=why, times=times, first_at=first_at, last_at=last_at)
        for job_id, doing, why, times, first_at, last_at in rows
    ]


def _told(now: float) -> tuple[float, float]:
    """Between which times a trouble is told; one from the future was noted by a clock that ran ahead."""
    return now - TOLD_SECONDS, now + 60.0


def _why(error: Exception) -> str:
    """
    Say what it was. The text of an exception that nobody planned stays in the log: it may hold anything.

    Of such a one, only its kind and the line of ours that it went through last are told.
    """
    if isinstance(error, SeedanceError):
        words = f"{error.message} {error.hint}".strip().removesuffix(".")
    elif isinstance(error, OSError) and error.strerror:
        place = f" ({error.filename})" if isinstance(error.filename, str) else ""
        words = f"{error.strerror}{place}"
    else:
        words = f"{type(error).__name__}{_line_of_ours(error)}"
    return words.encode(errors="replace").decode()[:_MOST_CHARACTERS]


def _line_of_ours(error: Exception) -> str:
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(_PACKAGE):
            return f" in {path.relative_to(_PACKAGE).as_posix()}, line {frame.lineno}"
    return ""


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
