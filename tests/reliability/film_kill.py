"""
Kills processes at the named points of making a film, lets others or a watcher go on, and compares what came of it.

`python -m tests.reliability.film_kill --rounds 200 [--provider NAME] [--first NUMBER] [--keep FOLDER]`
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio

from seedance_mcp.app import open_app
from tests.emulator import Behaviour, Emulator

from . import fault_market as market
from .film_judge import judge, money
from .film_life import FOR_A_PERSON, document
from .film_points import POINTS
from .kill import HORIZON_HOURS, QUIET
from .kill_judge import jobs_of, prompt_of
from .kill_zygote import Life, Zygote, zygote

AT_ONCE = 3
LIFE_SECONDS = 150.0
MOST_ANSWERS = 6

_SEVERAL = ("draw", "shot", "sending", "reserved", "accepted", "done")
"""What happens once for each shot: a process dies at the first, the second or the third."""

_TERMINAL = ("film", "make", "film.json", "--yes-up-to", "50")


@dataclass
class Outcome:
    """What came of it. `violations` say which round broke which promise."""

    rounds: int = 0
    kills: int = 0
    shots: int = 0
    double: int = 0
    lost: int = 0
    watched: int = 0
    """Films that a watcher finished by itself."""
    seconds: float = 0.0
    points: Counter[str] = field(default_factory=Counter[str])
    violations: list[str] = field(default_factory=list[str])


def run(
    rounds: int,
    seed: int = 1,
    provider: str | None = None,
    *,
    first: int = 0,
    folder: Path | None = None,
    points: Sequence[str] = POINTS,
) -> Outcome:
    """Play so many rounds, providers and points taking turns. State folders stay in `folder`, if one is given."""
    names = (provider,) if provider else market.PROVIDERS

    def turn(number: int) -> tuple[str, str, int]:
        """Where a round is played, and where its first process dies."""
        cycle, place = divmod(number, len(points))
        nth = 1 + cycle % 3 if points[place].split()[1] in _SEVERAL else 1
        return names[(number + cycle) % len(names)], points[place], nth

    with contextlib.ExitStack() as stack:
        place = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="film-kills-")))
        place.mkdir(parents=True, exist_ok=True)
        return anyio.run(_run, {number: turn(number) for number in range(first, first + rounds)}, seed, place)


async def _run(turns: dict[int, tuple[str, str, int]], seed: int, folder: Path) -> Outcome:
    outcome, began = Outcome(rounds=len(turns)), time.monotonic()
    async with contextlib.AsyncExitStack() as stack:
        source = await stack.enter_async_context(zygote())
        studios = {
            name: await stack.enter_async_context(studio(name, folder / name, seed))
            for name in dict.fromkeys(name for name, *_ in turns.values())
        }
        limiter = anyio.CapacityLimiter(AT_ONCE)
        async with anyio.create_task_group() as group:
            for number, (name, point, nth) in turns.items():
                one = Round(number, seed, studios[name], point, nth)
                group.start_soon(_round, one, source, outcome, limiter)
    outcome.seconds = time.monotonic() - began
    return outcome


@dataclass(frozen=True)
class Studio:
    """One provider, and what a film costs there at most."""

    provider: str
    folder: Path
    emulator: Emulator
    maximum: Decimal


@contextlib.asynccontextmanager
async def studio(provider: str, folder: Path, seed: int) -> AsyncIterator[Studio]:
    """Open a provider for films."""
    folder.mkdir()
    given = QUIET if market.info(provider).absence_is_proof else {**QUIET, "horizon_hours": HORIZON_HOURS}
    lines = "\n".join(f"{key} = {value}" for key, value in given.items())
    lines += "".join(f"\nlimits.{kind} = {market.NO_LIMIT}" for kind in ("submit", "read", "list"))
    (folder / "catalog.toml").write_text(f"[providers.{provider}]\n{lines}\n", encoding="utf-8")
    behaviour = Behaviour(queued_seconds=0.05, running_seconds=0.1, list_lag=0.2, true_size=True)
    async with Emulator(provider, behaviour=behaviour, seed=seed) as emulator:
        path = folder / "film.json"
        path.write_text(json.dumps(document(provider, "the first")))
        async with open_app(market.settings(emulator.environment(provider), folder), watch=False) as app:
            plan = await app.films.plan((await app.films.read(path)).id)
        assert not plan.problems, plan.problems
        yield Studio(provider, folder, emulator, plan.maximum.usd)


def run_crowd(processes: int, provider: str, seed: int = 1) -> Outcome:
    """Let so many processes make one film at once."""

    async def play(place: Path) -> Outcome:
        outcome = Outcome(rounds=1)
        async with zygote() as source, studio(provider, place / provider, seed) as opened:
            await Round(0, seed, opened).crowd(source, outcome, processes)
        return outcome

    with tempfile.TemporaryDirectory(prefix="film-crowd-") as folder:
        return anyio.run(play, Path(folder))


async def _round(one: Round, source: Zygote, outcome: Outcome, limiter: anyio.CapacityLimiter) -> None:
    async with limiter:
        await one.play(source, outcome)
        reached = one.folder / "reached.txt"
        outcome.points.update(reached.read_text().splitlines() if reached.exists() else ())


class Round:
    """One installation, one film, a process that dies at a point, perhaps one more, and those that finish it."""

    def __init__(self, number: int, seed: int, place: Studio, point: str = "", nth: int = 1) -> None:
        self.number, self.place = number, place
        self.folder = place.folder / f"round-{number}"
        self.name = f"a boat of paper {number} of {seed}"
        self._random = random.Random(f"films {seed}/{number}")
        self._point, self._nth = point, nth
        self.folder.mkdir()
        (self.folder / "film.json").write_text(json.dumps(document(place.provider, self.name)))

    def life(self, **plan: Any) -> dict[str, Any]:
        """What a process is told. The cap of a day is what the film costs: what counts twice stops it."""
        environ = {
            "SEEDANCE_STATE_DIR": str(self.folder / "state"), "SEEDANCE_OUTPUT_DIR": str(self.folder / "videos"),
            "SEEDANCE_MEDIA_DIRS": str(self.folder), "SEEDANCE_POLL_SECONDS": "0.1", "SEEDANCE_DETACH": "0",
            "SEEDANCE_CONFIRM": "off", "SEEDANCE_MAX_USD_PER_JOB": "50", "SEEDANCE_MAX_JOBS_PER_HOUR": "1000",
            "SEEDANCE_MAX_USD_PER_DAY": str(self.place.maximum), **self.place.emulator.environment(self.place.provider),
        }  # fmt: skip
        catalog = str(self.place.folder / "catalog.toml")
        return {"folder": str(self.folder), "environ": environ, "catalog": catalog, "film": "make", **plan}

    async def play(self, source: Zygote, outcome: Outcome) -> None:
        """Let a process die at the point of this round, perhaps another one anywhere, and the film be finished."""
        rng = self._random
        say = self._sayer(outcome)
        if rng.random() < 0.3:
            planner = await source.start(**self.life(film="plan"))
            await self._over(planner, (0,), say)
            if money(self.folder) != (0, 0) or self.tasks:
                say("something was bought, or held, before anybody agreed")
        first = await source.start(**self.life(point=self._point, nth=self._nth))
        await self._over(first, (-signal.SIGKILL,), say)
        outcome.kills += first.facts.get("ended") == -signal.SIGKILL
        self._counted(say)
        if rng.random() < 0.4:
            second = await source.start(**self._next(), point=rng.choice(POINTS), nth=rng.randint(1, 2))
            await self._over(second, (0, FOR_A_PERSON, -signal.SIGKILL), say)
            outcome.kills += second.facts.get("ended") == -signal.SIGKILL
            self._counted(say)
        way = self._next()
        last = [await source.start(**way)]
        if rng.random() < 0.3:
            last.append(await source.start(**self._next()))
        for life in last:
            await self._over(life, (0, FOR_A_PERSON), say)
        self._counted(say)
        outcome.watched += self._is_joined and "words" in way and len(last) == 1
        for _ in range(MOST_ANSWERS):
            # Nobody had agreed yet when the process died, so a watcher had nothing to do; or a person is asked.
            if self._is_joined:
                break
            life = await source.start(**self.life(resolve=self._answers()))
            await self._over(life, (0, FOR_A_PERSON), say)
        judge(self.folder, self.tasks, outcome, say)

    async def crowd(self, source: Zygote, outcome: Outcome, processes: int) -> None:
        """Let so many processes make the film at once: by one token, by plans of their own, and in the terminal."""
        say = self._sayer(outcome)
        await self._over(await source.start(**self.life(film="plan")), (0,), say)
        terminal = [*_TERMINAL[:2], str(self.folder / _TERMINAL[2]), *_TERMINAL[3:]]
        ways = ({"film": "token"}, {"film": "make"}, {"words": terminal})
        lives = [await source.start(**self.life(**ways[number % 3])) for number in range(processes)]
        for life in lives:
            await self._over(life, (0,), say)
        self._counted(say)
        judge(self.folder, self.tasks, outcome, say)

    @property
    def _is_joined(self) -> bool:
        return bool(list((self.folder / "videos").glob("*/film-*.mp4")))

    def _answers(self) -> dict[str, str | None]:
        """What a person sees at the provider's console of the purchases that nobody else can judge."""
        bought = {prompt_of(task.body): task.id for task in self.tasks}
        if not (self.folder / "state" / "jobs.db").exists():
            return {}
        return {
            job["id"]: bought.get(job["request"]["prompt"])
            for job in jobs_of(self.folder)
            if job["state"] == "unresolved"
        }

    def _next(self) -> dict[str, Any]:
        """Who goes on: a client that calls again with its token, one that plans anew, or nobody but the watcher."""
        how = self._random.choice(("make", "token", "watch"))
        if how == "watch":
            return self.life(words=["watch", "--until-idle"])
        return self.life(film=how)

    async def _over(self, life: Life, wanted: tuple[int, ...], say: Any) -> None:
        code = await life.end(LIFE_SECONDS)
        if code is None:
            life.send(signal.SIGKILL)
            await life.end(10)
        if code not in wanted:
            say(f"a process ended with {code}")

    @property
    def tasks(self) -> list[Any]:
        """What the provider was asked to make of this film."""
        return [task for task in self.place.emulator.tasks.values() if self.name in json.dumps(task.body)]

    def _counted(self, say: Any) -> None:
        agreed, counted = money(self.folder)
        if counted > agreed:
            say(f"{counted} micros count, {agreed} were agreed to")

    def _sayer(self, outcome: Outcome) -> Any:
        where = f"round {self.number}, {self.place.provider}, {self._point} {self._nth}"
        return lambda words: outcome.violations.append(f"{where}: {words}")


def main() -> None:
    """Read the command line, play, and say what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.film_kill", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="number of the first round, to repeat one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--provider", help="play all rounds there")
    parser.add_argument("--keep", type=Path, help="keep the state folders here")
    asked = parser.parse_args()
    outcome = run(asked.rounds, asked.seed, asked.provider, first=asked.first, folder=asked.keep)
    for violation in outcome.violations[:20]:
        print(violation)
    missed = [point for point in POINTS if not outcome.points[point]]
    print(
        f"{outcome.rounds} rounds in {outcome.seconds:.0f} s: {outcome.kills} kills, {outcome.shots} shots bought, "
        f"{outcome.double} double, {outcome.lost} lost, {outcome.watched} films finished by a watcher alone, "
        f"{len(outcome.violations)} violations; points never reached: {missed}"
    )
    sys.exit(bool(outcome.violations))


if __name__ == "__main__":
    main()
