"""A cheap draft first, then the same in full: its very take where the provider finishes drafts, else another video."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest

from seedance_mcp.app import App, Quote, open_app
from seedance_mcp.config import load_settings
from seedance_mcp.errors import (
    BudgetExceeded,
    ConfirmationRequired,
    InvalidRequest,
    JobNotFinished,
    OtherAccount,
)
from seedance_mcp.jobs import StartedJob
from seedance_mcp.presentation import amounts, views
from seedance_mcp.types import Job, JobState, PurchaseTerms, VideoRequest
from tests.emulator import Emulator, Fault

NEW, OLD = "seedance-2.5", "seedance-2.0"
"""One of which drafts are made, and one that has cheaper relatives."""

DAY = 86_400.0


class Shop:
    """An open installation with a key for one provider."""

    def __init__(self, app: App, emulator: Emulator) -> None:
        self.app, self.emulator = app, emulator

    async def estimate(self, **given: Any) -> Quote:
        return await self.app.estimate(VideoRequest.model_validate(given))

    async def start(self, terms: PurchaseTerms | None = None, /, **given: Any) -> StartedJob:
        return await self.app.generate(VideoRequest.model_validate(given), terms)

    async def make(self, **given: Any) -> Job:
        started = await self.start(**given)
        return await self.app.wait(started.job.id, 30)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What every purchase sent, in order."""
        return [task.body for task in self.emulator.ledger.tasks.values()]


Opening = Callable[..., AbstractAsyncContextManager[Shop]]


@pytest.fixture
def opening(environ: dict[str, str]) -> Opening:
    @asynccontextmanager
    async def opened(dialect: str = "ark", **more: str) -> AsyncIterator[Shop]:
        async with Emulator(dialect) as emulator:
            given = {**environ, "SEEDANCE_CONFIRM": "off", **emulator.environment(dialect), **more}
            given |= {"SEEDANCE_MAX_USD_PER_JOB": "5", "SEEDANCE_MAX_USD_PER_DAY": "50"}
            with anyio.fail_after(60):
                async with open_app(load_settings(given, settings_file=Path("none.toml"))) as app:
                    yield Shop(app, emulator)

    return opened


async def test_a_draft_is_finished_as_the_same_take_at_the_price_that_was_said(
    opening: Opening,
) -> None:
    asked: dict[str, Any] = {"prompt": "a paper boat", "model": NEW, "duration": 8, "aspect_ratio": "16:9"}
    async with opening() as shop:
        quote = await shop.estimate(quality="draft", **asked)
        shown = await views.estimate(shop.app, quote)
        assert shown.ladder is not None
        assert shown.ladder.same_take
        draft = await shop.make(quality="draft", **asked)
        again = await shop.start(quality="draft", **asked)
        second = await shop.estimate(quality="final", based_on=draft.id)
        final = await shop.make(quality="final", based_on=draft.id)
        repeated = await shop.start(quality="final", based_on=draft.id)
        budget = await shop.app.budget()
        records = shop.app.installation.store.read_now(
            lambda connection: connection.execute("SELECT document FROM jobs").fetchall()
        )

    # Servers of earlier versions refuse a request with a field that they do not know.
    assert not any("quality" in json.loads(record)["request"] for (record,) in records)
    assert (draft.state, draft.is_draft, draft.request.resolution) == (JobState.DONE, True, "480p")
    assert (again.job.id, again.deduplicated) == (draft.id, True)
    assert (final.state, final.is_draft, final.request.resolution) == (JobState.DONE, False, "1080p")
    assert (repeated.job.id, repeated.deduplicated) == (final.id, True)
    assert draft.submission is not None
    first, finishing = shop.bodies
    assert (first["draft"], first["resolution"]) == (True, "480p")
    assert finishing["content"] == [{"type": "draft_task", "draft_task": {"id": draft.submission.task_id}}]
    assert not finishing.keys() & {"draft", "duration", "ratio", "generate_audio", "seed"}
    # What was said before the first purchase is what both were bought for, and what was charged.
    assert second.estimate is not None
    assert shown.ladder.draft.amount == amounts.decimal(draft.estimate.amount)
    assert shown.ladder.final.amount == amounts.decimal(second.estimate.price.amount)
    assert final.estimate == second.estimate.price
    assert (final.request.duration, final.request.prompt) == (8, "a paper boat")
    assert draft.charge is not None
    assert final.charge is not None
    assert budget.spent_today_usd == draft.charge.usd + final.charge.usd
    sidecar = json.loads(
        Path(str(draft.artifacts and draft.artifacts.video_path)).with_suffix(".json").read_text()
    )
    assert sidecar["settings"]["quality"] == "draft"


