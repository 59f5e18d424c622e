"""The job database: one SQLite file that all servers on the machine share."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence, Sized
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.to_thread

from ..config import make_private
from ..counting import Counted, timed
from ..errors import StoreError
from . import soundness
from .connection import Clock, Conflict, Connection, Store
from .database_file import SCHEMA_VERSION, Opened, SqliteConnection, connect, create, installation, set_aside
from .machine import machine_time
from .machine.network_drives import find_share
from .machine.process_locks import FileLock, Ownership

logger = logging.getLogger(__name__)

T = TypeVar("T")

_DATABASE = "jobs.db"
ARCHIVE_SCHEMA = 23
"""The first version of the schema with an archive."""

_FILMS_SCHEMA = 24
"""The first version of the schema with orders of films, whose money counts as spent."""

_MARKS_AT_ONCE = 500
_OPENING_SECONDS = 10.0
"""How long another process may take to open the database: as long as it waits itself for one that holds it."""


class SqliteStore(Store):
    """The open database of this machine, in SQLite. Build with `open_store`."""

    schema_version = SCHEMA_VERSION

    def __init__(
        self,
        connection: SqliteConnection,
        ownership: Ownership,
        *,
        clock: Clock,
        notice: str | None,
        file: Opened | None = None,
    ) -> None:
        """`file` is what the connection was opened on; None for a database in memory."""
        super().__init__(clock=clock, at_once=1)
        self._connection = connection
        self._file = file
        self._in_use = threading.RLock()  # SQLite may not be closed under a query of another thread
        self._closed = False
        self._lock = ownership
        self.ownership = self.local = ownership
        self.shared = False
        self.uptime = time.monotonic
        self.running = machine_time.running
        self.start = machine_time.start() or ownership.instance
        self.installation = self.machine = ""
        self._checking: anyio.Lock | None = None
        self.notice = notice
        give_clocks(connection, clock=lambda: self.clock(), uptime=lambda: self.uptime())

    def all_read_archive(self) -> bool:
        """
        Return whether every process that has the database open can read the archive.

        One that cannot was there before the archive was, for none can open the database since. So what is true once stays true.
        """
        return self._lock.all_read(ARCHIVE_SCHEMA)

    def all_count_holds(self) -> bool:
        """Return whether every process that has the database open counts what films hold; see `all_read_archive`."""
        return self._lock.all_read(_FILMS_SCHEMA)

    async def write_as(self, owner: str, transaction: Callable[[Connection], T]) -> T:
        """Do what `write` does: the kernel lets go of the lock at the end of the process alone."""
        return await self.write(transaction)

    async def ensure_current(self) -> None:
        """
        Look whether the database can be read now, and still has the schema of this version.

        Raises:
            StoreError: it cannot, or has not.
        """
        (found,) = await self.read(lambda connection: connection.execute("PRAGMA user_version").fetchone())
        if found != SCHEMA_VERSION:
            raise StoreError(
                f"The job database has schema {found} now; this version works with {SCHEMA_VERSION}."
            )

    async def ensure_sound(self) -> None:
        """
        Look through the whole file if that is due, as it is once a day for a large one. To be called before each purchase.

        Raises:
            StoreError: it is damaged, or cannot be read now; nothing may be bought.
        """
        file = self._file
        if file is None:
            return
        if self._checking is None:
            self._checking = anyio.Lock()
        async with self._checking:
            if await self.read(lambda connection: soundness.is_due(connection, file.path, now=self.clock())):
                await anyio.to_thread.run_sync(self._look_through, file)
                await self.write(partial(soundness.note_whole, path=file.path, now=self.clock()))

    def _look_through(self, file: Opened) -> None:
        with _explained(file.path):
            file.check()
            soundness.look_through_whole(file.path, _OPENING_SECONDS)

    def write_now(self, transaction: Callable[[Connection], T]) -> T:
        """Do what `write` does in the calling thread."""
        with self._using():
            with timed(Counted.LOCK_WAIT):
                self._connection.execute("BEGIN IMMEDIATE")
            try:
                result = transaction(self._connection)
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            return result

    def write_briefly_now(self, transaction: Callable[[Connection], T], seconds: float) -> T:
        """Do what `write_briefly` does in the calling thread."""
        with self._using():
            (usual,) = self._connection.execute("PRAGMA busy_timeout").fetchone()
            self._connection.execute(f"PRAGMA busy_timeout={int(seconds * 1000)}")
            try:
                return self.write_now(transaction)
            finally:
                self._connection.execute(f"PRAGMA busy_timeout={usual}")

    def read_now(self, query: Callable[[Connection], T]) -> T:
        """Do what `read` does in the calling thread."""
        with self._using():
            return query(self._connection)

    def close(self) -> None:
        """Close the database, once whoever is using it has done so, and let go of this process's lock."""
        with self._in_use:
            self._closed = True
            try:
                self._connection.close()
            finally:
                self._lock.close()

    @contextlib.contextmanager
    def _using(self) -> Generator[None]:
        with self._in_use, _explained(self._file and self._file.path):
            if self._closed:
                raise StoreError(
                    "The job database was closed: the server is ending, or opening it anew.",
                    hint="Call again in a moment; jobs go on by themselves.",
                )
            if self._file is not None:
                self._file.check()
            yield


