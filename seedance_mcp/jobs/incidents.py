"""What fails in a way that nobody planned: contained where it happens, logged, and told in `check_status` and `doctor`."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ..backoff import Outage
from ..errors import SeedanceError, StoreError
from ..store import Incident, Store, incidents, job_records

logger = logging.getLogger(__name__)

_PATIENCE_SECONDS = 0.5
_MOST_CHARACTERS = 300
_PACKAGE = Path(__file__).parents[1]


class Incidents:
    """The incidents of one installation: those of this process at once, those of others through the database."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._unwritten: dict[tuple[str | None, str], Incident] = {}
        self._outages: dict[str, Outage] = {}
        """By what failed for the job database alone."""

    @contextmanager
    def contained(self, doing: str, job_id: str | None = None, *, person: str = "") -> Generator[None]:
        """Let an exception end what is inside, and nothing else."""
        try:
            yield
        except Exception as error:  # a bug or an odd fault in one thing must not end all others
            self.note(doing, error, job_id, person=person)
        else:
            if doing in self._outages:
                logger.warning(
                    "%s works again; it had failed %d times in a row", doing, self._outages.pop(doing).over()
                )

    def note(self, doing: str, error: Exception, job_id: str | None = None, *, person: str = "") -> None:
        """
        Log an exception and remember it for those who ask: whose job it was, or the `person`. Never raises.

        A database that cannot be used now is only logged, more and more seldom: it passes, and whoever asks is told of it by
        the database.
        """
        place = f"{job_id}: " if job_id else ""
        if isinstance(error, StoreError) and not self._outages.setdefault(doing, Outage()).failed():
            return
        if isinstance(error, SeedanceError):
            logger.warning("%s%s failed: %s %s", place, doing, error.message, error.hint)
            if isinstance(error, StoreError):
                return
        else:
            logger.error("%s%s failed in a way that nobody planned", place, doing, exc_info=error)
        now = self._store.clock()
        known = self._unwritten.get((job_id, doing))
        self._unwritten[job_id, doing] = Incident(
            job_id=job_id,
            doing=doing,
            why=_why(error),
            times=known.times + 1 if known else 1,
            first_at=known.first_at if known else now,
            last_at=now,
            person=person,
        )

    async def keep(self) -> None:
        """Put what is remembered into the database. Never raises: what that does not take now is kept for later."""
        noted, self._unwritten = self._unwritten, {}
        if not noted:
            return
        now = self._store.clock()
        try:
            await self._store.write_briefly(
                lambda connection: incidents.write(connection, list(noted.values()), now), _PATIENCE_SECONDS
            )
        except Exception as error:
            logger.info("incidents cannot be noted in the database now: %s", type(error).__name__)
            for key, incident in noted.items():
                self._unwritten[key] = _joined(incident, self._unwritten.get(key))

    async def recent(self, store: Store | None = None) -> list[Incident]:
        """
        List what failed within the last day, the newest first; in the scope of a `store`, else everything. Never raises.

        Without the database, this process's, to whoever runs the installation.
        """
        store = store or self._store
        now = self._store.clock()
        found = dict(self._unwritten)
        jobs = [job_id for job_id, _ in found if job_id is not None]
        try:
            written, seen = await store.read(
                lambda connection: (
                    incidents.read(connection, now),
                    job_records.people_of(connection, jobs) if jobs else {},
                )
            )
        except StoreError as error:
            logger.info("incidents cannot be looked up now: %s", error)
            written, seen = [], dict.fromkeys(jobs, "")
        if not store.scope.sees_all:
            found = {
                key: incident
                for key, incident in found.items()
                if seen.get(key[0] or "", incident.person if key[0] is None else None) == store.scope.person
            }
        for incident in written:
            key = incident.job_id, incident.doing
            found[key] = _joined(incident, found.get(key))
        return sorted(found.values(), key=lambda incident: incident.last_at, reverse=True)


def _joined(earlier: Incident, later: Incident | None) -> Incident:
    if later is None:
        return earlier
    return replace(later, times=earlier.times + later.times, first_at=earlier.first_at)


def _why(error: Exception) -> str:
    """
    Describe what it was. The text of an exception that nobody planned stays in the log: it may hold anything.

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