async def test_elsewhere_the_cheapest_of_the_family_is_a_draft_of_another_video(
    opening: Opening,
) -> None:
    asked: dict[str, Any] = {"prompt": "a paper boat", "model": OLD, "resolution": "1080p"}
    async with opening() as shop:
        quote = await shop.estimate(quality="draft", **asked)
        plain = await shop.estimate(**asked)
        draft = await shop.make(quality="draft", **asked)
        started = await shop.start(quality="final", based_on=draft.id)
        final = await shop.app.wait(started.job.id, 30)

    assert (draft.model, draft.request.resolution) == ("seedance-2.0-mini", "480p")
    assert (final.model, final.request.resolution) == (OLD, "1080p")
    assert quote.ladder is not None
    assert plain.estimate is not None
    assert quote.ladder.estimate == plain.estimate
    assert quote.ladder.days is None
    assert final.estimate == plain.estimate.price
    told = [line for line in quote.notes if line.startswith("Draft: ")]
    assert "0.1651 USD" in told[0]
    assert "a new take" in told[0]
    assert any("another video than the draft" in line for line in started.notes)


async def test_the_person_who_is_asked_reads_both_prices(opening: Opening) -> None:
    async with opening(SEEDANCE_CONFIRM="ask", SEEDANCE_CONFIRM_ABOVE_USD="0.1") as shop:
        with pytest.raises(ConfirmationRequired) as asked:
            await shop.start(prompt="a paper boat", model=NEW, quality="draft")
        assert shop.bodies == []
    ladder = next(line for line in asked.value.question.splitlines() if "Draft: " in line)
    assert "480p, 0.4" in ladder
    assert "1080p, 2.6" in ladder


async def test_draft_final_and_the_model_of_the_draft_by_itself_are_three_wishes(
    opening: Opening,
) -> None:
    asked: dict[str, Any] = {"prompt": "a paper boat", "model": OLD}
    async with opening() as shop:
        shop.emulator.behaviour.endless = True
        draft = await shop.start(quality="draft", **asked)
        final = await shop.start(quality="final", **asked)
        unsaid = await shop.start(**asked)
        mini = await shop.start(prompt="a paper boat", model="seedance-2.0-mini", resolution="480p")
        written_out = await shop.start(quality="draft", duration=5, **asked)
        assert len(shop.bodies) == 3
        key = PurchaseTerms(request_key="the-boat")
        await shop.start(key, quality="draft", **asked)
        with pytest.raises(InvalidRequest, match=r'quality \("draft" there, not given here\)'):
            await shop.start(key, **asked)
    assert (unsaid.job.id, unsaid.deduplicated) == (final.job.id, True)
    assert (written_out.job.id, written_out.deduplicated) == (draft.job.id, True)
    assert len({draft.job.id, final.job.id, mini.job.id}) == 3


async def test_based_on_a_draft_is_another_draft_until_quality_says_final(
    opening: Opening,
) -> None:
    async with opening() as shop:
        draft = await shop.make(prompt="a paper boat", model=OLD, resolution="1080p", quality="draft")
        other = await shop.make(based_on=draft.id, prompt="a paper plane")
        final = await shop.estimate(based_on=other.id, quality="final")
        cheap = await shop.make(prompt="a fox", model=NEW, quality="draft")
        finished = await shop.make(based_on=cheap.id, quality="final")
        fresh = await shop.estimate(based_on=finished.id, prompt="a wolf")
    assert (other.model, other.request.resolution, other.is_draft) == ("seedance-2.0-mini", "480p", True)
    assert (final.request.prompt, final.request.model, final.request.resolution) == (
        "a paper plane",
        OLD,
        "1080p",
    )
    assert (fresh.request.prompt, fresh.request.provider_options) == ("a wolf", {})


