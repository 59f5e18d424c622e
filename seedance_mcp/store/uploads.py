"""What `upload_media` was given, and where the copies lie that providers were sent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from pydantic import TypeAdapter

from ..types import MediaFile, Upload
from . import elapsed_time
from .database import Connection
from .scoped import seen


@dataclass(frozen=True, kw_only=True)
class UploadKey:
    """What makes two uploads the same: the place, the account there, and the content of the copy (64 hex digits)."""

    place: str
    account: str
    content: str


def find(connection: Connection, key: UploadKey, *, now: float, margin: float) -> str | None:
    """Return the address of an upload that is good for so many more seconds; None if there is none."""
    # What was written under a clock that was ahead looks newer than it is, once that was set right: it is used for
    # no longer than it was good for then, and not at all while its writing still lies ahead.
    row = connection.execute(
        "SELECT url FROM uploads WHERE provider = ? AND account = ? AND sha256 = ? AND (expires_at IS NULL"
        " OR (expires_at > ? AND at <= ? AND steady + expires_at - at > ?))",
        (key.place, key.account, key.content, now + margin, now, elapsed_time.passed(connection) + margin),
    ).fetchone()
    return None if row is None else row[0]


def keep(connection: Connection, key: UploadKey, upload: Upload, *, now: float) -> None:
    """Note where the copy lies."""
    connection.execute(
        "INSERT INTO uploads (provider, account, sha256, url, expires_at, at, steady) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (provider, account, sha256) DO UPDATE SET url = excluded.url,"
        " expires_at = excluded.expires_at, at = excluded.at, steady = excluded.steady",
        (
            key.place,
            key.account,
            key.content,
            upload.url,
            upload.expires_at,
            now,
            elapsed_time.note(connection),
        ),
    )


@cache
def _adapter() -> TypeAdapter[MediaFile]:
    return TypeAdapter(MediaFile)


def keep_media(connection: Connection, media_id: str, source: str, file: MediaFile, *, now: float) -> None:
    """Keep a checked source under its `media:<id>`."""
    connection.execute(
        "INSERT INTO media (id, at, source, document, person) VALUES (?, ?, ?, ?, ?)",
        (media_id, now, source, _adapter().dump_json(file).decode(), connection.scope.person),
    )


def find_media(connection: Connection, media_id: str) -> tuple[str, MediaFile] | None:
    """Return the source of a `media:<id>` and what it was; None if there is none."""
    mine, whose = seen(connection)
    row = connection.execute(
        f"SELECT source, document FROM media WHERE id = ? AND {mine}",  # noqa: S608  only names
        (media_id, *whose),
    ).fetchone()
    return None if row is None else (row[0], _adapter().validate_json(row[1]))
