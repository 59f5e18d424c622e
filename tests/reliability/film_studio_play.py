"""
Random schedules of films whose documents change while they are planned, made, failed and cancelled, with the real planner,
the real states and the real maker, against an own account of what every take was made from.

Nothing is sent: where a purchase would be, its job is reserved as it would be, and goes through its life by chance.
A schedule is told by its seed alone.
"""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from seedance_mcp.app import App, open_app
from seedance_mcp.config import load_settings
from seedance_mcp.errors import BudgetExceeded, InvalidRequest, PlanChanged
from seedance_mcp.films import FilmPlan, finishing, maker, pauses
from seedance_mcp.films.states import ShotState
from seedance_mcp.jobs.buying.idempotency import RequestKey
from seedance_mcp.jobs.buying.intents import Intent
from seedance_mcp.jobs.buying.reservations import reserve
from seedance_mcp.store import films, job_records, transitions
from seedance_mcp.types import Job, JobState, Mark, PurchaseTerms, VideoRequest

from .film_play import NEXT

STEPS = 60
SHOTS = ("a", "b", "c", "d")
PARENTS = {"b": "a", "d": "b"}
STYLES = ("dusk", "noon", "a storm")

_OPEN = (JobState.RESERVED, JobState.SENDING, JobState.ACCEPTED, JobState.REMOTE_DONE)

_WELL = {
    JobState.RESERVED: JobState.SENDING,
    JobState.SENDING: JobState.ACCEPTED,
    JobState.UNKNOWN: JobState.ACCEPTED,
    JobState.ABSENT: JobState.ACCEPTED,
    JobState.ACCEPTED: JobState.REMOTE_DONE,
    JobState.REMOTE_DONE: JobState.DONE,
}
"""How a life goes in which all goes well."""


@asynccontextmanager
async def installation() -> AsyncIterator[App]:
    """Open an installation for many schedules, each of which has a film of its own."""
    with tempfile.TemporaryDirectory(prefix="film-studio-") as folder:
        settings = load_settings(
            {
                "SEEDANCE_STATE_DIR": f"{folder}/state", "SEEDANCE_OUTPUT_DIR": f"{folder}/videos", "ARK_API_KEY": "none",
                "SEEDANCE_DETACH": "0", "SEEDANCE_CONFIRM": "off", "SEEDANCE_MAX_USD_PER_JOB": "50",
                "SEEDANCE_MAX_USD_PER_DAY": "100000", "SEEDANCE_MAX_JOBS_PER_HOUR": "100000",
            },
            settings_file=Path(folder) / "none.toml",
        )  # fmt: skip
        async with open_app(settings, watch=False) as app:
            yield app


class Flow:
    """Reserves what the maker buys, in the transaction in which it would be, and sends nothing."""

    def __init__(self, app: App) -> None:
        self._app, self._store = app, app.installation.store
        self.count = 0

    async def run(self, request: VideoRequest, terms: PurchaseTerms) -> None:
        """Reserve one row's job."""
        self.count += 1
        job_id = f"job_{terms.request_key}_{self.count}"
        draw, key = terms.draws_on, terms.request_key
        assert draw is not None
        assert key is not None
        takes = (await self._app.films._find(draw.film_id)).takes
        take = next(take for take in takes if (take.shot, take.number) == (draw.shot, draw.take))
        intent = Intent(
            job_id=job_id, owner="me", provider="ark", account="a", model=request.model or "", endpoint="e",
            request=request, digests=take.files, tag=job_id, estimate=take.maximum, maximum=take.maximum, terms=terms,
            key=RequestKey.of(key, request, {}),
        )  # fmt: skip
        settings, now = self._app.settings, self._store.clock()
        await self._store.write(partial(reserve, intent=intent, settings=settings, now=now))


@dataclass
class Made:
    """A take as it was agreed to: what its shot said then, and which take it continues."""

    content: tuple[Any, ...]
    parent: tuple[str, int] | None
    job_id: str | None = None


