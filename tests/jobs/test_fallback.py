"""When a provider refuses for a reason of its own the next one is asked, once, for no more than was agreed to; else never."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from seedance_mcp.app import App, StartedJob, open_app
from seedance_mcp.config import Settings, load_settings
from seedance_mcp.errors import ApprovalRequired, BudgetExceeded, ConfirmationRequired
from seedance_mcp.jobs.buying import purchase_flow
from seedance_mcp.jobs.buying.fallback import may_be_cured
from seedance_mcp.server import create_server
from seedance_mcp.types import EVERYBODY, Job, JobState, PurchaseTerms, VideoRequest
from tests.emulator import Emulator, Fault
from tests.media import planting

MODEL = "seedance-2.0"
"""At its default size 0.72 USD at the first, 0.77 at the second, 0.90 at the third."""

FIRST, SECOND, THIRD = "ark", "byteplus", "replicate"

CURABLE = {
    "authentication": Fault(kind="status", status=401, accepted=False, dialect=FIRST),
    "access_denied": Fault(kind="page", status=403, accepted=False, dialect=FIRST),
    "insufficient_funds": Fault(
        kind="status", status=403, value="AccountOverdueError", accepted=False, dialect=FIRST
    ),
    "model_not_open": Fault(kind="status", status=404, value="ModelNotOpen", accepted=False, dialect=FIRST),
    "rate_limited": Fault(kind="status", status=429, value="QuotaExceeded", accepted=False, dialect=FIRST),
}


@dataclass
class Market:
    """An open installation with keys for several providers."""

    app: App
    emulator: Emulator
    settings: Settings

    def refuse(self, code: str = "insufficient_funds", dialect: str = FIRST, times: int | None = 1) -> None:
        """Let a provider refuse the next purchases."""
        known = CURABLE[code]
        value = "" if dialect == THIRD else known.value
        self.emulator.faults.add(
            Fault(
                kind="status", status=402 if value == "" else known.status, value=value,
                accepted=False, dialect=dialect, times=times,
            )
        )  # fmt: skip

    async def buy(self, prompt: str = "a paper boat", **more: Any) -> StartedJob:
        arguments = {name: more.pop(name) for name in list(more) if name not in VideoRequest.model_fields}
        wish = VideoRequest.model_validate({"prompt": prompt, "model": MODEL, "duration": 5, **more})
        return await self.app.generate(wish, PurchaseTerms(**arguments))

    def raise_first_price(self) -> None:
        """Let the first provider, the cheapest when it is chosen, take 1 USD by the time that it is bought from."""
        quoted = self.app._planner.quoted

        async def raised(plan: Any) -> Any:
            found = await quoted(plan)
            if plan.offer.provider.name != FIRST or found.estimate is None:
                return found
            price = replace(found.estimate.maximum, amount=Decimal(7), usd=Decimal(1))
            return replace(found, estimate=replace(found.estimate, price=price, maximum=price))

        self.app._planner.quoted = raised  # type: ignore[method-assign]

    @property
    def submits(self) -> list[str]:
        """Whom a purchase was sent to, in order."""
        return [call.dialect for call in self.emulator.ledger.calls if call.name == "submit"]

    @property
    def sold(self) -> list[str]:
        """Who took one."""
        return [task.dialect for task in self.emulator.ledger.tasks.values()]

    async def jobs(self) -> dict[str, Job]:
        """Every job by its provider."""
        return {job.provider: job for job in await self.app.recent()}


Opening = Callable[..., AbstractAsyncContextManager[Market]]


@pytest.fixture
def opening(environ: dict[str, str]) -> Opening:
    @asynccontextmanager
    async def opened(**more: str) -> AsyncIterator[Market]:
        async with Emulator(FIRST, SECOND, THIRD) as emulator:
            given = {
                "SEEDANCE_FALLBACK": "1",
                "SEEDANCE_CONFIRM": "off",
                **environ,
                **emulator.environment(),
                **more,
            }
            settings = load_settings(given, settings_file=Path("none.toml"))
            with anyio.fail_after(60):
                async with open_app(settings) as app:
                    yield Market(app, emulator, settings)

    return opened


@pytest.mark.parametrize("code", CURABLE)
async def test_what_another_provider_can_cure_is_bought_there_once(code: str, opening: Opening) -> None:
    async with opening() as market:
        market.emulator.faults.add(CURABLE[code])
        started = await market.buy()
        jobs = await market.jobs()
        assert (started.job.provider, started.deduplicated) == (SECOND, False)
        assert market.submits == [FIRST, SECOND]
        assert market.sold == [SECOND]
        assert (jobs[FIRST].state, jobs[FIRST].error_code) == (JobState.REJECTED, code)
        for told in (FIRST, code, jobs[FIRST].id, SECOND, started.job.id):
            assert told in started.reason
        done = await market.app.wait(started.job.id, 30)
        budget = await market.app.budget()
        assert done.state is JobState.DONE
        assert done.charge is not None
        assert budget.spent_today_usd == done.charge.usd == market.emulator.ledger.charged("USD")


async def test_only_what_was_provably_not_bought_is_ever_moved(opening: Opening) -> None:
    async with opening() as market:
        job = (await market.buy()).job
    codes = [*CURABLE, "content_rejected", "request_rejected", "submission_unknown", "not_sent", None]
    moved = {
        (state, code)
        for state in JobState
        for code in codes
        if may_be_cured(replace(job, state=state, error_code=code))
    }
    assert moved == {(state, code) for state in (JobState.REJECTED, JobState.NOT_SENT) for code in CURABLE}


async def test_it_is_off_until_the_user_wants_it(opening: Opening) -> None:
    async with opening(SEEDANCE_FALLBACK="0") as market:
        market.refuse()
        started = await market.buy()
        assert (started.job.provider, started.job.state) == (FIRST, JobState.REJECTED)
        assert market.submits == [FIRST]
        with pytest.raises(BudgetExceeded, match="insufficient_funds"):
            await market.buy("another")
        assert market.submits == [FIRST]


@pytest.mark.parametrize("how", ["call", "setting", "based_on"])
async def test_a_provider_that_was_named_is_not_left(how: str, opening: Opening) -> None:
    async with opening(**({"SEEDANCE_PROVIDER": FIRST} if how == "setting" else {})) as market:
        more: dict[str, Any] = {"provider": FIRST} if how == "call" else {}
        if how == "based_on":
            more = {"based_on": (await market.buy()).job.id}
        market.refuse()
        started = await market.buy("another", **more)
        assert (started.job.provider, started.job.state) == (FIRST, JobState.REJECTED)
        assert SECOND not in market.submits


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="status", status=400, value="InvalidParameter", accepted=False),
        Fault(kind="status", status=400, value="InputTextSensitiveContentDetected", accepted=False),
        Fault(kind="status", status=413, value="InvalidParameter", accepted=False),
        *(Fault(kind="lost", accepted=taken) for taken in (True, False)),
        Fault(kind="status", status=500, accepted=True),
        Fault(kind="status", status=409, value="RateLimitExceeded", accepted=True),
        Fault(kind="cut_json"),
        Fault(kind="page", status=503),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.status}-{fault.accepted}",
)
async def test_what_is_wrong_with_the_request_or_unknown_stays_where_it_is(
    fault: Fault, opening: Opening
) -> None:
    async with opening() as market:
        market.emulator.faults.add(fault)
        started = await market.buy()
        assert started.job.provider == FIRST
        expected = JobState.REJECTED if fault.status in (400, 413) else JobState.UNKNOWN
        assert started.job.state is expected
        assert set(market.submits) == {FIRST}
        assert len(market.sold) <= 1


async def test_nobody_listening_is_no_refusal(opening: Opening) -> None:
    async with opening(SEEDANCE_ARK_BASE_URL="http://127.0.0.1:9/api/v3") as market:
        started = await market.buy()
        assert started.job.provider == FIRST
        assert market.submits == []


async def test_the_way_goes_on_until_somebody_takes_it(opening: Opening) -> None:
    async with opening() as market:
        market.refuse()
        market.refuse(dialect=SECOND)
        started = await market.buy()
        jobs = await market.jobs()
        assert started.job.provider == THIRD
        assert market.submits == [FIRST, SECOND, THIRD]
        assert market.sold == [THIRD]
        assert all(jobs[name].id in started.reason for name in (FIRST, SECOND, THIRD))
        assert "different there: aspect_ratio 16:9" in started.reason


async def test_when_everybody_refuses_nothing_is_bought_and_all_is_told(opening: Opening) -> None:
    async with opening() as market:
        for name in (FIRST, SECOND, THIRD):
            market.refuse(dialect=name)
        started = await market.buy()
        assert (started.job.provider, started.job.state) == (THIRD, JobState.REJECTED)
        assert market.sold == []
        assert all(job.id in started.reason for job in (await market.jobs()).values())
        assert (await market.app.budget()).spent_today_usd == 0
        with pytest.raises(BudgetExceeded, match=f"{FIRST} takes no new jobs") as stopped:
            await market.buy("another")
        assert f"{SECOND} was not asked (insufficient_funds" in stopped.value.hint


async def test_where_an_earlier_refusal_holds_the_next_one_is_asked_at_once(opening: Opening) -> None:
    async with opening() as market:
        market.refuse()
        await market.buy()
        started = await market.buy("another")
        assert started.job.provider == SECOND
        assert market.submits == [FIRST, SECOND, SECOND]
        assert f"{FIRST} was not asked (insufficient_funds" in started.reason
        again = await market.buy("another")
        assert (again.job.id, again.deduplicated) == (started.job.id, True)


async def test_max_usd_holds_for_every_provider(opening: Opening) -> None:
    async with opening() as market:
        market.refuse()
        started = await market.buy(max_usd=Decimal("0.75"))
        assert (started.job.provider, started.job.state) == (FIRST, JobState.REJECTED)
        assert any(f"{SECOND}: This video may cost 0.7672 USD, above" in said for said in started.notes)
        assert market.submits == [FIRST]


@pytest.mark.parametrize("cap", ["SEEDANCE_MAX_USD_PER_JOB", "SEEDANCE_MAX_USD_PER_DAY"])
async def test_the_caps_hold_for_every_provider(cap: str, opening: Opening) -> None:
    async with opening(**{cap: "0.75"}) as market:
        market.refuse()
        started = await market.buy()
        assert (started.job.provider, started.job.state) == (FIRST, JobState.REJECTED)
        assert any("0.75 USD" in said for said in started.notes)
        assert market.submits == [FIRST]


async def test_a_refused_attempt_counts_in_the_hour(opening: Opening) -> None:
    async with opening(SEEDANCE_MAX_JOBS_PER_HOUR="1") as market:
        market.refuse()
        started = await market.buy()
        assert (started.job.provider, started.job.state) == (FIRST, JobState.REJECTED)
        assert market.submits == [FIRST]


@pytest.mark.parametrize("above", ["0.5", "0.75"])
async def test_nobody_has_agreed_to_a_higher_price(above: str, opening: Opening) -> None:
    async with opening(SEEDANCE_CONFIRM="ask", SEEDANCE_CONFIRM_ABOVE_USD=above) as market:
        token = None
        market.refuse()
        if above == "0.5":
            with pytest.raises(ConfirmationRequired) as question:
                await market.buy()
            token = question.value.token
        started = await market.buy(confirm_token=token)
        assert (started.job.provider, started.job.state) == (FIRST, JobState.REJECTED)
        assert market.submits == [FIRST]
        assert any("0.7672 USD, which nobody has agreed to" in said for said in started.notes)
        assert any(f"provider='{SECOND}'" in said for said in started.notes)


@pytest.mark.parametrize("mode", ["ask", "strict"])
async def test_who_agreed_to_a_price_has_agreed_to_a_lower_one(
    mode: str, opening: Opening, tmp_path: Path
) -> None:
    overlay = tmp_path / "catalog.toml"
    rate = '{ amount = "40.0", per = "million_tokens", source = "none" }'
    overlay.write_text(f'[providers.{FIRST}.offers."{MODEL}"]\nprices = [{rate}]\n')
    more = {
        "SEEDANCE_CONFIRM_ABOVE_USD": "0.5",
        "SEEDANCE_CATALOG": str(overlay),
        "SEEDANCE_CONFIRM": mode,
        "SEEDANCE_ASK_LIMIT_USD": "1.5",
    }
    async with opening(**more) as market:
        # The first is the cheapest when it is chosen, and dearer by the time that it is bought from.
        for name in (FIRST, SECOND):
            market.refuse("rate_limited", dialect=name)
        market.raise_first_price()
        with pytest.raises(ConfirmationRequired, match=r"1\.00 USD") as question:
            await market.buy()
        if mode == "strict":
            await market.app.questions.approve(question.value.hint.split("approve ")[1].split("`")[0])
        started = await market.buy(confirm_token=question.value.token)
        assert started.job.provider == THIRD
        assert started.job.maximum.usd == Decimal("0.9")
        assert market.submits == [FIRST, SECOND, THIRD]
        # It stays whose word it was, and counts as that: 0.90 USD of 1.50, and 1.00 USD more would pass it.
        assert {job.agreed_by for job in (await market.jobs()).values()} == {
            "assistant" if mode == "ask" else "person"
        }
        with pytest.raises(ConfirmationRequired) as question:
            await market.buy("another", provider=FIRST)
        assert question.value.token is None
        assert ("0.90 USD were spent on an assistant's word" in question.value.message) == (mode == "ask")


async def test_an_administrators_agreement_is_on_record_for_the_job_that_was_bought_on_it(
    opening: Opening, tmp_path: Path
) -> None:
    """The second of the three costs less than needs an administrator, and so has nothing on record."""
    overlay = tmp_path / "catalog.toml"
    rate = '{ amount = "40.0", per = "million_tokens", source = "none" }'
    overlay.write_text(f'[providers.{FIRST}.offers."{MODEL}"]\nprices = [{rate}]\n')
    async with opening(SEEDANCE_APPROVE_ABOVE_USD="0.8", SEEDANCE_CATALOG=str(overlay)) as market:
        for name in (FIRST, SECOND):
            market.refuse("rate_limited", dialect=name)
        market.raise_first_price()
        with pytest.raises(ApprovalRequired) as waits:
            await market.buy()
        boss = market.app.for_person(EVERYBODY)
        assert await boss.questions.approve(waits.value.approval)
        started = await market.buy()
        jobs = await market.jobs()
        answers = reversed(await boss.questions.answered_by_administrators(10))
    assert market.submits == [FIRST, SECOND, THIRD]
    assert [(one.answer, one.job_id, one.usd) for one in answers] == [
        ("agreed", None, Decimal(1)),
        ("bought", jobs[FIRST].id, Decimal(1)),
        ("bought", started.job.id, Decimal("0.9")),
    ]


async def test_without_an_answer_from_the_first_the_price_of_the_next_is_asked_about(
    opening: Opening,
) -> None:
    async with opening(SEEDANCE_CONFIRM="ask", SEEDANCE_CONFIRM_ABOVE_USD="0.75") as market:
        market.refuse()
        await market.buy()
        with pytest.raises(ConfirmationRequired, match=r"0\.7672 USD") as question:
            await market.buy("another")
        assert f"{FIRST} was not asked (insufficient_funds" in question.value.message
        started = await market.buy("another", confirm_token=question.value.token)
        assert started.job.provider == SECOND
        assert market.submits == [FIRST, SECOND]


async def test_who_cannot_make_it_is_passed_over_by_name(opening: Opening) -> None:
    async with opening() as market:
        for name in (FIRST, SECOND):
            market.refuse(dialect=name)
        started = await market.buy(return_last_frame=True)
        assert (started.job.provider, started.job.state) == (SECOND, JobState.REJECTED)
        assert market.submits == [FIRST, SECOND]
        assert (await market.jobs())[FIRST].id in started.reason
        (passed_over,) = [said for said in started.notes if said.startswith("Not bought elsewhere")]
        assert passed_over.startswith(f"Not bought elsewhere: {THIRD}: ")
        assert "return_last_frame" in passed_over


async def test_who_cannot_be_bought_from_as_things_are_set_is_passed_over_by_name(
    opening: Opening, tmp_path: Path
) -> None:
    (tmp_path / "media").mkdir()
    film = planting.mp4(tmp_path / "media" / "boat.mp4", size=(864, 480), seconds=3)
    overlay = tmp_path / "catalog.toml"
    rate = '{ amount = "0.01", per = "second", source = "none" }'
    overlay.write_text(f'[providers.{THIRD}.offers."{MODEL}"]\nprices = [{rate}]\n')
    more = {
        "SEEDANCE_CATALOG": str(overlay),
        "SEEDANCE_MEDIA_DIRS": str(film.parent),
        "SEEDANCE_CARRIER": "atlas",
    }
    async with opening(**more) as market:
        market.refuse(dialect=THIRD)
        started = await market.buy(reference_videos=(str(film),))
        assert (started.job.provider, started.job.state) == (THIRD, JobState.REJECTED)
        assert market.submits == [THIRD]
        said = " ".join(started.notes)
        for name in (FIRST, SECOND):
            assert f"Not bought elsewhere: {name}: SEEDANCE_CARRIER names atlas" in said


@contextmanager
def _disturbed(market: Market, trigger: str) -> Iterator[None]:
    """Let the database itself stumble over one write."""
    path = market.settings.state_dir / "jobs.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TRIGGER stumble {trigger}")
    yield
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TRIGGER stumble")


async def test_a_database_that_fails_after_a_refusal_does_not_hide_the_refused_job(opening: Opening) -> None:
    async with opening() as market:
        market.refuse()
        sold_there = f"json_extract(NEW.document, '$.provider') = '{SECOND}'"
        with _disturbed(
            market, f"AFTER INSERT ON jobs WHEN {sold_there} BEGIN SELECT json('what is no JSON'); END"
        ):
            started = await market.buy(max_usd=Decimal("0.80"))
        assert (started.job.provider, started.job.state) == (FIRST, JobState.REJECTED)
        assert any(f"{SECOND}: The job database cannot be used" in said for said in started.notes)
        assert market.sold == []


async def test_a_mistake_after_a_refusal_hides_no_refused_job_and_asks_nobody_else(
    opening: Opening,
) -> None:
    async with opening() as market:
        market.refuse()
        sold_there = f"json_extract(NEW.document, '$.provider') = '{SECOND}'"
        with _disturbed(
            market, f"AFTER INSERT ON jobs WHEN {sold_there} BEGIN SELECT RAISE(ABORT, 'no'); END"
        ):
            started = await market.buy()
        assert (started.job.provider, started.job.state) == (FIRST, JobState.REJECTED)
        assert any(f"{SECOND}: something went wrong inside the server" in said for said in started.notes)
        assert market.submits == [FIRST]


async def test_a_purchase_whose_record_cannot_be_read_back_goes_to_nobody_else(opening: Opening) -> None:
    async with opening() as market:
        market.refuse()
        taken = f"NEW.provider = '{SECOND}' AND NEW.state = 'accepted' AND OLD.state = 'sending'"
        with _disturbed(
            market, f"AFTER UPDATE ON jobs WHEN {taken} BEGIN UPDATE jobs SET crc = 0 WHERE id = NEW.id; END"
        ):
            started = await market.buy()
        assert started.job.provider == SECOND
        assert FIRST in started.reason
        assert market.submits == [FIRST, SECOND]


async def test_the_same_call_again_is_the_job_that_the_next_provider_took(opening: Opening) -> None:
    async with opening(SEEDANCE_POLL_SECONDS="60") as market:
        market.refuse("rate_limited")
        first = await market.buy()
        again = await market.buy()
        assert (again.job.id, again.deduplicated) == (first.job.id, True)
        assert f"{SECOND} has it, because {FIRST} refused it" in again.reason
        assert market.sold == [SECOND]
        wanted = await market.buy(allow_duplicate=True)
        assert (wanted.job.provider, wanted.deduplicated) == (FIRST, False)


async def test_a_request_key_stands_for_the_job_that_the_next_provider_took(opening: Opening) -> None:
    async with opening() as market:
        market.refuse("rate_limited")
        first = await market.buy(request_key="boat-0001")
        assert first.job.provider == SECOND
        for _ in range(2):
            again = await market.buy(request_key="boat-0001")
            assert (again.job.id, again.deduplicated) == (first.job.id, True)
            await market.app.wait(first.job.id, 30)
            await market.app.note_read("me", [first.job.id])
        assert market.sold == [SECOND]


async def test_calls_at_once_end_in_one_purchase(opening: Opening) -> None:
    async with opening(SEEDANCE_POLL_SECONDS="60") as market:
        market.emulator.faults.add(Fault(kind="late", seconds=0.3, dialect=FIRST, times=None))
        market.emulator.behaviour.funds = Decimal(0)
        found: list[StartedJob] = []

        async def call() -> None:
            found.append(await market.buy())

        world = market.emulator._worlds[SECOND]
        world.can_pay = lambda price: True  # type: ignore[method-assign]
        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(call)
        assert {started.job.provider for started in found} == {SECOND}
        assert len({started.job.id for started in found}) == 1
        assert market.sold == [SECOND]


async def test_a_refusal_after_the_call_has_returned_moves_nothing(
    opening: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purchase_flow, "_ANSWER_SECONDS", 0.3)
    async with opening() as market:
        market.emulator.behaviour.funds = Decimal(0)
        market.emulator.faults.add(Fault(kind="late", seconds=1.0, dialect=FIRST))
        started = await market.buy()
        assert started.job.provider == FIRST
        assert not started.job.finished
        job = await market.app.wait(started.job.id, 20)
        assert (job.state, job.error_code) == (JobState.REJECTED, "insufficient_funds")
        assert market.submits == [FIRST]


async def test_an_assistant_is_told_who_refused_and_who_took_it(opening: Opening) -> None:
    async with opening() as market:
        market.refuse()
        async with Client(create_server(market.settings)) as client:
            arguments = {"prompt": "a paper boat", "model": MODEL, "duration": 5, "wait_seconds": 20}
            told = (await client.call_tool("generate_video", arguments)).structured_content
        jobs = await market.jobs()
        assert told
        assert (told["provider"], told["job_id"], told["status"]) == (SECOND, jobs[SECOND].id, "succeeded")
        said = " ".join(told["notes"])
        for words in (f"{FIRST} refused it in {jobs[FIRST].id} (insufficient_funds", jobs[SECOND].id):
            assert words in said
        assert market.sold == [SECOND]
