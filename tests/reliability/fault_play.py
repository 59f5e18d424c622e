"""Plays one cell of the fault matrix through the app and says what the user saw."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio

from scripts.fault_matrix import Row, cell
from seedance_mcp.errors import SeedanceError
from seedance_mcp.store.money.ledger import held, to_micros
from seedance_mcp.types import Job, JobState, PurchaseTerms
from tests.emulator import Behaviour, Fault
from tests.emulator.clips import clip
from tests.emulator.scripted import Scripted, saying, scripted
from tests.emulator.wire import Response

from .fault_market import SILENT_ABOUT_MONEY, Shop, call_name, info, opened, request, sha256
from .fault_outcomes import Outcome, Stand, at, outcome
from .waiting import until

PATIENCE = 200.0
"""
Seconds that one cell may take at most. Alone it takes a second or two; on a slow and busy machine eight downloads of one
cell were seen to take 70, with many cells at once.
"""

SELDOM = 0.1
"""Seconds between two looks: a cell stands as it does until its fault is over, and sixteen look at once."""

FOR_EVER = 1_000_000
OPEN_STATES = (JobState.RESERVED, JobState.SENDING)


class Wrong(AssertionError):
    """A cell came out otherwise than the matrix says."""


async def play(row: Row, call: str, name: str, folder: Path) -> None:
    """
    Play `row` against `call` at the provider `name`.

    Raises:
        Wrong: job, money, purchases or words are not what the matrix says.
    """
    behaviour = Behaviour(**row.behaviour)
    if call == "cancel":
        behaviour.queued_seconds = FOR_EVER
    if row.scene in ("never_ends", "forgotten"):
        behaviour.endless = True
    if row.scene == "list_lag_too_long":
        behaviour.list_lag = FOR_EVER
    expected = at(info(name), outcome(cell(name, row, call)))
    async with contextlib.AsyncExitStack() as stack:
        private = await stack.enter_async_context(scripted(saying(Response(body=b"secret"))))
        shop = await stack.enter_async_context(
            opened(
                name,
                folder,
                behaviour,
                impatient=not info(name).absence_is_proof and expected.by == "person",
                brief=row.scene in ("expired_result", "expired_links"),
                closed=row.scene == "nobody_listens",
            )
        )
        stage = _Stage(shop, row, call, expected, folder, private)
        try:
            with anyio.fail_after(PATIENCE):
                await stage.play()
        except TimeoutError:
            raise Wrong(f"not within {PATIENCE:g} s: {await stage.describe()}") from None
        if row.fault and not any(struck.fault == row.fault["kind"] for struck in shop.emulator.ledger.calls):
            raise Wrong("the fault struck nothing")
        if private.connections:
            raise Wrong("the other service on this machine was asked")


class _Stage:
    def __init__(
        self, shop: Shop, row: Row, call: str, expected: Outcome, folder: Path, private: Scripted
    ) -> None:
        self.shop, self.app, self.emulator = shop, shop.app, shop.emulator
        self.row, self.call, self.expected, self.folder = row, call, expected, folder
        self.private = private
        self.job_id = ""

    async def play(self) -> None:
        match self.call:
            case "submit":
                await self._submit()
            case "check":
                await self._check()
            case "cancel":
                await self._cancel()
            case "upload":
                await self._upload()
            case "list":
                await self._list()
            case _:
                await self._later()

    async def _submit(self) -> None:
        self._fail("submit", times=1)
        # Nobody may find it before the test has seen what the user sees first.
        self._hide_list()
        await self._buy()
        await self._sees(self.expected.during)
        self.emulator.faults.clear()
        await self._ends()

    async def _later(self) -> None:
        """Following and fetching: bought without trouble, then the fault for as long as it takes to see it twice."""
        name = call_name(self.shop.name, self.call)
        steady = self.expected.during.state not in (JobState.DONE, JobState.FAILED)
        if self.row.scene == "half_here":
            self.emulator.fail("truncated", name)
        self._fail(name, times=None if steady else 3)
        if self.row.scene.startswith("expired"):
            self.emulator.behaviour.url_seconds = -1.0
        await self._buy()
        if self.row.scene == "forgotten":
            await self._until(lambda job: job.state is JobState.ACCEPTED)
            for task in self.emulator.ledger.tasks.values():
                task.deleted = True
        if self.row.scene == "expired_result":
            await self._until(lambda job: job.state in (JobState.REMOTE_DONE, JobState.EXPIRED))
            for task in self.emulator.ledger.tasks.values():
                task.deleted = True
        if self.row.fault and steady:
            await self._struck(2)
        await self._sees(self.expected.during)
        self.emulator.faults.clear()
        for task in self.emulator.ledger.tasks.values():
            if self.emulator.behaviour.endless:
                task.running_seconds = 0.0
                self.emulator.ledger.force(task.id, "succeeded")
            if self.row.scene == "expired_url":
                task.url_seconds = 86_400.0
            if self.row.scene == "forgotten":
                task.deleted = False
        await self._ends()

    async def _list(self) -> None:
        """A lost answer, and the list that could tell is out of order itself."""
        name = call_name(self.shop.name, "list")
        self.emulator.fail("lost", "submit")
        if self.row.fault:
            self._fail(name, times=None)
        await self._buy()
        if self.row.fault and self.expected.during.state is JobState.UNKNOWN:
            await self._struck(3)
        await self._sees(self.expected.during)
        self.emulator.faults.clear()
        self.emulator.behaviour.list_lag = 0.0
        await self._ends()

    async def _cancel(self) -> None:
        await self._buy()
        await self._until(lambda job: job.state is JobState.ACCEPTED)
        self._fail(call_name(self.shop.name, "cancel"), times=None)
        _, words = await self.app.cancel(self.job_id)
        self.emulator.faults.clear()
        if not re.search(self.expected.words, words):
            raise Wrong(f"the answer is {words!r}")
        await self._sees(self.expected.during)
        if self.expected.during.state is JobState.ACCEPTED:
            await self.app.cancel(self.job_id)
        await self._ends()

    async def _check(self) -> None:
        self._fail(call_name(self.shop.name, "check"), times=None)
        try:
            await self.app._pool.open(self.shop.info).check()
        except SeedanceError as error:
            if error.code != self.expected.during.error:
                raise Wrong(f"the error is {error.code}: {error.message}") from error
        else:
            if self.expected.during.error is not None:
                raise Wrong("the key passed for good")
        if self.emulator.ledger.tasks:
            raise Wrong("something was bought")

    async def _upload(self) -> None:
        from PIL import Image

        picture = self.folder / "media" / "a.png"
        picture.parent.mkdir(parents=True)
        Image.new("RGB", (640, 480), "teal").save(picture)
        self._fail("upload", times=None)
        await self._buy(first_frame=str(picture))
        await self._sees(self.expected.during)

    def _fail(self, call: str, *, times: int | None) -> None:
        if self.row.fault:
            fields = dict(self.row.fault)
            if "value" in fields:
                fields["value"] = fields["value"].format(loopback=self.private.origin)
            self.emulator.faults.add(Fault(call=call, times=times, **fields))

    def _hide_list(self) -> None:
        if self.expected.during.state is JobState.UNKNOWN:
            self.emulator.fail("lost", call_name(self.shop.name, "list"), times=None)

    async def _buy(self, **fields: Any) -> None:
        started = await self.app.generate(
            request(self.shop.name, **fields), PurchaseTerms(max_usd=Decimal(50))
        )
        self.job_id = started.job.id

    async def _struck(self, times: int) -> None:
        # The calls of the fault itself, not those that were made to fail on the way to it.
        kind = self.row.fault["kind"]

        async def struck() -> bool:
            return sum(call.fault == kind for call in self.emulator.ledger.calls) >= times

        await until(struck, longest=SELDOM)

    async def _ends(self) -> None:
        expected = self.expected
        if expected.by == "late" and expected.after.state is JobState.DONE:
            await self.app.runner.adopt_late()
        if expected.by == "person":
            await self._decide()
            return
        await self._sees(expected.after)

    async def _decide(self) -> None:
        """A person looks at the provider's console, which tells the truth, and types what stands there."""
        if self.expected.during.state is JobState.UNKNOWN:
            await self._sees(self.expected.after)
        task_id = next(iter(self.emulator.ledger.tasks), None)
        await self.app.installation.resolve(self.job_id, task_id)
        if task_id is not None:
            await self._sees(Stand(state=JobState.DONE, held="charge"))
        else:
            await self._sees(Stand(state=JobState.ABSENT, held="nothing", purchases=0, error="not_bought"))

    async def _until(self, fits: Callable[[Job], bool]) -> Job:
        async def fitting() -> bool:
            return fits(await self.app.job(self.job_id))

        await until(fitting, longest=SELDOM)
        return await self.app.job(self.job_id)

    async def _sees(self, stand: Stand) -> None:
        """Wait until the job stands so, then look at its words, its money and the purchases."""
        job = await self._until(lambda job: job.state is stand.state and job.error_code == stand.error)
        if not re.search(stand.hint, job.error_hint or "", re.IGNORECASE):
            raise Wrong(f"the hint is {job.error_hint!r}")
        bought = len(self.emulator.ledger.tasks)
        if bought != stand.purchases:
            raise Wrong(f"{bought} purchases at the provider")
        if self.emulator.ledger.count("submit") > 1:
            raise Wrong("the purchase was sent more than once")
        micros, usd = await self.app.installation.store.read(lambda connection: held(connection, job.id))
        wanted = {
            "nothing": 0,
            "highest price": to_micros(job.maximum.amount),
            "charge": to_micros(
                job.maximum.amount if self.shop.name in SILENT_ABOUT_MONEY else self.shop.charged()
            ),
        }[stand.held]
        if micros != wanted or (usd == 0) != (wanted == 0):
            raise Wrong(f"{micros} millionths are counted, not {wanted} ({stand.held})")
        if stand.state is JobState.DONE:
            self._has_the_file(job)

    def _has_the_file(self, job: Job) -> None:
        if job.artifacts is None:
            raise Wrong("there is no file")
        data = Path(job.artifacts.video_path).read_bytes()
        made = (sha256(clip(64, 36, 1.0, sound)) for sound in (False, True))
        if job.artifacts.sha256 != sha256(data) or sha256(data) not in made:
            raise Wrong("the file is not what the provider made")

    async def describe(self) -> str:
        """Where the job got stuck."""
        if not self.job_id:
            return "nothing was started"
        job = await self.app.job(self.job_id)
        calls = [f"{call.name}{'!' if call.fault else ''}" for call in self.emulator.ledger.calls][-12:]
        return (
            f"{job.state}, error {job.error_code} ({job.error}), {len(self.emulator.ledger.tasks)} purchases,"
            f" last calls {' '.join(calls)}, expected {self.expected.during.state} then {self.expected.after.state}"
        )
