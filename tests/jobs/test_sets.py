"""Several videos of one request: one price, one agreement, all reserved or none, and each bought once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from PIL import Image

from seedance_mcp.app import App, open_app
from seedance_mcp.config import load_settings
from seedance_mcp.errors import BudgetExceeded, ConfirmationRequired, InvalidRequest, JobNotFound
from seedance_mcp.jobs import StartedJob
from seedance_mcp.types import Job, JobState, PurchaseTerms, VideoRequest, VideoSet
from tests.emulator import Behaviour, Emulator, Fault
from tests.reliability import fault_market as market
from tests.reliability.waiting import until

SEEDED, SEEDLESS = "seedance-1.0-pro-fast", "seedance-2.0-mini"
"""At 480p 0.0292 and 0.1651 USD."""

FAL = "seedance-1.0-pro"
KEY = "three-boats"


class Shop:
    """An open installation with a key for one provider."""

    def __init__(self, app: App, emulator: Emulator) -> None:
        self.app, self.emulator = app, emulator

    async def start(self, count: int | None = 3, /, **given: Any) -> StartedJob:
        terms = {name: given.pop(name) for name in list(given) if name not in VideoRequest.model_fields}
        usual = {"prompt": "a paper boat", "model": SEEDED, "resolution": "480p"}
        wish = VideoRequest.model_validate({**usual, **given})
        return await self.app.generate(wish, PurchaseTerms(variations=count, **terms))

    async def ended(self, started: StartedJob) -> VideoSet:
        return await self.app.sets.wait(videos(started).id, 30, None)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What every purchase that was taken had sent, in order."""
        return [task.body for task in self.emulator.ledger.tasks.values()]


def videos(started: StartedJob) -> VideoSet:
    assert started.videos is not None
    return started.videos


def ids(found: VideoSet) -> list[str]:
    return [job.id for job in found.jobs]


Opening = Callable[..., AbstractAsyncContextManager[Shop]]


@pytest.fixture
def opening(environ: dict[str, str]) -> Opening:
    @asynccontextmanager
    async def opened(*others: str, **more: str) -> AsyncIterator[Shop]:
        async with Emulator("ark", *others) as emulator:
            given = {**environ, "SEEDANCE_CONFIRM": "off", **emulator.environment(), **more}
            with anyio.fail_after(60):
                async with open_app(load_settings(given, settings_file=Path("none.toml"))) as app:
                    yield Shop(app, emulator)

    return opened


async def test_each_is_bought_once_with_a_seed_of_its_own_and_the_call_again_is_the_set(
    opening: Opening,
) -> None:
    async with opening() as shop:
        started = await shop.start()
        again = await shop.start()
        found = await shop.ended(started)
        assert [one.number for one in found.variations] == [1, 2, 3]
        assert [job.state for job in found.jobs] == [JobState.DONE] * 3
        assert (again.deduplicated, again.videos and again.videos.id) == (True, found.id)
        seeds = [body["seed"] for body in shop.bodies]
        assert sorted(seeds) == sorted(job.request.seed or 0 for job in found.jobs)
        assert len(set(seeds)) == len(shop.bodies) == 3
        budget = await shop.app.budget()
        assert budget.spent_today_usd == sum(job.charge.usd for job in found.jobs if job.charge)
        assert {(await shop.app.sets.of(job) or found).id for job in found.jobs} == {found.id}
        with pytest.raises(JobNotFound):
            await shop.app.sets.find("set_of_nobody")


async def test_one_that_waits_for_its_turn_is_cancelled_for_nothing(opening: Opening, tmp_path: Path) -> None:
    overlay = tmp_path / "catalog.toml"
    overlay.write_text('[providers.ark.limits]\nsubmit = { calls = 1, seconds = 3, source = "none" }\n')
    async with opening(SEEDANCE_CATALOG=str(overlay)) as shop:
        shop.emulator.behaviour.endless = True
        jobs: dict[JobState, Job] = {}

        async def one_waits() -> bool:
            jobs.update({job.state: job for job in await shop.app.unfinished()})
            return {JobState.ACCEPTED, JobState.RESERVED} <= set(jobs)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(shop.start, 2)
            await until(one_waits)
            cancelled, words = await shop.app.cancel(jobs[JobState.RESERVED].id)
            assert (cancelled.state, cancelled.error_code) == (JobState.CANCELLED, "cancelled")
            assert words == "It was cancelled before it was sent: nothing was bought."
        # The call has ended, so its turn has come and gone.
        assert len(shop.bodies) == 1
        budget = await shop.app.budget()
        assert budget.spent_today_usd == jobs[JobState.ACCEPTED].maximum.usd
        again = await shop.start(2)
        assert (again.deduplicated, len(shop.bodies)) == (True, 1)
        assert {job.state for job in videos(again).jobs} == {JobState.ACCEPTED, JobState.CANCELLED}


