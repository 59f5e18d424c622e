"""Where the copies lie that were uploaded: one row for each content, place and account."""

from __future__ import annotations

from dataclasses import dataclass

from ..types import Upload
from . import steady
from .store import Connection


@dataclass(frozen=True, kw_only=True)
class UploadKey:
    """What makes two uploads the same: the place, the account there, and the content of the copy (64 hex digits)."""

    place: str
    account: str
    content: str


def find(connection: Connection, key: UploadKey, *, now: float, margin: float) -> str | None:
    """Give the address of an upload that is good for so many more seconds; None if there is none."""
    # What was written under a clock that was ahead looks newer than it is, once that was set right: it is used for
    # no longer than it was good for then, and not at all while its writing still lies ahead.
    row = connection.execute(
        "SELECT url FROM uploads WHERE provider = ? AND account = ? AND sha256 = ? AND (expires_at IS NULL"
        " OR (expires_at > ? AND at <= ? AND steady + expires_at - at > ?))",
        (key.place, key.account, key.content, now + margin, now, steady.passed(connection) + margin),
    ).fetchone()
    return None if row is None else row[0]


def keep(connection: Connection, key: UploadKey, upload: Upload, *, now: float) -> None:
    """Note where the copy lies."""
    connection.execute(
        "INSERT OR REPLACE INTO uploads (provider, account, sha256, url, expires_at, at, steady)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (key.place, key.account, key.content, upload.url, upload.expires_at, now, steady.note(connection)),
    )