async def test_only_a_draft_that_was_made_here_and_lately_is_finished(
    opening: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opening() as shop:
        shop.emulator.behaviour.endless = True
        waiting = (await shop.start(prompt="a fox", model=NEW, quality="draft")).job
        with pytest.raises(JobNotFinished, match="not made yet"):
            await shop.start(based_on=waiting.id, quality="final")
        shop.emulator.behaviour.endless = False
        shop.emulator.behaviour.outcome = "failed"
        failed = await shop.make(prompt="a wolf", model=NEW, quality="draft")
        with pytest.raises(InvalidRequest, match="was not made") as refused:
            await shop.start(based_on=failed.id, quality="final")
        assert "provider_options {'draft': false}" in refused.value.hint
        shop.emulator.behaviour.outcome = "succeeded"
        another = await shop.start(based_on=failed.id, quality="final", provider_options={"draft": False})
        assert any("another video" in line for line in another.notes)
        assert shop.bodies[-1]["content"][0]["text"] == "a wolf"

        draft = await shop.make(prompt="an owl", model=NEW, quality="draft")
        bought = len(shop.bodies)
        for contradiction, words in (
            ({"prompt": "another owl"}, "prompt: leave it out; it is taken from the draft"),
            ({"resolution": "720p"}, "1080p"),
            ({"model": OLD}, "only there it can be finished"),
            ({"provider_options": {"draft": True}}, "quality 'final'"),
            ({"provider_options": {"draft_task_id": "x"}}, "quality 'final'"),
        ):
            with pytest.raises(InvalidRequest, match=words):
                await shop.start(**{"based_on": draft.id, "quality": "final", **contradiction})
        later = shop.app.installation.store.clock() + 7 * DAY + 1
        monkeypatch.setattr(shop.app.installation.store, "clock", lambda: later)
        with pytest.raises(InvalidRequest, match="for 7 days") as refused:
            await shop.start(based_on=draft.id, quality="final")
        assert "provider_options {'draft': false}" in refused.value.hint
        assert len(shop.bodies) == bought


async def test_another_account_is_not_asked_to_finish_a_draft(
    opening: Opening, environ: dict[str, str]
) -> None:
    async with opening() as shop:
        draft = await shop.make(prompt="an owl", model=NEW, quality="draft")
    async with opening(ARK_API_KEY="another-key-0123456789") as shop:
        with pytest.raises(OtherAccount):
            await shop.estimate(based_on=draft.id, quality="final")


async def test_a_draft_has_to_be_cheaper_and_is_asked_for_in_one_way_only(
    opening: Opening,
) -> None:
    async with opening() as shop:
        for options in ({"draft": True}, {"draft": False}, {"draft_task_id": "cgt-1"}):
            with pytest.raises(InvalidRequest, match="quality 'draft'"):
                await shop.estimate(prompt="a", model=NEW, quality="draft", provider_options=options)
        with pytest.raises(InvalidRequest, match="cheaper draft"):
            await shop.estimate(prompt="a", model="seedance-2.0-mini", resolution="480p", quality="draft")
        final = await shop.estimate(prompt="a", model="seedance-2.0-mini", quality="final")
        assert final.ladder is None


async def test_a_draft_is_not_moved_to_another_provider_and_its_limit_holds(opening: Opening) -> None:
    async with opening(SEEDANCE_FALLBACK="1") as shop:
        shop.emulator.faults.add(
            Fault(kind="status", status=403, value="AccountOverdueError", accepted=False)
        )
        refused = await shop.make(prompt="a", model=OLD, quality="draft")
        assert refused.state is JobState.REJECTED
        with pytest.raises(BudgetExceeded, match="max_usd"):
            await shop.start(PurchaseTerms(max_usd=Decimal("0.01")), prompt="b", model=OLD, quality="draft")


async def test_each_draft_of_a_set_has_a_seed_that_its_final_has_too(opening: Opening) -> None:
    async with opening() as shop:
        asked = PurchaseTerms(variations=2)
        started = await shop.start(asked, prompt="a fox", model="seedance-1.0-pro", quality="draft")
        assert started.videos is not None
        for job in started.videos.jobs:
            final = await shop.estimate(based_on=job.id, quality="final")
            assert final.request.seed == job.request.seed is not None
            assert final.request.model == "seedance-1.0-pro"


async def test_the_sandbox_draws_a_smaller_draft(opening: Opening) -> None:
    async with opening(ARK_API_KEY="", SEEDANCE_PROVIDER="sandbox") as shop:
        draft = await shop.make(prompt="a fox", model=OLD, quality="draft", duration=4)
        final = await shop.estimate(based_on=draft.id, quality="final")
    assert (draft.request.resolution, final.request.resolution) == ("480p", "720p")
