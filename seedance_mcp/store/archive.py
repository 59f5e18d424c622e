"""
Records of jobs that ended long ago, compressed: how they are written and read, so that not a letter of them is lost.

An archived record is the job's document to the letter, its events and what the provider answered, in about a kilobyte.
What is usual in records stands in `archived_words_1.txt`, which every record refers to, as it does to columns of its row
in `jobs`: that file never changes. Another one would be `archived_words_2.txt`, and records that begin with 2.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from .database import Connection
from .scoped import PERSON_OF_JOB, seen

_FORMAT = 1
_CHECKSUM_BYTES = 4
_RAW = -zlib.MAX_WBITS
"""Deflate alone, without zlib's own head and checksum."""

RECORD = "(SELECT record FROM archive WHERE archive.seq = jobs.seq)"
"""The archived record of a row of `jobs`, for queries."""

BESIDE = "id || ' ' || account || ' ' || fingerprint || ' ' || tag || ' ' || address"
"""What never changes of a row of `jobs`, for queries: an archived record refers to it instead of saying it again."""


class Unreadable(Exception):
    """An archived record is not what was written."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """A row of `events`, but for its hash, which follows from the row and the hash before it."""

    seq: int
    at: float
    before: str | None
    after: str
    by: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A row of `answers`."""

    at: float
    http_status: int | None
    outcome: str
    raw: bytes


@dataclass(frozen=True, kw_only=True)
class Archived:
    """What is known of one job. `document` as it was stored, `events` the oldest first, `digest` the hash of the last."""

    document: str
    events: tuple[Event, ...]
    digest: str
    answers: tuple[Answer, ...]


def encode(archived: Archived, beside: str) -> bytes:
    """Compress a record; `beside` is what `BESIDE` selects."""
    rest = {
        "events": [
            [event.seq, event.at, event.before, event.after, event.by, event.detail]
            for event in archived.events
        ],
        "hash": archived.digest,
        "answers": [
            [answer.at, answer.http_status, answer.outcome, answer.raw.decode("latin-1")]
            for answer in archived.answers
        ],
    }
    # No document has a line break: JSON writes it as \n.
    content = f"{archived.document}\n{json.dumps(rest, separators=(',', ':'))}".encode()
    deflate = zlib.compressobj(level=9, wbits=_RAW, memLevel=9, zdict=_known(beside))
    checksum = zlib.crc32(content).to_bytes(_CHECKSUM_BYTES, "big")
    return bytes([_FORMAT]) + checksum + deflate.compress(content) + deflate.flush()


def document_of(record: bytes, beside: str) -> str:
    """Return the document alone. Raises Unreadable."""
    return _content(record, beside)[0]


def decode(record: bytes, beside: str) -> Archived:
    """Return everything that was written. Raises Unreadable."""
    document, rest = _content(record, beside)
    said: dict[str, Any] = json.loads(rest)
    return Archived(
        document=document,
        events=tuple(
            Event(seq=seq, at=at, before=before, after=after, by=by, detail=detail)
            for seq, at, before, after, by, detail in said["events"]
        ),
        digest=said["hash"],
        answers=tuple(
            Answer(at=at, http_status=status, outcome=outcome, raw=raw.encode("latin-1"))
            for at, status, outcome, raw in said["answers"]
        ),
    )


def _content(record: bytes, beside: str) -> tuple[str, str]:
    if record[:1] != bytes([_FORMAT]):
        raise Unreadable("it is of no format that is known here")
    inflate = zlib.decompressobj(wbits=_RAW, zdict=_known(beside))
    start = 1 + _CHECKSUM_BYTES
    try:
        content = inflate.decompress(record[start:])
    except zlib.error as error:
        raise Unreadable(str(error)) from error
    if not inflate.eof or zlib.crc32(content) != int.from_bytes(record[1:start], "big"):
        raise Unreadable("its checksum is wrong")
    document, _, rest = content.decode().partition("\n")
    return document, rest


def read(connection: Connection, job_id: str) -> Archived | None:
    """Return what the archive has of a job; None: nothing. Raises Unreadable."""
    mine, whose = seen(connection, PERSON_OF_JOB)
    query = f"SELECT record, {BESIDE} FROM archive JOIN jobs USING (seq) WHERE id = ? AND {mine}"  # noqa: S608  only names
    row = connection.execute(query, (job_id, *whose)).fetchone()
    return None if row is None else decode(*row)


def number_of(path: str) -> int:
    """The number that an archived file is found by: 64 bits of its path's digest."""
    return int.from_bytes(hashlib.sha256(path.encode()).digest()[:8], "big", signed=True)


def _known(beside: str) -> bytes:
    return _words() + beside.encode()


@cache
def _words() -> bytes:
    folder = resources.files(__name__.rpartition(".")[0])
    return folder.joinpath(f"archived_words_{_FORMAT}.txt").read_bytes()
