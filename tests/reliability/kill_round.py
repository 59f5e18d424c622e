"""One round of kills: an installation, two orders, and processes that are ended or stopped one after the other."""

from __future__ import annotations

import random
import signal
from hashlib import sha256
from pathlib import Path
from shlex import quote
from typing import Any

import anyio

from tests.emulator import Emulator

from . import fault_market as market
from .kill_endings import Endings
from .kill_judge import TOLD, Outcome, jobs_of, prompt_of, read
from .kill_points import POINTS
from .kill_zygote import Life, Zygote

ORDERS = 2
OTHER_KEY = "another-key-9876543210"
"""Opens another account. In every third round each life has either key, and the last ones both."""

QUESTIONS = 6
"""A person answers so often; each answer may lead to a purchase that is lost in its turn."""

ENDINGS = 0.6
ALONE = 0.5
"""How often a later life is a server that its client ends, and how often the last of these is left to its watcher alone."""

TELLING = 'cat > "$0/$$-$PPID"'
"""The command at the end of a job: each run leaves a file with what it was told."""

WORDS = 4
"""How many further processes may come before it is said of a command that it may not have run."""


class Round:
    """One installation, two orders, several lives."""

    def __init__(self, number: int, seed: int, provider: str, folder: Path, leases: bool) -> None:
        self.number = number
        self.provider = provider
        self.folder = folder / f"round-{number}"
        self.leases = leases
        self._random = random.Random(f"{seed}/{number}")
        self.prompts = [f"a boat, round {number} of {seed}, order {order}" for order in range(ORDERS)]

    def life(self, environ: dict[str, str], **plan: Any) -> dict[str, Any]:
        """What a process is told."""
        orders = [
            market.request(self.provider, prompt=prompt).model_dump(mode="json") for prompt in self.prompts
        ]
        given = {
            "SEEDANCE_STATE_DIR": str(self.folder / "state"), "SEEDANCE_OUTPUT_DIR": str(self.folder / "videos"),
            "SEEDANCE_POLL_SECONDS": "0.1", "SEEDANCE_DETACH": "0", "SEEDANCE_CONFIRM": "off",
            "SEEDANCE_MAX_USD_PER_JOB": "50", "SEEDANCE_MAX_USD_PER_DAY": "500", "SEEDANCE_MAX_JOBS_PER_HOUR": "1000",
            "SEEDANCE_ON_FINISH": f"sh -c {quote(TELLING)} {quote(str(self.folder / TOLD))}", **environ,
        }  # fmt: skip
        catalog = str(self.folder.parent / "catalog.toml")
        return {
            "folder": str(self.folder), "environ": given, "orders": orders, "catalog": catalog,
            "leases": self.leases, **plan,
        }  # fmt: skip

    async def play(self, source: Zygote, emulator: Emulator, outcome: Outcome) -> None:
        """End life after life, then let the last one finish; where the provider cannot be asked, play the person."""
        environs = [emulator.environment(self.provider)]
        if self.number % 3 == 2:
            environs.append(emulator.environment(self.provider, key=OTHER_KEY))
        rng = self._random
        (self.folder / TOLD).mkdir(parents=True)
        clients = Endings(
            number=self.number, folder=self.folder, life=self.life, random=rng, source=source, outcome=outcome
        )
        point = POINTS[self.number % len(POINTS)]
        first: dict[str, Any] = {"point": point, "nth": 1 + self.number // len(POINTS) % 3}
        alone = rng.random() < ALONE
        for number in range(rng.choice((1, 1, 2) if alone else (1, 1, 2, 3))):
            if number and (alone or rng.random() < ENDINGS):
                await clients.session(rng.choice(environs), alone=False)
                continue
            plan = (
                first
                if number == 0
                else rng.choice(({"point": rng.choice(POINTS), "nth": rng.randint(1, 4)}, {}))
            )
            stop = rng.random() < 0.25
            environ = rng.choice(environs)
            life = await source.start(**self.life(environ, **plan, stop=stop and bool(plan)))
            if plan:
                await self._at_a_point(life, stop, source, rng.choice(environs), outcome)
            else:
                await life.end(rng.uniform(0, 0.9))
                life.send(signal.SIGSTOP if stop else signal.SIGKILL)
                await self._stopped(life, stop, source, rng.choice(environs), outcome)
        if alone:
            await clients.session(rng.choice(environs), alone=True)
        async with clients.waking():
            await self._end_well(environs, clients, source, emulator, outcome)
        outcome.kills += clients.killed

    async def _end_well(
        self,
        environs: list[dict[str, str]],
        clients: Endings,
        source: Zygote,
        emulator: Emulator,
        outcome: Outcome,
    ) -> None:
        lasting = environs * self._random.choice((1, 1, 1, 2))
        await self._finish([await source.start(**self.life(environ)) for environ in lasting], outcome)
        for _ in range(QUESTIONS):
            open_questions = await self._unresolved(emulator)
            if not open_questions:
                break
            outcome.asked += len(open_questions)
            told = [
                await source.start(**self.life(environ, resolve=await self._of(environ, open_questions)))
                for environ in environs
            ]
            await self._finish(told, outcome)
        for _ in range(WORDS):
            # That a command may not have run is said by whoever comes next.
            if await clients.settle():
                break
            await self._finish([await source.start(**self.life(environs[0]))], outcome)
        # What the slower of two processes leaves, or one that died as it started a worker, is the next start's to remove.
        if list((self.folder / "videos").rglob("*.part")):
            await self._finish([await source.start(**self.life(environs[0], tidies=True))], outcome)

    async def _of(self, environ: dict[str, str], questions: dict[str, str | None]) -> dict[str, str | None]:
        """Those of the questions that are about jobs of the account with this key."""
        accounts = {job["id"]: job["account"] for job in await read(jobs_of, self.folder)}
        keys = {sha256(value.encode()).hexdigest()[:8] for value in environ.values()}
        return {job_id: task_id for job_id, task_id in questions.items() if accounts[job_id] in keys}

    async def _finish(self, last: list[Life], outcome: Outcome) -> None:
        for life in last:
            code = await life.end(180)
            if code != 0:
                life.send(signal.SIGKILL)
                outcome.violations.append(f"round {self.number}: the last process ended with {code}")

    async def _unresolved(self, emulator: Emulator) -> dict[str, str | None]:
        """The jobs about which a person has to look at the provider's console, and what stands there."""
        bought = {prompt_of(task.body): task.id for task in emulator.tasks.values()}
        return {
            job["id"]: bought.get(job["request"]["prompt"])
            for job in await read(jobs_of, self.folder)
            if job["state"] == "unresolved"
        }

    async def _at_a_point(
        self, life: Life, stop: bool, source: Zygote, environ: dict[str, str], outcome: Outcome
    ) -> None:
        reached = self.folder / "reached.txt"
        before = reached.stat().st_size if reached.exists() else 0
        with anyio.move_on_after(6):
            while not life.over.is_set() and (not reached.exists() or reached.stat().st_size == before):  # noqa: ASYNC110
                await anyio.sleep(0.02)
        await self._stopped(life, stop, source, environ, outcome)

    async def _stopped(
        self, life: Life, stop: bool, source: Zygote, environ: dict[str, str], outcome: Outcome
    ) -> None:
        """Let a stopped process sleep, sometimes beside a running one; then it goes on, or dies as it lies."""
        rng = self._random
        if stop and not life.over.is_set():
            outcome.stops += 1
            beside = await source.start(**self.life(environ)) if rng.random() < 0.6 else None
            await anyio.sleep(rng.choice((0.05, 0.4, 2.5)))
            if rng.random() < 0.6:
                life.send(signal.SIGCONT)
                await life.end(rng.uniform(0, 1.5))
            if beside is not None:
                beside.send(signal.SIGKILL)
                outcome.kills += 1
                await beside.end(10)
        life.send(signal.SIGKILL)
        code = await life.end(10)
        outcome.kills += code == -signal.SIGKILL
        if code not in (0, -signal.SIGKILL):
            outcome.violations.append(f"round {self.number}: a process ended with {code}")
