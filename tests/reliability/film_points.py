"""The named points of making a film at which a process can be killed, beside those in the life of each of its jobs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any

from seedance_mcp.config import new_files
from seedance_mcp.films import cuts, finishing, joining, maker
from seedance_mcp.jobs.results import film_copies
from seedance_mcp.store import database, film_orders, film_plans

from .kill_points import MOVES, Reached, around

POINTS = (
    *(f"{when} {what}" for what in ("plan", "order", "draw", "end") for when in ("deciding", "written")),
    *(
        f"{when} {what}"
        for what in ("step", "shot", "joining", "film's link", "film's name", "captions")
        for when in ("before", "after")
    ),
    *(f"{when} {state.value}" for state in MOVES for when in ("deciding", "written")),
    *(
        f"{when} {what}"
        for what in ("receipts", "connection's bytes", "answer", "download", "file's name")
        for when in ("before", "after")
    ),
)
"""Every point; `deciding` is inside the transaction, `written` after its commit."""

_WRITTEN = (
    (film_plans, "keep", "plan"),
    (film_orders, "hold", "order"),
    (film_orders, "draw", "draw"),
    (film_orders, "end_order", "end"),
)


WORKERS_POINTS = tuple(f"{when} copies" for when in ("before", "after"))
"""Those that only a worker gets to, with an object store."""


def install(
    reached: Reached, *, writes: Iterable[tuple[Any, str]] = ((database.SqliteStore, "write_now"),)
) -> None:
    """Call `reached` with the name of each point of films from now on, in this process. `writes` are what runs transactions."""
    _around_transactions(reached, writes)
    around(film_copies.FilmCopies, "put", "copies", reached)
    around(maker.Maker, "_advance", "step", reached)
    around(maker.Maker, "_start", "shot", reached)
    for room in (finishing, cuts):
        around(room, "join_film", "joining", reached)
    _around_name(reached)
    around(joining, "_put", "captions", reached)


def _around_name(reached: Reached) -> None:
    """Tell before the film has a name for a moment, and while it has: until it is renamed, which takes the place of the old."""
    linked, named = new_files.NewFile._linked, new_files.NewFile.name_it

    @contextlib.contextmanager
    def link(self: Any) -> Generator[Path]:
        if not _is_film(self):
            with linked(self) as path:
                yield path
            return
        reached("before film's link")
        with linked(self) as path:
            reached("after film's link")
            yield path

    def name(self: Any) -> None:
        if _is_film(self):
            reached("before film's name")
        named(self)
        if _is_film(self):
            reached("after film's name")

    new_files.NewFile._linked = link  # type: ignore[method-assign]
    new_files.NewFile.name_it = name  # type: ignore[method-assign]


def _is_film(file: Any) -> bool:
    return file._target.suffix == ".mp4"


def _around_transactions(reached: Reached, writes: Iterable[tuple[Any, str]]) -> None:
    done: list[str] = []

    def telling(work: Callable[..., Any], name: str) -> Callable[..., Any]:
        def told(*given: Any, **named: Any) -> Any:
            result = work(*given, **named)
            done.append(name)
            reached(f"deciding {name}")
            return result

        return told

    def writing(write: Callable[..., Any]) -> Callable[..., Any]:
        def written(*given: Any) -> Any:
            done.clear()
            result = write(*given)
            for name in tuple(done):
                reached(f"written {name}")
            return result

        return written

    for module, name, what in _WRITTEN:
        setattr(module, name, telling(getattr(module, name), what))
    for owner, name in writes:
        setattr(owner, name, writing(getattr(owner, name)))
