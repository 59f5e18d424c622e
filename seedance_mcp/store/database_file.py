"""The file of the job database: made whole, opened only if sound, set aside when damaged."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import zlib
from collections.abc import Generator
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from pathlib import Path

from ..config import flush_folder
from ..errors import StoreError, StoreGone
from ..types import EVERYBODY, Scope
from . import soundness
from .connection import SPENDING_STOPPED

SCHEMA_VERSION = 32

_BUSY_SECONDS = 10.0


class SqliteConnection(sqlite3.Connection):
    """A `Connection` of the store: one of SQLite that knows in whose scope its transaction runs."""

    scope: Scope = EVERYBODY

    @contextlib.contextmanager
    def within(self, scope: Scope) -> Generator[None]:
        """Run what is inside in another scope."""
        before, self.scope = self.scope, scope
        try:
            yield
        finally:
            self.scope = before


class Opened:
    """A database file that is open, to be told from whatever has its name later."""

    def __init__(self, path: Path) -> None:
        facts = path.stat()
        self.path, self._file = path, (facts.st_dev, facts.st_ino)

    def check(self) -> None:
        """
        See that the file still has its name.

        Raises:
            StoreGone: it was removed or replaced. What would be written now would be lost or fail, and what is read is
                not what the next process will find.
        """
        try:
            facts = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            done = "removed"
        except OSError:
            return  # SQLite will say what is wrong
        else:
            if (facts.st_dev, facts.st_ino) == self._file:
                return
            done = "replaced by another file"
        raise StoreGone(
            f"The job database {self.path} was {done} while the server was running. Its jobs and what was spent cannot be"
            " told, and nothing is bought.",
            hint="Put it back if it is there under another name, then restart the server. Without it the caps count from"
            " zero, and what was bought before is only known to the provider: look in its console.",
        )


def set_aside(path: Path) -> Path:
    """Rename a damaged database, its journal with it; returns the new name."""
    kept = _damaged_name(path)
    path.rename(kept)
    journal = _journal(path)
    if journal.exists():
        journal.rename(_journal(kept))
    soundness.forget_suspicion(path)
    return kept


def _journal(path: Path) -> Path:
    return path.with_name(path.name + "-journal")


def _damaged_name(path: Path) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    return path.with_name(f"jobs.damaged-{stamp}.db")


def create(path: Path) -> None:
    """
    Make a new database, under its name only when it is complete: an empty file there is then always damage.

    Beside a damaged one it begins with spending stopped, also when the process that set it aside died then.

    Raises:
        OSError, sqlite3.OperationalError: the folder cannot be written to, or the disk is full.
    """
    journal = _journal(path)
    if journal.exists():  # it belongs to the file that was here before, and would be played into the new one
        if journal.stat().st_size:
            journal.rename(_journal(_damaged_name(path)))
        else:
            journal.unlink()
    draft = path.with_name("jobs.new.db")
    leftovers = (draft, _journal(draft))
    for leftover in leftovers:
        leftover.unlink(missing_ok=True)
    # Before SQLite makes it, so that it is never world-readable.
    os.close(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    stopped = any(path.parent.glob("jobs.damaged-*"))
    try:
        with contextlib.closing(sqlite3.connect(draft, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA fullfsync=1")
            migrate(connection, 0)
            if stopped:
                connection.execute("INSERT INTO meta (key, value) VALUES (?, '1')", (SPENDING_STOPPED,))
        draft.rename(path)
    finally:
        for leftover in leftovers:
            leftover.unlink(missing_ok=True)
    flush_folder(path.parent)


def connect(path: Path, patience: float | None = None) -> SqliteConnection:
    """
    Open an existing database, check it and bring it up to date.

    `patience` is how many seconds each step of that waits for another process that holds it; None: as long as later.

    Raises:
        StoreError: a newer version wrote it.
        sqlite3.OperationalError: it cannot be used now.
        sqlite3.DatabaseError: it is damaged.
    """
    connection = sqlite3.connect(
        path,
        timeout=_BUSY_SECONDS if patience is None else patience,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=64,
        factory=SqliteConnection,
    )
    connection.text_factory = _lenient  # otherwise one broken text keeps a whole query from being read
    try:
        # First of all: a newer version's file is left as it is, the way it keeps its journal included.
        found = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if found > SCHEMA_VERSION:
            raise StoreError(
                f"The job database was written by a newer version (schema {found}, this one knows {SCHEMA_VERSION}).",
                hint="Update this installation of seedance-mcp.",
            )
        if not found:
            raise sqlite3.DatabaseError("it is empty")
        # TRUNCATE and FULL: immune to the WAL-reset bug of older SQLite versions, and durable on return.
        connection.execute("PRAGMA journal_mode=TRUNCATE")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA fullfsync=1")
        connection.execute("PRAGMA mmap_size=0")
        soundness.look_through(connection, path, whole=found < SCHEMA_VERSION)
        migrate(connection, found)
        connection.execute("PRAGMA foreign_keys=ON")  # only now: a migration may have to make a table anew
        connection.execute(f"PRAGMA busy_timeout={int(_BUSY_SECONDS * 1000)}")
    except BaseException:
        connection.close()
        raise
    return connection


def installation(connection: sqlite3.Connection, path: Path) -> str:
    """
    Name the installation that this database belongs to, by 16 hex digits.

    A copy of the file has another inode and is another installation: its processes hold other locks.
    """
    (drawn,) = connection.execute("SELECT value FROM meta WHERE key = 'installation'").fetchone()
    return hashlib.sha256(f"{drawn} {path.stat().st_ino}".encode()).hexdigest()[:16]


def _lenient(text: bytes) -> str:
    """Read a text with broken bytes in it, too: what has a checksum is recognised by that."""
    return text.decode(errors="replace")


def migrate(connection: sqlite3.Connection, found: int) -> None:
    """Bring the tables from version `found` (0: none) to this one: as a whole or not at all, and flushed once."""
    scripts = [script for version, script in _migrations() if found < version <= SCHEMA_VERSION]
    if scripts:
        connection.create_function("crc32", 1, zlib.crc32, deterministic=True)
        steps = "\n".join(scripts)
        connection.executescript(f"BEGIN IMMEDIATE; {steps} PRAGMA user_version={SCHEMA_VERSION}; COMMIT;")


@cache
def _migrations() -> tuple[tuple[int, str], ...]:
    """List each version with the script that leads to it, in order."""
    folder = resources.files(__name__.rpartition(".")[0]).joinpath("migrations")
    scripts = {int(entry.name[:4]): entry for entry in folder.iterdir() if entry.name.endswith(".sql")}
    return tuple((version, scripts[version].read_text(encoding="utf-8")) for version in sorted(scripts))
