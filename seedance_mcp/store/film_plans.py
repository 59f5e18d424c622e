"""The plans of films that somebody was shown: what was asked for, and what it came to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from ..types import FilmQuality
from .database import Connection
from .scoped import seen_by_film


@dataclass(frozen=True, kw_only=True)
class ShownPlan:
    """
    A plan by its token: at which quality, and which shots were to be made anew (`redo`).

    `rows` maps the shots that it buys to a few words on each. `at` in seconds since the epoch.
    """

    film_id: str
    plan: str
    quality: FilmQuality
    redo: tuple[str, ...]
    rows: Mapping[str, str]
    at: float


def keep(connection: Connection, shown: ShownPlan) -> None:
    """Remember a plan; one that was shown before stays as it is."""
    connection.execute(
        "INSERT INTO film_plans (film_id, plan, quality, redo, rows, at) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        (
            *(shown.film_id, shown.plan, shown.quality),
            *(json.dumps(shown.redo), json.dumps(dict(shown.rows)), shown.at),
        ),
    )


def find(connection: Connection, film_id: str, plan: str) -> ShownPlan | None:
    """Load a plan that was shown; None: none had this token."""
    mine, whose = seen_by_film(connection)
    row = connection.execute(
        f"SELECT quality, redo, rows, at FROM film_plans WHERE film_id = ? AND plan = ? AND {mine}",  # noqa: S608  only names
        (film_id, plan, *whose),
    ).fetchone()
    if row is None:
        return None
    quality, redo, rows, at = row
    return ShownPlan(
        film_id=film_id,
        plan=plan,
        quality=quality,
        redo=tuple(json.loads(redo)),
        rows=json.loads(rows),
        at=at,
    )