async def test_a_seed_that_is_given_is_the_first_and_one_from_the_basis_is_none(opening: Opening) -> None:
    async with opening() as shop:
        found = await shop.ended(await shop.start(seed=41))
        assert [job.request.seed for job in found.jobs] == [41, 42, 43]
        others = await shop.ended(await shop.start(2, based_on=found.jobs[0].id))
        assert not {job.request.seed for job in others.jobs} & {41, 42, 43}
        highest = await shop.ended(await shop.start(2, seed=2**31 - 1))
        assert [job.request.seed for job in highest.jobs] == [2**31 - 1, 0]


async def test_without_seeds_they_are_takes_and_another_number_is_another_wish(
    opening: Opening,
) -> None:
    async with opening() as shop:
        shop.emulator.behaviour.endless = True
        two = await shop.start(2, model=SEEDLESS)
        one = await shop.start(None, model=SEEDLESS)
        again = await shop.start(2, model=SEEDLESS, duration=5)
        assert len(shop.bodies) == 3
        assert (one.deduplicated, one.videos) == (False, None)
        assert (again.deduplicated, videos(again).id) == (True, videos(two).id)
        assert one.job.id not in ids(videos(two))


async def test_the_fourth_of_the_very_same_is_asked_about_however_many_at_once(opening: Opening) -> None:
    async with opening(SEEDANCE_CONFIRM="ask", SEEDANCE_CONFIRM_ABOVE_USD="5") as shop:
        await shop.start(2, model=SEEDLESS)
        with pytest.raises(ConfirmationRequired, match="bought 2 times within the last hour"):
            await shop.start(3, model=SEEDLESS)
        await shop.start(None, model=SEEDLESS)
        with pytest.raises(ConfirmationRequired, match="bought 3 times within the last hour"):
            await shop.start(4, model=SEEDLESS)
        assert len(shop.bodies) == 3


async def test_a_no_holds_for_every_number_of_takes(opening: Opening) -> None:
    async with opening(SEEDANCE_CONFIRM="ask", SEEDANCE_CONFIRM_ABOVE_USD="0") as shop:
        with pytest.raises(ConfirmationRequired) as question:
            await shop.start(3)
        assert question.value.token
        await shop.app.questions.decline(question.value.approval)
        for number in (2, None):
            with pytest.raises(ConfirmationRequired) as again:
                await shop.start(number)
            assert again.value.token is None


async def test_caps_hold_for_all_of_them_together_and_then_nothing_is_reserved(opening: Opening) -> None:
    for setting, words in (
        ({"SEEDANCE_MAX_USD_PER_DAY": "0.40"}, "These 3 videos may cost 0.4992 USD in all"),
        ({"SEEDANCE_MAX_JOBS_PER_HOUR": "2"}, "These are 3 paid jobs at once; the limit is 2"),
        ({"SEEDANCE_MAX_USD_PER_JOB": "0.10"}, "This video may cost 0.1664 USD; the limit for one job"),
    ):
        async with opening(**setting) as shop:
            with pytest.raises(BudgetExceeded, match=words):
                await shop.start(model=SEEDLESS)
            quote = await shop.app.estimate(
                VideoRequest(prompt="a paper boat", model=SEEDLESS, resolution="480p"),
                PurchaseTerms(variations=3),
            )
            assert words in (quote.outlook.refused or "")
            assert await shop.app.recent() == []
    async with opening(SEEDANCE_MAX_JOBS_PER_HOUR="4") as shop:
        await shop.start(2)
        with pytest.raises(
            BudgetExceeded, match="2 paid jobs were started within the last hour, and these are 3"
        ):
            await shop.start(3)
        with pytest.raises(BudgetExceeded, match=r"0\.\d+ USD in all, above this call's max_usd of 0\.08"):
            await shop.start(3, max_usd=Decimal("0.08"))
        assert len(await shop.app.recent()) == 2


