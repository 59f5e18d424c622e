"""Marks put where secrets are, and ways to find them again, in whatever form they got out."""

from __future__ import annotations

import base64
import json
import re
import sqlite3
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.emulator import DIALECTS

KEYS: Mapping[str, str] = {name: f"canary-{name}-3e51:9f4c+1d7e/8b2a=6053c7" for name in DIALECTS}
"""A key for each provider, in two halves, with characters that are written in other ways in URLs and in base64."""

PICTURE = "canary-picture-3b7d5e1fa06c"
"""Stands in the metadata of a picture that is sent to providers."""

TEXT = "canary-text-c8e21a94d75f"
"""Stands in private text files, one of them named like a picture."""

HOME = "canary-home-51fe0b7d"
"""The name of the home folder."""

OF_THE_JOB = ("video_url", "last_frame_url")
"""Where a job's own record may hold the signed URL of its result."""


_PIECE = 16
"""So many characters in a row of a secret, or of a form of it, give it away."""

_PASSED_OVER = re.compile(rb"[\x00-\x20\x80-\xff]+|\\+u(?:200[0-9a-f]|feff)|\\+(?=/)", re.IGNORECASE)
"""What may stand between the letters: blanks, invisible characters, also as JSON escapes them."""


def told(secret: str) -> list[str]:
    """The secret in every form in which somebody may quote it, in texts."""
    halves = [secret, *secret.split(":")[1:]]
    forms: list[str] = []
    for half in halves:
        quoted, plain = urllib.parse.quote(half, safe=""), half.encode()
        forms += [half, half.upper(), quoted, quoted.replace("-", "%2D"), urllib.parse.quote(half)]
        forms += [re.sub("%..", lambda escape: escape[0].lower(), quoted)]
        forms += [plain.hex(), plain.hex().upper(), half[:9] + "\u200b" + half[9:], " ".join(half)]
        for before in ("", "Bearer ", "Key ", "Token ", "user:"):
            whole = before.encode() + plain
            forms += [base64.b64encode(whole).decode(), base64.urlsafe_b64encode(whole).decode()]
    return [*forms, secret[:24], secret[-20:]]


def forms(secret: str) -> Iterator[bytes]:
    """The secret as it is, in URLs, in hex, and inside base64 at each of its three places, all that stands alone."""
    plain = secret.encode()
    yield plain
    yield urllib.parse.quote(secret, safe="").encode()
    yield urllib.parse.quote(secret, safe="").replace("-", "%2D").encode()
    yield urllib.parse.quote(secret).encode()
    yield plain.hex().encode()
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + plain)
        # The first and the last characters depend on what stands around it.
        alone = encoded[4 * (shift > 0) : len(encoded) // 4 * 4 - 4]
        yield alone
        yield alone.translate(bytes.maketrans(b"+/", b"-_"))


def sightings(secrets: Mapping[str, str], channels: Mapping[str, bytes]) -> list[str]:
    """Say which secret was seen where, whole or in a long piece, with what stood around it."""
    found: list[str] = []
    bare = {name: _PASSED_OVER.sub(b"", data).lower() for name, data in channels.items()}
    for title, secret in secrets.items():
        for piece in {piece for form in forms(secret) for piece in _pieces(form.lower())}:
            for channel, data in bare.items():
                place = data.find(piece)
                if place >= 0:
                    found.append(f"{title} in {channel}: {data[max(0, place - 160) : place + 80]!r}")
    return found


def _pieces(form: bytes) -> Iterator[bytes]:
    """The beginning, the end and the middle: a secret with a half missing shows one of them."""
    yield form[:_PIECE]
    yield form[-_PIECE:]
    yield form[(len(form) - _PIECE) // 2 :][:_PIECE]


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
