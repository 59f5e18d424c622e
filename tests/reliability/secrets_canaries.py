"""Marks put where secrets are, and ways to find them again, in whatever form they got out."""

from __future__ import annotations

import base64
import json
import sqlite3
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.emulator import DIALECTS

KEYS: Mapping[str, str] = {name: f"canary-{name}-9f4c1d7e8b2a6053" for name in DIALECTS}
"""A key for each provider."""

PICTURE = "canary-picture-3b7d5e1fa06c"
"""Stands in the metadata of a picture that is sent to providers."""

TEXT = "canary-text-c8e21a94d75f"
"""Stands in private text files, one of them named like a picture."""

HOME = "canary-home-51fe0b7d"
"""The name of the home folder."""

OF_THE_JOB = ("video_url", "last_frame_url")
"""Where a job's own record may hold the signed URL of its result."""


def forms(secret: str) -> Iterator[bytes]:
    """The secret as it is, in URLs, as UTF-16, as hex, and inside base64 at each of its three places."""
    plain = secret.encode()
    yield plain
    yield urllib.parse.quote(secret, safe="").replace("-", "%2D").encode()
    yield secret.encode("utf-16-le")
    yield plain.hex().encode()
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + plain)
        # The first and the last characters depend on what stands around it.
        yield encoded[4 * (shift > 0) : len(encoded) // 4 * 4 - 4]


def sightings(secrets: Mapping[str, str], channels: Mapping[str, bytes]) -> list[str]:
    """Say which secret was seen where, with what stood around it."""
    found: list[str] = []
    lower = {name: data.lower() for name, data in channels.items()}
    for title, secret in secrets.items():
        for form in {form.lower() for form in forms(secret)}:
            for channel, data in lower.items():
                place = data.find(form)
                if place >= 0:
                    found.append(f"{title} in {channel}: {data[max(0, place - 160) : place + 80]!r}")
    return found


def files_below(folder: Path) -> dict[str, bytes]:
    """Every file's name and bytes, links not followed."""
    return {
        str(path.relative_to(folder)): str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def rows_of(database: Path) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """
    Everything that stands in a job database, row by row: as it is, and without the jobs' own result URLs.

    Rows, because a long text lies on several pages and so is not found among a file's bytes.
    """
    whole, bare = dict[str, bytes](), dict[str, bytes]()
    connection = sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)
    try:
        tables = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        ]
        for table in tables:
            cursor = connection.execute(f'SELECT * FROM "{table}"')
            columns = [column[0] for column in cursor.description]
            for number, row in enumerate(cursor):
                cells = dict(zip(columns, row, strict=True))
                name = f"{table}[{number}]"
                whole[name] = _text(cells)
                if table == "jobs":
                    document = json.loads(cells["document"])
                    cells["document"] = json.dumps({**document, **dict.fromkeys(OF_THE_JOB)})
                bare[name] = _text(cells)
    finally:
        connection.close()
    return whole, bare


def _text(cells: Mapping[str, object]) -> bytes:
    return b"\n".join(cell if isinstance(cell, bytes) else str(cell).encode() for cell in cells.values())
