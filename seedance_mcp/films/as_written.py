"""Plans what somebody has just written: another program may write its own words into the same film in between."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ..errors import InvalidRequest
from ..store import Connection, films
from ..types import FilmRecord
from .plan import FilmPlan

_TRIES = 5


class Rewritten(InvalidRequest):
    """A film has other words than those that were to be planned."""

    def __init__(self) -> None:
        super().__init__(
            ["Another program changes this film at the same time."],
            hint="Let it finish, or stop it, and plan again. Nothing was bought.",
        )


def check_version(film: FilmRecord, version: int | None) -> None:
    """Raise Rewritten if a film has another version than this one; None: any will do."""
    if version is not None and film.version != version:
        raise Rewritten


def keep_over(connection: Connection, *, film: FilmRecord, version: int | None) -> FilmRecord:
    """Keep a film's document in the place of this version, which has to be the newest, else Rewritten; None: of any."""
    if version is not None:
        check_version(films.find_film(connection, film.id), version)
    return films.keep_film(connection, film)


async def planned_as_written(
    write: Callable[[], Awaitable[FilmRecord]], plan: Callable[[FilmRecord], Awaitable[FilmPlan]]
) -> FilmPlan:
    """
    Write a document, or changes of one, and plan just that; either raises Rewritten where the film is another by then.

    Raises:
        InvalidRequest: it is changed again and again.
    """
    for _ in range(_TRIES - 1):
        try:
            return await plan(await write())
        except Rewritten:
            continue
    return await plan(await write())