async def test_one_agreement_is_for_all_of_them_and_for_no_other_number(opening: Opening) -> None:
    async with opening(SEEDANCE_CONFIRM="ask", SEEDANCE_CONFIRM_ABOVE_USD="0.15") as shop:
        with pytest.raises(ConfirmationRequired) as one:
            await shop.start(None, model=SEEDLESS)
        assert one.value.token
        with pytest.raises(ConfirmationRequired, match="another request"):
            await shop.start(model=SEEDLESS, confirm_token=one.value.token)
        with pytest.raises(ConfirmationRequired) as asked:
            await shop.start(model=SEEDLESS)
        assert "Make 3 videos of this for at most" in asked.value.question
        assert "3 times" in asked.value.question
        assert asked.value.token
        with pytest.raises(ConfirmationRequired, match="another request"):
            await shop.start(2, model=SEEDLESS, confirm_token=asked.value.token)
        assert shop.bodies == []
        started = await shop.start(model=SEEDLESS, confirm_token=asked.value.token)
        found = await shop.ended(started)
        assert {job.agreed_by for job in found.jobs} == {"assistant"}
        assert len(shop.bodies) == 3
        with pytest.raises(ConfirmationRequired, match="was used already"):
            await shop.start(model=SEEDLESS, confirm_token=asked.value.token, allow_duplicate=True)


async def test_a_key_buys_again_only_what_of_its_set_was_not_bought(opening: Opening) -> None:
    async with opening() as shop:
        shop.emulator.faults.add(Fault(kind="status", status=400, accepted=False, call="submit", times=1))
        first = await shop.ended(await shop.start(request_key=KEY))
        states = [job.state for job in first.jobs]
        assert sorted(states) == [JobState.DONE, JobState.DONE, JobState.REJECTED]
        refused = next(one for one in first.variations if one.job.state is JobState.REJECTED)
        assert len(shop.bodies) == 2

        started = await shop.start(request_key=KEY)
        second = await shop.ended(started)
        assert (started.deduplicated, second.id) == (False, first.id)
        before = ", ".join(str(number) for number in (1, 2, 3) if number != refused.number)
        assert (
            f"Bought now: number {refused.number} of 3. Number {before} had been bought before."
            in started.notes
        )
        assert [job.state for job in second.jobs] == [JobState.DONE] * 3
        seeds = [job.request.seed for job in first.jobs]
        assert [job.request.seed for job in second.jobs] == seeds
        assert sorted(body["seed"] for body in shop.bodies) == sorted(seed or 0 for seed in seeds)

        whole = await shop.start(request_key=KEY)
        assert (whole.deduplicated, len(shop.bodies)) == (True, 3)
        for count, words in ((2, "variations"), (None, "variations")):
            with pytest.raises(InvalidRequest, match=words):
                await shop.start(count, request_key=KEY)
        assert len(shop.bodies) == 3


async def test_of_a_set_what_was_cancelled_is_not_said_to_be_bought(opening: Opening, tmp_path: Path) -> None:
    overlay = tmp_path / "catalog.toml"
    overlay.write_text('[providers.ark.limits]\nsubmit = { calls = 1, seconds = 2, source = "none" }\n')
    async with opening(SEEDANCE_CATALOG=str(overlay)) as shop:
        shop.emulator.faults.add(Fault(kind="status", status=400, accepted=False, call="submit", times=1))

        async def only_one_waits() -> bool:
            left = await shop.app.unfinished()
            return len(left) == 1 and left[0].state is JobState.RESERVED

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(shop.start, 2, request_key=KEY))
            await until(only_one_waits)
            (waiting,) = await shop.app.unfinished()
            await shop.app.cancel(waiting.id)
        again = await shop.start(2, request_key=KEY)
        cancelled = next(one.number for one in videos(again).variations if one.job.id == waiting.id)
        assert (
            f"Bought now: number {3 - cancelled} of 2. Number {cancelled} was cancelled, and is not bought anew."
            in again.notes
        )
        assert len(shop.bodies) == 1


