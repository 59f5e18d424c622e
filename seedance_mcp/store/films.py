"""Films: their documents as they were last read, their takes, and what was decided about takes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from pydantic import TypeAdapter
from pydantic_core import to_json

from ..errors import FilmNotFound
from ..types import EVERYBODY, FilmQuality, FilmRecord, Mark, Price, Take, VideoRequest
from .database import Connection, checksum
from .job_records import DamagedRecord
from .money.ledger import to_micros
from .scoped import seen, seen_by_film

_TAKES = "SELECT film_id, shot, number, plan, request_key, usd_micros, document, crc, job_id FROM takes"
_FILM = "id, version, document, name, folder, output_dir, machine, created_at, changed_at, crc"


@dataclass(frozen=True, kw_only=True)
class _Details:
    """What a row of `takes` has in its document."""

    quality: FilmQuality
    inputs: Mapping[str, str]
    request: VideoRequest
    maximum: Price
    parent: str | None
    parent_take: int | None
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    account: str = ""
    base_url: str | None = None


def keep_film(connection: Connection, film: FilmRecord) -> FilmRecord:
    """
    Keep a film's document: as version 1, or as the next version where it differs from what is there.

    A document that is the same keeps its version and its time of change; where it lies is kept anew all the same.

    Raises:
        FilmNotFound: this id is that of another person's film.
    """
    with connection.within(EVERYBODY):
        row = connection.execute(
            "SELECT version, document, created_at, changed_at, person FROM films WHERE id = ?", (film.id,)
        ).fetchone()
    if row is not None and not connection.scope.sees_all and row[4] != connection.scope.person:
        raise FilmNotFound(film.id)
    version, created_at, changed_at = 1, film.created_at, film.changed_at
    if row is not None:
        same = row[1] == film.document
        version, created_at = row[0] + (not same), row[2]
        changed_at = row[3] if same else film.changed_at
    connection.execute(
        "INSERT INTO films (id, version, document, crc, name, folder, output_dir, machine, created_at, changed_at, person)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET version = excluded.version,"
        " document = excluded.document, crc = excluded.crc, name = excluded.name, folder = excluded.folder,"
        " output_dir = excluded.output_dir, machine = excluded.machine, changed_at = excluded.changed_at",
        (
            film.id,
            version,
            film.document,
            checksum(film.document),
            film.name,
            film.folder,
            film.output_dir,
            film.machine,
            created_at,
            changed_at,
            connection.scope.person,
        ),
    )
    return find_film(connection, film.id)


def find_film(connection: Connection, film_id: str) -> FilmRecord:
    """
    Load a film's document.

    Raises:
        FilmNotFound: there is no film with this id.
        DamagedRecord: it cannot be read.
    """
    mine, whose = seen(connection)
    row = connection.execute(
        f"SELECT {_FILM} FROM films WHERE id = ? AND {mine}",  # noqa: S608  only names
        (film_id, *whose),
    ).fetchone()
    if row is None:
        raise FilmNotFound(film_id)
    film = _film(row)
    if film is None:
        raise DamagedRecord(f"The record of film {film_id} is damaged.", hint="Read its document again.")
    return film


def recent_films(connection: Connection, limit: int) -> list[FilmRecord]:
    """List the films that were read, the newest change first, without those whose records are damaged."""
    mine, whose = seen(connection)
    rows = connection.execute(
        f"SELECT {_FILM} FROM films WHERE {mine} ORDER BY changed_at DESC, seq DESC LIMIT ?",  # noqa: S608  only names
        (*whose, limit),
    )
    return [film for film in map(_film, rows) if film is not None]


def _film(
    row: tuple[str, int, str, str, str | None, str, str | None, float, float, int],
) -> FilmRecord | None:
    film_id, version, document, name, folder, output_dir, machine, created_at, changed_at, crc = row
    if checksum(document) != crc:
        return None
    return FilmRecord(
        id=film_id,
        version=version,
        document=document,
        name=name,
        folder=folder,
        output_dir=output_dir,
        machine=machine,
        created_at=created_at,
        changed_at=changed_at,
    )


def takes(connection: Connection, film_id: str) -> list[Take]:
    """
    List the takes of a film by shot and number, planned and bought.

    Raises:
        DamagedRecord: one of them cannot be read, so it cannot be known what is bought.
    """
    mine, whose = seen_by_film(connection)
    rows = connection.execute(
        f"{_TAKES} WHERE film_id = ? AND {mine} ORDER BY shot, number", (film_id, *whose)
    )
    return [_take(row) for row in rows]


def find_take(connection: Connection, film_id: str, shot: str, number: int) -> Take | None:
    """
    Load one take; None: there is none.

    Raises:
        DamagedRecord: it cannot be read.
    """
    mine, whose = seen_by_film(connection)
    row = connection.execute(
        f"{_TAKES} WHERE film_id = ? AND shot = ? AND number = ? AND {mine}",
        (film_id, shot, number, *whose),
    ).fetchone()
    return None if row is None else _take(row)


def take_of(connection: Connection, job_id: str) -> Take | None:
    """
    Load the take that a job makes; None: it makes none.

    Raises:
        DamagedRecord: it cannot be read.
    """
    mine, whose = seen_by_film(connection)
    row = connection.execute(f"{_TAKES} WHERE job_id = ? AND {mine}", (job_id, *whose)).fetchone()
    return None if row is None else _take(row)


def add_takes(connection: Connection, rows: Sequence[Take]) -> None:
    """Write the rows of an order, which is there already; a number or a key that is used up raises Conflict."""
    for take in rows:
        document = to_json(
            _Details(
                quality=take.quality,
                inputs=dict(take.inputs),
                request=take.request,
                maximum=take.maximum,
                parent=take.parent,
                parent_take=take.parent_take,
                files=dict(take.files),
                account=take.account,
                base_url=take.base_url,
            )
        ).decode()
        row = (
            take.film_id,
            take.shot,
            take.number,
            take.order,
            take.request_key,
            to_micros(take.maximum.usd),
            document,
        )
        connection.execute(
            "INSERT INTO takes (film_id, shot, number, plan, request_key, usd_micros, document, crc)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*row, _checksum(*row)),
        )


def _take(row: tuple[str, str, int, str, str, int, str, int, str | None]) -> Take:
    film_id, shot, number, plan, key, micros, document, crc, job_id = row
    try:
        if _checksum(film_id, shot, number, plan, key, micros, document) != crc:
            raise ValueError("its checksum is wrong")
        details = _adapter().validate_json(document)
    except ValueError as error:
        raise DamagedRecord(
            f"The record of take {number} of shot {shot!r} of film {film_id} is damaged."
        ) from error
    return Take(
        film_id=film_id,
        shot=shot,
        number=number,
        order=plan,
        quality=details.quality,
        request_key=key,
        inputs=details.inputs,
        request=details.request,
        maximum=details.maximum,
        files=details.files,
        parent=details.parent,
        parent_take=details.parent_take,
        account=details.account,
        base_url=details.base_url,
        job_id=job_id,
    )


def mark(connection: Connection, decided: Mark) -> None:
    """
    Keep what was decided about a take; one that does not exist raises Conflict.

    Its moment is never before that of a review of the take that is there already, whatever the clock says by now.
    """
    (reviewed,) = connection.execute(
        "SELECT MAX(reviews.at) FROM reviews JOIN takes ON takes.job_id = reviews.job_id"
        " WHERE film_id = ? AND shot = ? AND number = ?",
        (decided.film_id, decided.shot, decided.take),
    ).fetchone()
    connection.execute(
        "INSERT INTO film_marks (film_id, shot, take, kind, inputs, newest, author, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(decided.film_id, decided.shot, decided.take, decided.kind),
            *(json.dumps(dict(decided.inputs)), max(decided.newest, decided.take)),
            *(decided.by, max(decided.at, reviewed or 0.0)),
        ),
    )


def marks(connection: Connection, film_id: str) -> list[Mark]:
    """List what was decided about takes of a film, the oldest first."""
    mine, whose = seen_by_film(connection)
    rows = connection.execute(
        "SELECT shot, take, kind, inputs, newest, author, at FROM film_marks"  # noqa: S608  only names
        f" WHERE film_id = ? AND {mine} ORDER BY seq",
        (film_id, *whose),
    )
    return [
        Mark(
            film_id=film_id,
            shot=shot,
            take=take,
            kind=kind,
            inputs=json.loads(inputs),
            newest=newest,
            by=author,
            at=at,
        )
        for shot, take, kind, inputs, newest, author, at in rows
    ]


def _checksum(*columns: str | int) -> int:
    """Of everything that never changes of a row of `takes`, which columns and document have together."""
    return checksum(json.dumps(columns))


@cache
def _adapter() -> TypeAdapter[_Details]:
    return TypeAdapter(_Details)
