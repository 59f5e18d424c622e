"""Plans a film, asks the person at the terminal, and makes it with progress by shot."""

from __future__ import annotations

import shlex
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from pathlib import Path

import anyio

from ...app import App
from ...config import Settings, command
from ...errors import BudgetExceeded, ConfirmationRequired, PlanChanged
from ...films import Film, FilmPlan, FilmUpdate, planned_as_written
from ...store import film_orders
from ...texts import digits, inert, listed, number_of
from ...types import FilmQuality, PurchaseTerms
from ..consent import at_a_terminal, says_yes
from ..opening import opened
from ..progress import progress_bar
from ..text import money, table
from ..waiting import wait_with_progress
from ..words import told
from .as_json import as_typed, help_with, made_by, path_of, print_plan
from .looking import exit_code, finish

_LOOK_SECONDS = 30.0
_PROBLEMS = 2
_TRIES = 5
"""How often a film is planned that others order at the same time."""

_WHOLE = ""
"""Stands for the whole film where each shot has its id."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is wanted of a plan: shots to make anew, and stale ones to accept."""

    quality: FilmQuality
    redo: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()


async def plan(settings: Settings, path: Path, wish: Wish, as_json: bool) -> int:
    """Print what making the film would buy; exit code 2 if it cannot be made so."""
    async with opened(settings, watch=False) as app:
        planned = await _plan(app, path, wish)
    if as_json:
        print_plan(planned, path)
    else:
        print(_lines(planned))
    return _say_problems(planned)


def make(settings: Settings, path: Path, wish: Wish, yes_up_to: Decimal | None, as_json: bool) -> int:
    """
    Show the plan, ask whoever is at the terminal, and make the film; print its path.

    Raises:
        BudgetExceeded: it may cost more than what was agreed to beforehand, or than a cap allows.
        ConfigError: a provider's key is not set, or cannot be used.
        ConfirmationRequired: it costs something, and nobody can be asked.
    """
    for _ in range(_TRIES - 1):
        try:
            return _made(settings, path, wish, yes_up_to, as_json)
        except film_orders.OrderedOtherwise:
            continue
        except PlanChanged:
            if not anyio.run(_is_busy, settings, path):
                raise
    return _made(settings, path, wish, yes_up_to, as_json)


def _made(settings: Settings, path: Path, wish: Wish, yes_up_to: Decimal | None, as_json: bool) -> int:
    """As `make`. Raises OrderedOtherwise, PlanChanged: somebody else's order, or change, came in between."""
    tries = _TRIES
    while True:
        if (code := anyio.run(_go_on, settings, path, wish.quality, as_json)) is not None:
            return code
        planned, film = anyio.run(_shown_plan, settings, path, wish)
        if planned.problems:
            if as_json:
                print_plan(planned, path)
            return _say_problems(planned)
        if planned.refusal is None:
            break
        tries -= 1
        if not film.is_busy or not tries:
            raise planned.refusal
        # Somebody else has ordered it meanwhile, and its money is held.
    free = planned.maximum.is_free
    price = f"{digits(planned.maximum.usd)} USD"
    if yes_up_to is not None and planned.maximum.usd > yes_up_to:
        raise BudgetExceeded(
            f"It may cost {price}, more than --yes-up-to {digits(yes_up_to)}.",
            hint="Agree to more, or take another --quality. Nothing was bought.",
        )
    beforehand = yes_up_to is not None and settings.confirm != "strict"
    if not free and not beforehand:
        if not at_a_terminal():
            again = "" if settings.confirm == "strict" else ", or again with --yes-up-to USD"
            raise ConfirmationRequired(
                f"It may cost {price}, and nobody can be asked here.",
                token=None,
                hint=f"Run it in a terminal{again}. Nothing was bought.",
            )
        if not says_yes(f"Make {number_of(len(planned.rows), 'shot')} for at most {price}?"):
            print("Not made; nothing was bought.", file=sys.stderr)
            return _PROBLEMS
    terms = PurchaseTerms(max_usd=planned.maximum.usd, confirmed=beforehand)
    return anyio.run(partial(_make, settings, planned, terms, agreed=not free, as_json=as_json))