async def test_a_set_stays_at_one_provider_and_has_a_known_price(opening: Opening) -> None:
    async with opening(
        "byteplus",
        SEEDANCE_FALLBACK="1",
        SEEDANCE_MAX_USD_PER_JOB="5",
        SEEDANCE_MAX_USD_PER_DAY="50",
    ) as shop:
        overdue = Fault(
            kind="status", status=403, value="AccountOverdueError", accepted=False, call="submit", times=None
        )
        shop.emulator.faults.add(overdue)
        found = await shop.ended(await shop.start())
        assert len({job.provider for job in found.jobs}) == 1
        assert {job.error_code for job in found.jobs} == {"insufficient_funds"}
        with pytest.raises(BudgetExceeded, match="unknown"):
            await shop.start(provider="ark", model="ep-20250101-abcde", resolution=None)


async def test_a_file_that_goes_into_all_of_them_is_uploaded_once(opening: Opening, tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    image = tmp_path / "media" / "boat.png"
    Image.effect_noise((640, 360), 60).convert("RGB").save(image)
    async with opening("fal") as shop:
        found = await shop.ended(await shop.start(provider="fal", model=FAL, first_frame=str(image)))
        assert [job.state for job in found.jobs] == [JobState.DONE] * 3
        assert shop.emulator.ledger.count("upload") == 1


async def test_the_rest_of_a_set_of_drafts_comes_from_where_the_others_are(environ: dict[str, str]) -> None:
    wish = VideoRequest(prompt="a paper boat", model="seedance-2.5", quality="draft")
    terms = PurchaseTerms(request_key=KEY, variations=3)
    caps = {"SEEDANCE_CONFIRM": "off", "SEEDANCE_MAX_USD_PER_JOB": "5", "SEEDANCE_MAX_USD_PER_DAY": "50"}
    found: list[VideoSet] = []
    with anyio.fail_after(60):
        async with Emulator("ark", "byteplus") as emulator:
            refused = {"kind": "status", "status": 400, "accepted": False, "call": "submit", "times": 1}
            emulator.faults.add(Fault(**refused))
            # Later there is a key for a cheaper provider, too.
            for known in (("byteplus",), ("ark", "byteplus")):
                given = {**environ, **caps, **emulator.environment(*known)}
                async with open_app(load_settings(given, settings_file=Path("none.toml"))) as app:
                    started = await app.generate(wish, terms)
                    found.append(await app.sets.wait(videos(started).id, 30, None))
    states = [sorted(job.status.value for job in each.jobs) for each in found]
    assert states == [["failed", "succeeded", "succeeded"], ["succeeded"] * 3]
    assert {job.provider for job in found[1].jobs} == {"byteplus"}


async def test_several_drafts_are_drafts_and_a_draft_is_finished_once(opening: Opening) -> None:
    async with opening(SEEDANCE_MAX_USD_PER_JOB="5", SEEDANCE_MAX_USD_PER_DAY="50") as shop:
        found = await shop.ended(await shop.start(2, model="seedance-2.5", quality="draft", resolution=None))
        assert all(job.is_draft for job in found.jobs)
        with pytest.raises(InvalidRequest, match="finished once"):
            await shop.app.generate(
                VideoRequest(based_on=found.jobs[1].id, quality="final"), PurchaseTerms(variations=2)
            )
        final = await shop.app.generate(VideoRequest(based_on=found.jobs[1].id, quality="final"))
        assert final.job.request.resolution == "1080p"


async def test_a_video_of_a_set_that_turns_up_after_all_is_not_bought_once_more(tmp_path: Path) -> None:
    async with market.opened("ark", tmp_path, Behaviour(list_lag=3600)) as shop:
        terms, asked = (
            PurchaseTerms(request_key=KEY, variations=2, allow_duplicate=True),
            market.request("ark"),
        )
        shop.emulator.faults.add(Fault(kind="lost", call="submit", accepted=True, times=2))
        first = videos(await shop.app.generate(asked, terms))

        async def judged() -> bool:
            found = await shop.app.sets.find(first.id)
            return {job.state for job in found.jobs} == {JobState.ABSENT}

        with anyio.fail_after(30):
            await until(judged)
        shop.emulator.faults.add(
            Fault(kind="status", status=400, value="InvalidParameter", accepted=False, call="submit", times=2)
        )
        refused = videos(await shop.app.generate(asked, terms))
        assert {job.state for job in refused.jobs} == {JobState.REJECTED}
        shop.emulator.behaviour.list_lag = 0
        await shop.app.runner.adopt_late()
        assert ids(await shop.app.sets.find(first.id)) == ids(first)
        again = await shop.app.generate(asked, terms)
        assert (again.deduplicated, ids(videos(again))) == (True, ids(first))
        assert len(shop.emulator.ledger.tasks) == 2