def give_clocks(connection: sqlite3.Connection, *, clock: Clock, uptime: Clock) -> None:
    """Let transactions ask both clocks, as `wall_clock()` and `steady_clock()`, for `elapsed_time` to compare with."""
    connection.create_function("wall_clock", 0, clock)
    connection.create_function("steady_clock", 0, uptime)


@contextlib.contextmanager
def _explained(path: Path | None) -> Generator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        words = str(error)
        if "locked" in words or "busy" in words:
            hint = "Another process holds the job database; try again in a moment."
        elif "full" in words:
            hint = "The disk is full; free some space, then try again. Nothing was changed."
        else:
            hint = "Check that the state folder can be written to."
        raise StoreError(f"The job database cannot be used now: {words}.", hint=hint) from error
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.IntegrityError):
            raise Conflict(str(error)) from error
        if path is not None:
            soundness.suspect(path)
        raise StoreError(
            f"The job database is damaged: {error}.",
            hint="Restart the server: it sets the damaged file aside, or mends it where nothing is lost by that.",
        ) from error


def open_store(folder: Path, *, clock: Clock = time.time, patience: float | None = None) -> SqliteStore:
    """
    Open the database in `folder`, creating or migrating it; a damaged file is set aside, never deleted.

    `patience` is how many seconds each step of that waits for another process; None: ten.

    Raises:
        StoreError: the folder cannot be used, a newer version wrote the file, or the file is damaged while
            another server is using it.
    """
    if sqlite3.sqlite_version_info < (3, 37):
        raise StoreError(
            f"This Python carries SQLite {sqlite3.sqlite_version}; 3.37 or newer is needed.",
            hint="Install a newer Python.",
        )
    try:
        make_private(folder)
        _refuse_share(folder)
        opening = FileLock(folder / "opening.lock")  # two servers that start at once take turns
        with contextlib.closing(opening):
            if not opening.take(_OPENING_SECONDS if patience is None else patience):
                raise StoreError(
                    f"Another process is still opening the job database in {folder}.",
                    hint="Try again in a moment. If it stays so, look for a seedance-mcp that was suspended, and end it.",
                )
            ownership = Ownership(folder / "instances")
            try:
                ownership.sweep()
                ownership.say_schema(SCHEMA_VERSION)
                connection, notice = _open_checked(folder, ownership, patience)
                file = Opened(folder / _DATABASE)
                store = SqliteStore(connection, ownership, file=file, clock=clock, notice=notice)
                store.installation = installation(connection, folder / _DATABASE)
            except BaseException:
                ownership.close()
                raise
    except OSError as error:
        raise StoreError(
            f"The state folder {folder} cannot be used: {error.strerror or error}.",
            hint="Make it writable, or set SEEDANCE_STATE_DIR to another folder.",
        ) from error
    except sqlite3.OperationalError as error:
        raise _unusable(folder / _DATABASE, error) from error
    return store


def _refuse_share(folder: Path) -> None:
    """SQLite's locks do not hold there, and with them the promise never to pay twice."""
    share = find_share(folder)
    if share is not None:
        raise StoreError(
            f"The state folder {folder} is on {share.what} ({share.kind}), where file locks cannot be trusted.",
            hint="Set SEEDANCE_STATE_DIR to a folder on a local disk.",
        )


def _open_checked(
    folder: Path, ownership: Ownership, patience: float | None
) -> tuple[SqliteConnection, str | None]:
    path = folder / _DATABASE
    try:
        if not path.exists():
            create(path)
        return connect(path, patience), None
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise _unusable(path, error) from error
        if ownership.anyone_else():
            raise StoreError(
                f"The job database {path} is damaged ({error}) and another server is using it.",
                hint="Stop the other servers, then start again.",
            ) from error
        kept = set_aside(path)
        notice = (
            f"The job database was damaged and has been set aside as {kept}; a new one was started. "
            "Videos on disk are untouched; earlier jobs and spending are no longer counted."
        )
        logger.error(notice)
        try:
            create(path)
            return connect(path, patience), notice
        except sqlite3.OperationalError as full:
            raise _unusable(path, full) from full


def _unusable(path: Path, error: sqlite3.OperationalError) -> StoreError:
    return StoreError(
        f"The job database {path} cannot be opened: {error}.",
        hint="Check that the state folder can be written to and is not full.",
    )


def marks(values: Sized) -> str:
    """Write a question mark for each value, to stand between the brackets of `IN (...)`; without any, nothing is in it."""
    return ", ".join("?" * len(values)) or "NULL"


def in_parts(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut a list that may be long into parts for which a query can have marks."""
    return (values[start : start + _MARKS_AT_ONCE] for start in range(0, len(values), _MARKS_AT_ONCE))


def checksum(document: str) -> int:
    """CRC-32 of a stored document: damaged bytes inside a row pass SQLite's own checks."""
    return zlib.crc32(document.encode())