async def _is_busy(settings: Settings, path: Path) -> bool:
    async with opened(settings, watch=False) as app:
        return (await app.films.find((await app.films.read(path)).id)).is_busy


async def _plan(app: App, path: Path, wish: Wish) -> FilmPlan:
    """Plan what stands in the document, whatever an assistant writes into the same film meanwhile."""
    films = app.films
    return await planned_as_written(
        lambda: films.read(path),
        lambda film: films.plan(film.id, wish.quality, wish.redo, wish.keep, version=film.version),
    )


async def _go_on(settings: Settings, path: Path, quality: FilmQuality, as_json: bool) -> int | None:
    """
    Go on with the film if it is being made in this quality; None: it is not.

    Another quality that is being made is waited for, and so are shots of an order that has ended, such as cancelled ones:
    what becomes of them decides what is planned.
    """
    async with opened(settings, watch=False) as app:
        film = await app.films.find((await app.films.read(path)).id)
    if not film.is_busy:
        await _until_ended(settings, film)
        return None
    if film.quality != quality:
        print(
            f"This film is still being made in quality {film.quality}. Waiting until that has ended; then quality {quality}"
            " is planned.",
            file=sys.stderr,
            flush=True,
        )
        async with opened(settings) as app:
            film = await _wait(app, film)
        await _until_ended(settings, film)
        return None
    print(
        "This film is being made by a plan that was agreed to before: it goes on. Shots that have changed since are not"
        " bought; they are planned after it has ended.",
        file=sys.stderr,
        flush=True,
    )
    async with opened(settings) as app:
        film = await _wait(app, film)
        if any(state.failure is not None and state.failure.code == PlanChanged.code for state in film.shots):
            return None
        await finish(app, film, as_json=as_json)
    for state in film.shots:
        if state.state == "stale":
            print(
                f"note: shot {inert(state.shot)} is shown as it was before it was changed: {inert(listed(state.why))}."
                f" To make it anew: {command(f'{made_by(film)} --redo {shlex.quote(state.shot)}')}",
                file=sys.stderr,
            )
    return exit_code(film)


async def _until_ended(settings: Settings, film: Film) -> None:
    """Wait for what is still under way, such as shots that were cancelled."""
    left = {state.job.id: state for state in film.shots if state.state == "making" and state.job is not None}
    if not left:
        return
    shots = listed([state.shot for state in left.values()])
    print(
        f"{inert(shots)}: still under way from before. Waiting until that has ended; then it is planned.",
        file=sys.stderr,
        flush=True,
    )
    async with opened(settings) as app:
        for job_id in left:
            await wait_with_progress(app, await app.job(job_id))


async def _shown_plan(settings: Settings, path: Path, wish: Wish) -> tuple[FilmPlan, Film]:
    """Print what would be bought; the plan, and the film as it is then."""
    async with opened(settings, watch=False) as app:
        planned = await _plan(app, path, wish)
        film = await app.films.find(planned.film_id)
    print(_lines(planned), file=sys.stderr)
    return planned, film


async def _make(
    settings: Settings, planned: FilmPlan, terms: PurchaseTerms, *, agreed: bool, as_json: bool
) -> int:
    """Make what is planned. `agreed`: the person has said yes to just this plan and price."""
    async with opened(settings) as app:
        start = partial(app.films.make, planned.film_id, planned.token)
        try:
            film = await start(terms)
        except ConfirmationRequired as question:
            if not agreed:
                raise
            film = await start(replace(terms, agreed_to=question.approval))
        film = await _wait(app, film)
        await finish(app, film, as_json=as_json)
    return exit_code(film)


async def _wait(app: App, film: Film) -> Film:
    """
    Show progress until nothing more happens to the film by itself.

    On Ctrl-C nothing more is bought here, and the ways back are said.
    """
    try:
        async with _progress(film) as report:
            tell = _with_problems(report)
            while film.is_busy:
                film = await app.films.wait(film.id, _LOOK_SECONDS, tell)
    except anyio.get_cancelled_exc_class():
        name = as_typed(path_of(film))
        print(
            f"\nStopped here. What is made is kept; to go on: {command(made_by(film))}, to let the rest be:"
            f" {command(f'film cancel {name}')}",
            file=sys.stderr,
        )
        raise
    return film