@dataclass
class Shown:
    """A plan that somebody was shown: for which content of every shot, and what it buys."""

    plan: FilmPlan
    contents: dict[str, tuple[Any, ...]]
    rows: dict[str, int] = field(default_factory=dict[str, int])
    parents: dict[str, tuple[str, int] | None] = field(default_factory=dict[str, tuple[str, int] | None])


class StudioPlay:
    """One schedule. `run` raises AssertionError when a promise is broken."""

    def __init__(self, seed: int, app: App) -> None:
        self._random, self._app = random.Random(f"studio {seed}"), app
        self._flow = Flow(app)
        self._texts, self._seconds = dict.fromkeys(SHOTS, 0), dict.fromkeys(SHOTS, 2)
        self._style, self._title = STYLES[0], 0
        self._film = ""
        self._shown: list[Shown] = []
        self._takes: dict[tuple[str, int], Made] = {}
        self._ended = set[str]()
        self.counts = Counter[str]()

    async def run(self) -> Counter[str]:
        """Play the schedule to its end; how often everything happened."""
        finishing.join_film = self._join  # type: ignore[assignment]
        pauses._FIRST_PAUSE = 0.0
        steps = (
            *(self._edit, self._plan, self._plan, self._plan, self._make, self._make, self._make),
            *(
                self._advance,
                self._advance,
                self._advance,
                self._advance,
                self._forget,
                self._cancel,
                self._choose,
            ),
            *(self._move, self._move, self._move, self._move, self._move, self._move),
        )
        await self._read()
        await self._forget()
        if self._random.random() < 0.5:
            await self._begin_well()
        for _ in range(STEPS):
            await self._random.choice(steps)()
            await self._check()
        return self.counts

    @property
    def _contents(self) -> dict[str, tuple[Any, ...]]:
        return {shot: (self._texts[shot], self._seconds[shot], self._style) for shot in SHOTS}

    async def _read(self) -> None:
        shots = [
            {"id": shot, "prompt": f"boat {self._texts[shot]} of {shot}", "seconds": self._seconds[shot]}
            | ({"continues": "last_frame", "after": PARENTS[shot]} if shot in PARENTS else {})
            for shot in SHOTS
        ]
        board = {
            "title": f"Title {self._title}", "model": "seedance-1.0-pro-fast", "resolution": "480p", "style": self._style,
            "shots": shots,
        }  # fmt: skip
        self._film = (await self._app.films.take(board, self._film or None)).id

    async def _edit(self) -> None:
        """Change what a shot is made from, or what it is not."""
        what = self._random.choice(("text", "text", "seconds", "style", "title"))
        shot = self._random.choice(SHOTS)
        if what == "text":
            self._texts[shot] = max(self._texts.values()) + 1
        elif what == "seconds":
            self._seconds[shot] = 2 + (self._seconds[shot] - 1) % 4
        elif what == "style":
            self._style = self._random.choice(STYLES)
        else:
            self._title += 1
        await self._read()

    async def _begin_well(self) -> None:
        """Make all of the film, and one shot with what continues it once more, of which the next may be refused."""
        refused = ("b", 2) if self._random.random() < 0.5 else None
        for redo in ((), ("a",)):
            await self._plan(redo)
            await self._make()
            while (await self._app.films._find(self._film)).orders[-1].ended is None:
                await self._advance()
                for taken, made in self._takes.items():
                    while made.job_id and (to := _WELL.get(self._job(made.job_id).state)):
                        job = self._moved(self._job(made.job_id), to)
                        if taken == refused and to is JobState.SENDING:
                            self._moved(job, JobState.REJECTED)

    async def _choose(self) -> None:
        """A person shows another take of a shot: what continues it is stale, and stays."""
        done = [
            taken
            for taken, made in self._takes.items()
            if made.job_id and self._job(made.job_id).state is JobState.DONE
        ]
        if not done:
            return
        shot, take = self._random.choice(done)
        mark = Mark(
            film_id=self._film,
            shot=shot,
            take=take,
            kind="chosen",
            inputs={},
            at=self._app.installation.store.clock(),
        )
        self._app.installation.store.write_now(partial(films.mark, decided=mark))
        self.counts["chosen"] += 1

    async def _plan(self, asked: Sequence[str] | None = None) -> None:
        redo = self._random.sample(SHOTS, self._random.choice((0, 0, 0, 1, 2))) if asked is None else asked
        plan = await self._app.films.plan(self._film, redo=redo)
        assert not plan.problems, plan.problems
        rows = {row.shot: row.take for row in plan.rows}
        states = {state.shot: state for state in plan.shots}
        shows = {shot: _shows(state) for shot, state in states.items()}
        for shot in rows:
            newest = self._newest(shot)
            assert newest is None or newest.state not in (*_OPEN, JobState.UNKNOWN), (
                f"G3: {shot} is bought anew while its take is {newest and newest.state}"
            )
            take = shows[shot]
            if take is None or shot in redo or PARENTS.get(shot) in rows:
                continue
            assert self._takes[take].content != self._contents[shot], f"G3: {shot} is made anew unasked"
        assert all((shot, number) not in self._takes for shot, number in rows.items()), (
            "G4: the number of a take is given twice"
        )
        used = {take.request_key for take in (await self._app.films._find(self._film)).takes}
        assert not used & {plan.take(row).request_key for row in plan.rows}, "G4: two takes have one key"
        parents = {
            shot: (parent, rows[parent]) if parent in rows else shows[parent]
            for shot, parent in PARENTS.items()
        }
        self._shown.append(Shown(plan, self._contents, rows, parents))
        self.counts["a plan with rows" if rows else "a plan without"] += 1

    async def _make(self) -> None:
        if not self._shown:
            return
        shown = self._random.choice((*self._shown[-3:], self._shown[-1], self._shown[-1]))
        try:
            await self._app.films.make(self._film, shown.plan.token, PurchaseTerms())
        except (PlanChanged, InvalidRequest, BudgetExceeded) as error:
            self.counts[f"not ordered: {type(error).__name__}"] += 1
            return
        found = await self._app.films._find(self._film)
        new = [take for take in found.takes if (take.shot, take.number) not in self._takes]
        for take in new:
            assert shown.rows.get(take.shot) == take.number, "G2: a take is ordered that nobody was shown"
            assert shown.contents[take.shot] == self._contents[take.shot], (
                "G2: what is ordered is not what was shown"
            )
            self._takes[take.shot, take.number] = Made(
                self._contents[take.shot], shown.parents.get(take.shot)
            )
        self.counts["ordered" if new else "ordered again, or nothing"] += 1

    async def _advance(self) -> None:
        """Let the maker take a step. What it starts continues what is there, and it ends no order that can go on."""
        await self._app.films.advance()
        found = await self._app.films._find(self._film)
        for take in found.takes:
            if take.order in self._ended or found.order is None or found.order.ended is None:
                continue
            job = self._job(take.job_id) if take.job_id else None
            assert job is not None or take.parent is not None, (
                f"G8: the order ended, and {take.shot} is not bought"
            )
            assert job is None or job.finished, (
                f"G8: the order ended while {take.shot} is {job and job.state}"
            )
        self._ended |= {order.plan for order in found.orders if order.ended}
        for take in found.takes:
            made = self._takes[take.shot, take.number]
            if take.job_id is None or take.job_id == made.job_id:
                continue
            if made.job_id is not None:
                assert self._job(made.job_id).state is JobState.NOT_SENT, "G1: a row is bought twice"
                self.counts["bought after it was not sent"] += 1
            made.job_id = take.job_id
            self.counts["bought"] += 1
            assert made.content == self._contents[take.shot], (
                f"G9: {take.shot} is bought as {made.content}, and is {self._contents[take.shot]} by now"
            )
            if made.parent is None:
                continue
            parent = self._takes[made.parent].job_id
            assert parent is not None, f"G5: {take.shot} is begun before {made.parent} is"
            assert self._job(parent).state is JobState.DONE, (
                f"G5: {take.shot} is begun before {made.parent} is there"
            )
            assert self._job(take.job_id).request.first_frame == f"job:{parent}/last_frame", (
                f"G5: {take.shot} does not continue {made.parent}"
            )

    async def _move(self) -> None:
        jobs = [self._job(made.job_id) for made in self._takes.values() if made.job_id]
        jobs = [job for job in jobs if NEXT.get(job.state)]
        if not jobs:
            return
        job = self._random.choice(jobs)
        for _ in range(self._random.randint(1, 5)):
            choices = NEXT.get(job.state)
            if not choices:
                return
            to = _WELL[job.state] if self._random.random() < 0.7 else self._random.choice(choices)
            job = self._moved(job, to)

    def _moved(self, job: Job, to: JobState) -> Job:
        changes: dict[str, Any] = {"error_code": "not_sent"} if to is JobState.NOT_SENT else {}
        now = self._app.installation.store.clock()
        return self._app.installation.store.write_now(
            partial(transitions.move, job=job, to=to, now=now, by="me", **changes)
        )

    async def _forget(self) -> None:
        """The process is another one from here on."""
        made, app = self._app.films, self._app
        flow: Any = self._flow
        made._maker = maker.Maker(app._context, flow, app._sources, made._digests, app._pool, app.runner)

    async def _cancel(self) -> None:
        order = (await self._app.films._find(self._film)).order
        if order is None or order.ended_at is not None or self._random.random() < 0.8:
            return
        now = self._app.installation.store.clock()
        self._app.installation.store.write_now(
            partial(
                maker.film_orders.end_order, film_id=self._film, plan=order.plan, ended="cancelled", now=now
            )
        )
        self._ended.add(order.plan)
        self.counts["cancelled"] += 1

    async def _join(self, _record: Any, _document: Any, states: list[ShotState], **_: Any) -> tuple[()]:
        for state in states:
            assert state.job is not None, "G6: a film is joined without a shot"
            assert state.job.state is JobState.DONE, "G6: a film is joined before a shot is there"
        self.counts["joined"] += 1
        return ()

    def _job(self, job_id: str) -> Job:
        return self._app.installation.store.read_now(partial(job_records.find, job_id=job_id))

    def _newest(self, shot: str) -> Job | None:
        """The job of the newest take of a shot that has one."""
        bought = {
            number: made.job_id
            for (name, number), made in self._takes.items()
            if name == shot and made.job_id
        }
        return self._job(bought[max(bought)]) if bought else None

    async def _check(self) -> None:
        """Every state is what the own account says."""
        states = {state.shot: state for state in (await self._app.films.find(self._film)).shots}
        for shot, state in states.items():
            shown = _shows(state)
            if shown is None or state.state not in ("current", "stale"):
                continue
            made = self._takes[shown]
            parent = _shows(states[PARENTS[shot]]) if shot in PARENTS else None
            same = made.content == self._contents[shot] and made.parent == parent
            assert state.state == ("current" if same else "stale"), (
                f"G7: {shot} is called {state.state}: it is made from {made}, and is {self._contents[shot]} of {parent}"
            )
            self.counts[state.state] += 1


def _shows(state: ShotState) -> tuple[str, int] | None:
    return None if state.chosen is None else (state.chosen.shot, state.chosen.number)


async def play(seeds: range) -> Counter[str]:
    """Play schedules, one after the other in one installation."""
    counts = Counter[str]()
    before = finishing.join_film, pauses._FIRST_PAUSE
    try:
        async with installation() as app:
            for seed in seeds:
                counts += await StudioPlay(seed, app).run()
                unplanned = await app.incidents()
                assert unplanned == [], f"schedule {seed}: {unplanned}"
    finally:
        finishing.join_film, pauses._FIRST_PAUSE = before
    return counts
