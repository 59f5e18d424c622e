"""
Whether the file of the job database is sound, without a start that takes longer the larger the file is.

A small file is looked through whole whenever it is opened. Of a large one only the tables are that decide what may be
bought now; once a day, and after any sign of damage, all of it is: before the next purchase, not before the start.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from .connection import Connection

WHOLE_AT_ONCE_BYTES = 8_000_000
"""A file of this size is looked through in some hundredths of a second."""

_GOOD_FOR_SECONDS = 24 * 3600.0
_CHECKED = "checked"
"""The key in `meta` under which stands when the file was last looked through whole, and which file that was (its inode)."""

_MOST_VERDICTS = 100
_RECORD = "CHECK constraint failed in jobs"
"""A damaged record of a job is not taken for a damaged database: each has a checksum, and the others go on."""

_OF_AN_INDEX = (" missing from index ", "wrong # of entries in index ", "non-unique entry in index ")
_GROWING = frozenset(
    {
        *("jobs", "archive", "ledger", "events", "answers"),
        *("stand_ins", "seen", "key_jobs", "request_keys", "hooks"),
        *("reviews", "sets", "drafts"),
    }
)
"""Tables that grow with every job. All others are small."""


def look_through(connection: sqlite3.Connection, path: Path, *, whole: bool) -> None:
    """
    Look through as much of a file as may hold up a start, or through all of it.

    After a sign of damage its indexes are compared with their tables as well, and made anew if only they are wrong.

    Raises:
        sqlite3.DatabaseError: it is damaged.
    """
    if is_suspected(path):
        _mend(connection)
        forget_suspicion(path)
    elif whole or not _is_large(path):
        _refuse(_verdicts(connection, "quick_check"))
    else:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (name,) in names:
            if name not in _GROWING and not name.startswith("sqlite_"):
                _refuse(_verdicts(connection, "quick_check", name))


def is_due(connection: Connection, path: Path, *, now: float) -> bool:
    """Return whether the file has to be looked through whole before the next purchase."""
    return is_suspected(path) or (_is_large(path) and not _was_whole_lately(connection, path, now))


def look_through_whole(path: Path, patience: float) -> None:
    """
    Look through the whole file, indexes and all, over a connection of its own. Blocks; who writes meanwhile waits.

    `patience` is how many seconds it waits for another process that holds the file. A damaged file is marked, so
    that it is mended or set aside when it is opened next.

    Raises:
        sqlite3.OperationalError: it cannot be read now.
        sqlite3.DatabaseError: it is damaged.
    """
    # Not read-only: what a process that was killed left half written has to be taken back first.
    uri = f"{path.absolute().as_uri()}?mode=rw"
    with contextlib.closing(
        sqlite3.connect(uri, uri=True, timeout=patience, isolation_level=None)
    ) as connection:
        connection.execute("PRAGMA mmap_size=0")
        try:
            _refuse(_verdicts(connection, "integrity_check"))
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            suspect(path)
            raise
    forget_suspicion(path)


def note_whole(connection: Connection, path: Path, *, now: float) -> None:
    """Note that this file was found sound as a whole just now."""
    connection.execute(
        "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (_CHECKED, f"{now} {path.stat().st_ino}"),
    )


def suspect(path: Path) -> None:
    """Let the file be looked through whole when it is opened next, whatever its size."""
    with contextlib.suppress(OSError):
        _mark(path).touch(mode=0o600)


def is_suspected(path: Path) -> bool:
    """Return whether something of this file was found to be damaged."""
    return _mark(path).exists()


def forget_suspicion(path: Path) -> None:
    """Take the mark away: the file that it was about is sound, or has been set aside."""
    with contextlib.suppress(OSError):  # then the next start looks again
        _mark(path).unlink(missing_ok=True)


def _is_large(path: Path) -> bool:
    return path.stat().st_size > WHOLE_AT_ONCE_BYTES


def _mark(path: Path) -> Path:
    return path.with_name(path.name + ".suspect")


def _was_whole_lately(connection: Connection, path: Path, now: float) -> bool:
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (_CHECKED,)).fetchone()
    at, _, file = (row[0] if row else "").partition(" ")
    try:
        return file == str(path.stat().st_ino) and 0 <= now - float(at) < _GOOD_FOR_SECONDS
    except ValueError:
        return False


def _mend(connection: sqlite3.Connection) -> None:
    """Make the indexes anew if the tables are sound and only they are not; whatever else is wrong is refused."""
    verdicts = _verdicts(connection, "integrity_check")
    of_an_index = [verdict for verdict in verdicts if any(words in verdict for words in _OF_AN_INDEX)]
    _refuse([verdict for verdict in verdicts if verdict not in of_an_index])
    if of_an_index:
        connection.execute("REINDEX")
        _refuse(_verdicts(connection, "integrity_check"))


def _verdicts(connection: sqlite3.Connection, pragma: str, table: str | None = None) -> list[str]:
    what = _MOST_VERDICTS if table is None else f'"{table}"'
    return [verdict for (verdict,) in connection.execute(f"PRAGMA {pragma}({what})")]


def _refuse(verdicts: list[str]) -> None:
    grave = [verdict for verdict in verdicts if verdict not in ("ok", _RECORD)]
    if grave or len(verdicts) == _MOST_VERDICTS:
        raise sqlite3.DatabaseError((grave or verdicts)[0])
