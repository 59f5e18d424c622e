"""What came of making films where no job tells: rows that could not be bought, and the files that were joined."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ..remarks import Advice
from ..texts import storable
from ..types import FilmCut, FilmFile, FilmQuality, RowRefusal
from .database import Connection
from .scoped import seen_by_film

_ON_THE_FILE = "film_"
"""Codes of advice on a film's file begin so."""


@dataclass(frozen=True, kw_only=True)
class Join:
    """
    The last time that a film was joined at a quality.

    `made_of` is the digest of what it was made of. `problem` says why it could not be joined; the file that is there, if
    any, is then an earlier one. `advice` is what was measured. `at` in seconds since the epoch. `cut` are the files that a
    worker joined; None: the film lies on the machine that ordered it.
    """

    film_id: str
    quality: FilmQuality
    made_of: str
    at: float
    problem: str | None = None
    advice: tuple[Advice, ...] = ()
    cut: FilmCut | None = None

    @property
    def on_takes(self) -> tuple[Advice, ...]:
        """What other takes could be better for; the rest is about the file."""
        return tuple(one for one in self.advice if not one.code.startswith(_ON_THE_FILE))


def refuse(connection: Connection, refusal: RowRefusal) -> None:
    """Keep why a row could not be bought, unless it has been bought meanwhile or its refusal is known."""
    connection.execute(
        "INSERT INTO film_refusals (film_id, shot, take, code, message, hint, at)"
        " SELECT film_id, shot, number, CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), ? FROM takes"
        " WHERE film_id = ? AND shot = ? AND number = ? AND job_id IS NULL ON CONFLICT DO NOTHING",
        (
            *(refusal.code, storable(refusal.message), storable(refusal.hint), refusal.at),
            *(refusal.film_id, refusal.shot, refusal.take),
        ),
    )


def refusals(connection: Connection, film_id: str) -> list[RowRefusal]:
    """List the rows of a film that could not be bought, by shot and take."""
    mine, whose = seen_by_film(connection)
    rows = connection.execute(
        "SELECT shot, take, code, message, hint, at FROM film_refusals"  # noqa: S608  only names
        f" WHERE film_id = ? AND {mine} ORDER BY shot, take",
        (film_id, *whose),
    )
    return [
        RowRefusal(film_id=film_id, shot=shot, take=take, code=code, message=message, hint=hint, at=at)
        for shot, take, code, message, hint, at in rows
    ]


def keep_join(connection: Connection, join: Join) -> None:
    """Keep what came of joining a film, in the place of the time before."""
    problem = join.problem and storable(join.problem)
    advice = json.dumps([[one.code, storable(one.text)] for one in join.advice])
    connection.execute(
        "INSERT INTO film_joins (film_id, quality, made_of, problem, advice, at, cut) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (film_id, quality) DO UPDATE SET made_of = excluded.made_of, problem = excluded.problem,"
        " advice = excluded.advice, at = excluded.at, cut = excluded.cut",
        (join.film_id, join.quality, join.made_of, problem, advice, join.at, _written(join.cut)),
    )


def joins(connection: Connection, film_id: str) -> dict[FilmQuality, Join]:
    """Return the last join of a film at each quality."""
    mine, whose = seen_by_film(connection)
    rows = connection.execute(
        f"SELECT quality, made_of, problem, advice, at, cut FROM film_joins WHERE film_id = ? AND {mine}",  # noqa: S608  only names
        (film_id, *whose),
    )
    return {
        quality: Join(
            film_id=film_id,
            quality=quality,
            made_of=made_of,
            at=at,
            problem=problem,
            advice=tuple(Advice(code, text) for code, text in json.loads(advice)),
            cut=_cut(cut),
        )
        for quality, made_of, problem, advice, at, cut in rows
    }


def _written(cut: FilmCut | None) -> str | None:
    if cut is None:
        return None
    files = [[one.name, one.bytes, one.sha256] for one in cut.files]
    return json.dumps({"name": cut.name, "place": cut.place, "files": files})


def _cut(text: str | None) -> FilmCut | None:
    if text is None:
        return None
    told = json.loads(text)
    files = tuple(FilmFile(name=name, bytes=size, sha256=sha256) for name, size, sha256 in told["files"])
    return FilmCut(name=told["name"], files=files, place=told["place"])