def _with_problems(
    report: Callable[[FilmUpdate], Awaitable[None]],
) -> Callable[[FilmUpdate], Awaitable[None]]:
    """Report progress, and before it what stands in the way, whenever that is something else than before."""
    known: tuple[str, ...] = ()
    start = "\n" if sys.stderr.isatty() else ""  # below the bar

    async def tell(update: FilmUpdate) -> None:
        nonlocal known
        problems = update.film.problems
        for problem in problems:
            if problem not in known:
                print(f"{start}note: {inert(told(problem))}", file=sys.stderr, flush=True)
        known = problems
        await report(update)

    return tell


@asynccontextmanager
async def _progress(film: Film) -> AsyncGenerator[Callable[[FilmUpdate], Awaitable[None]]]:
    """A bar over all shots at a terminal; elsewhere a line for each shot when its state has changed."""
    if sys.stderr.isatty():
        async with progress_bar(inert(film.document.title)) as show:

            async def move(update: FilmUpdate) -> None:
                await show(update.done / max(1, update.total), inert(update.words))

            yield move
        return
    known = dict[str, str]()

    async def tell(update: FilmUpdate) -> None:
        for state in update.film.shots:
            words = f"{state.state}, take {state.take}" if state.take else state.state
            if known.get(state.shot) != words:
                known[state.shot] = words
                print(
                    f"{inert(state.shot)}: {words} ({update.done} of {update.total})",
                    file=sys.stderr,
                    flush=True,
                )
        if update.film.status == "joining" and _WHOLE not in known:
            known[_WHOLE] = "joining"
            print("joining...", file=sys.stderr, flush=True)

    yield tell


def _say_problems(planned: FilmPlan) -> int:
    for problem in planned.problems:
        print(f"error [invalid_request]: {inert(told(problem))}", file=sys.stderr)
    if planned.problems:
        print("hint: Correct what is named; nothing was bought.", file=sys.stderr)
    elif planned.refusal is not None:
        print(f"error [{planned.refusal.code}]: {inert(told(planned.refused))}", file=sys.stderr)
        print(f"hint: {inert(help_with(planned.refusal))}", file=sys.stderr)
    return _PROBLEMS if planned.problems or planned.refusal is not None else 0


def _lines(planned: FilmPlan) -> str:
    """A row for each shot, then what it costs here, at other qualities and elsewhere."""
    rows = {row.shot: row for row in planned.rows}
    waiting = {row.shot: row for row in planned.waiting}
    cells: list[tuple[str, ...]] = []
    for state in planned.shots:
        row = rows.get(state.shot)
        if row is not None:
            at = f"{row.model} at {row.provider}"
            cells.append((state.shot, state.state, f"{row.take}", money(row.maximum), at, inert(row.why)))
            continue
        why = "; ".join(state.why)
        if state.shot in waiting:
            again = money(waiting[state.shot].maximum)
            why = f"{why} (--redo {state.shot} makes it anew for at most {again}, --keep {state.shot} accepts it)"
        cells.append((state.shot, state.state, f"{state.take or ''}", "", "", inert(why)))
    lines = [table(("SHOT", "STATE", "TAKE", "AT MOST", "MADE WITH", "WHY"), cells)]
    if planned.rows:
        lines.append(
            f"In quality {planned.quality}: expected {money(planned.expected)}, at most {money(planned.maximum)};"
            f" {digits(planned.budget_left)} USD are left today."
        )
    elif not planned.problems:
        lines.append(f"In quality {planned.quality} nothing is to be bought.")
    others = [f"{name} {money(price)}" for name, price in planned.totals.items() if name != planned.quality]
    lines += [f"At most in other qualities: {', '.join(others)}."] if others else []
    places = [f"{name} {money(price)}" for name, price in planned.elsewhere.items()]
    lines += [f"Elsewhere: {', '.join(places)}."] if places else []
    remarks = (*planned.notes, *(one.line for one in planned.advice))
    lines += [f"note: {inert(told(remark))}" for remark in remarks]
    return "\n".join(lines)
