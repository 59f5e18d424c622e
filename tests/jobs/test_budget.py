"""Caps, breakers and agreements, at the moment of the reservation."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from seedance_mcp.catalog import Catalog
from seedance_mcp.config import Settings, default_settings_file
from seedance_mcp.errors import BudgetExceeded, ConfirmationRequired
from seedance_mcp.jobs.buying.intents import Intent
from seedance_mcp.jobs.buying.reservations import reserve
from seedance_mcp.jobs.tracking.cancelling import cancel
from seedance_mcp.providers import Provider
from seedance_mcp.store import Connection, Store, elapsed_time, open_store, transitions
from seedance_mcp.store.money import breakers, budget
from seedance_mcp.store.requests import confirmations
from seedance_mcp.types import Job, JobState, Price, PurchaseTerms, Submission, VideoRequest

NOW = 1_760_000_000.0
HOUR = 3600.0
SELLER = breakers.Seller(provider="ark", account="a", model="m")


class Till:
    """A store with settings and a clock that the test moves."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.now, self.up = NOW, 5000.0
        self.store: Store = open_store(folder, clock=lambda: self.now)
        self.store.uptime = lambda: self.up
        self.store.write_now(elapsed_time.note)
        values: dict[str, object] = {
            "confirm": "off",
            "max_usd_per_job": Decimal(3),
            "max_usd_per_day": Decimal(10),
        }
        self.settings = Settings(output_dir=folder, state_dir=folder, **{**values, **settings})  # type: ignore[arg-type]
        self.count = 0

    def buy(
        self,
        usd: str = "1",
        *,
        prompt: str | None = None,
        token: str | None = None,
        known: bool = True,
        **terms: Any,
    ) -> Job:
        self.count += 1
        price = Price(amount=Decimal(usd), currency="USD", usd=Decimal(usd), known=known)
        intent = Intent(
            job_id=f"job_{self.count}",
            owner="me",
            provider="ark",
            account="a",
            model="m",
            endpoint="e",
            request=VideoRequest(prompt=prompt or f"number {self.count}"),
            digests={},
            tag=f"tag{self.count}",
            estimate=price,
            maximum=price,
            terms=PurchaseTerms(confirm_token=token, **terms),
        )
        outcome = self.store.write_now(
            lambda connection: reserve(connection, intent=intent, settings=self.settings, now=self.now)
        )
        if isinstance(outcome, ConfirmationRequired):
            raise outcome
        return outcome[0]

    def move(self, job: Job, to: JobState) -> Job:
        return self.store.write_now(
            lambda connection: transitions.move(connection, job, to, now=self.now, by="me")
        )

    def sent(self, job: Job) -> Job:
        """Let a provider have taken the job."""

        def send(connection: Connection) -> Job:
            sending = transitions.move(
                connection, job, JobState.SENDING, now=self.now, by="me", sent_at=self.now
            )
            task = Submission(task_id=f"task-{job.id}")
            return transitions.move(
                connection, sending, JobState.ACCEPTED, now=self.now, by="me", submission=task
            )

        return self.store.write_now(send)

    def pass_time(self, seconds: float) -> None:
        """Let time go by as a running server sees it, which looks at the clocks now and then."""
        self.store.write_now(elapsed_time.note)
        self.now, self.up = self.now + seconds, self.up + seconds
        self.store.write_now(elapsed_time.note)

    def budget(self) -> budget.Budget:
        limits = budget.Limits.of(self.settings)
        return self.store.read_now(lambda connection: budget.read(connection, limits, self.now))


@pytest.fixture
def till(tmp_path: Path):
    made = Till(tmp_path)
    yield made
    made.store.close()


def test_a_job_above_the_limit_for_one_job_is_refused(till: Till) -> None:
    with pytest.raises(BudgetExceeded, match=r"3\.01 USD; the limit for one job is 3\.00"):
        till.buy("3.01")
    assert till.budget().spent_today_usd == 0


@pytest.mark.parametrize("origin", ["environment", "/home/me/config.toml", None])
def test_a_limit_is_told_with_where_it_is_set(till: Till, origin: str | None) -> None:
    """What is set nowhere can be set in the settings file."""
    name = "SEEDANCE_MAX_USD_PER_JOB"
    till.settings = replace(till.settings, sources={name: origin} if origin else {})
    with pytest.raises(BudgetExceeded) as told:
        till.buy("3.01")
    place = "the environment" if origin == "environment" else origin or str(default_settings_file())
    assert told.value.hint.endswith(f" can raise {name} (in {place}).")


@pytest.mark.parametrize("per_day", ["2", "0"])
def test_a_job_above_what_a_whole_day_may_cost_is_not_told_to_wait(till: Till, per_day: str) -> None:
    till.settings = replace(till.settings, max_usd_per_day=Decimal(per_day))
    with pytest.raises(
        BudgetExceeded, match=rf"2\.50 USD; the limit for a whole day is {per_day}\.00"
    ) as told:
        till.buy("2.50")
    assert told.value.hint.startswith("Waiting does not help. ")
    assert "SEEDANCE_MAX_USD_PER_DAY" in told.value.hint


def test_where_no_job_is_allowed_an_hour_nobody_is_told_to_wait(till: Till) -> None:
    till.settings = replace(till.settings, max_jobs_per_hour=0)
    with pytest.raises(BudgetExceeded, match="0 paid jobs an hour") as told:
        till.buy("1")
    assert told.value.hint.startswith("Waiting does not help. ")
    assert "SEEDANCE_MAX_JOBS_PER_HOUR" in told.value.hint


def test_the_day_stops_at_its_limit_to_the_cent(till: Till) -> None:
    for _ in range(4):
        till.buy("2.50")
    with pytest.raises(BudgetExceeded, match=r"10\.00 of 10\.00"):
        till.buy("0.01")
    assert till.budget().left_today_usd == 0


def test_a_refused_purchase_frees_its_money_but_still_counts_as_an_attempt(till: Till) -> None:
    till.settings = replace(till.settings, max_jobs_per_hour=2)
    job = till.move(till.buy("2"), JobState.SENDING)
    till.move(job, JobState.REJECTED)
    assert till.budget().spent_today_usd == 0
    till.buy("2")
    with pytest.raises(BudgetExceeded, match="within the last hour"):
        till.buy("2")


def test_an_unknown_outcome_stays_counted(till: Till) -> None:
    job = till.move(till.buy("2"), JobState.SENDING)
    till.move(job, JobState.UNKNOWN)
    assert till.budget().reserved_usd == 2
    assert till.budget().left_today_usd == 8


def test_a_clock_set_back_does_not_open_yesterdays_budget_again(till: Till) -> None:
    for _ in range(4):
        till.buy("2.50")
    till.now = NOW - 48 * HOUR
    with pytest.raises(BudgetExceeded):
        till.buy("1")


def test_a_clock_set_forward_over_midnight_does_not_open_a_new_day(till: Till) -> None:
    for _ in range(4):
        till.buy("2.50")
    till.now += 23 * HOUR
    with pytest.raises(BudgetExceeded):
        till.buy("1")


def test_a_clock_that_ran_ahead_uses_up_one_day_and_no_later_one(till: Till) -> None:
    till.now += 365 * 24 * HOUR
    for _ in range(4):
        till.buy("2.50")
    till.now = NOW
    till.pass_time(23.9 * HOUR)
    with pytest.raises(BudgetExceeded, match=r"10\.00 of 10\.00"):
        till.buy("1")
    assert till.budget().spent_today_usd == 10
    till.pass_time(0.2 * HOUR)
    for _ in range(3):
        assert till.budget().left_today_usd == 10
        for _ in range(4):
            till.buy("2.50")
        with pytest.raises(BudgetExceeded):
            till.buy("1")
        till.pass_time(24.1 * HOUR)


def test_a_clock_that_ran_ahead_does_not_use_up_the_count_of_later_hours(till: Till) -> None:
    till.settings = replace(till.settings, max_jobs_per_hour=2)
    till.now += 365 * 24 * HOUR
    till.buy()
    till.buy()
    till.now = NOW
    till.pass_time(0.9 * HOUR)
    with pytest.raises(BudgetExceeded, match="within the last hour"):
        till.buy()
    till.pass_time(0.2 * HOUR)
    assert till.buy().state is JobState.RESERVED


def test_the_limit_opens_again_after_24_hours(till: Till) -> None:
    for _ in range(4):
        till.buy("2.50")
    till.now = NOW + 25 * HOUR
    assert till.buy("2.50").state is JobState.RESERVED


def test_free_jobs_pass_every_limit(till: Till) -> None:
    till.settings = replace(till.settings, max_jobs_per_hour=0, max_usd_per_day=Decimal(0))
    assert till.buy("0").state is JobState.RESERVED


def refusal(code: str, message: str) -> breakers.Refusal:
    return breakers.Refusal(code=code, message=message, hint="")


def test_one_refusal_that_concerns_the_account_stops_further_purchases_there(till: Till) -> None:
    till.store.write_now(
        lambda connection: breakers.refused(
            connection, SELLER, refusal("insufficient_funds", "no money"), now=NOW
        )
    )
    with pytest.raises(BudgetExceeded, match="no money"):
        till.buy()
    till.now += 16 * 60
    assert till.buy().state is JobState.RESERVED


@pytest.mark.parametrize("code", ["insufficient_funds", "model_not_open"])
@pytest.mark.parametrize("back", [30.0, HOUR, 365 * 24 * HOUR])
def test_a_clock_set_back_after_a_refusal_neither_lets_pass_nor_stops_for_longer(
    till: Till, code: str, back: float
) -> None:
    till.store.write_now(
        lambda connection: breakers.refused(connection, SELLER, refusal(code, "no"), now=till.now)
    )
    till.now -= back
    till.pass_time(14 * 60)
    with pytest.raises(BudgetExceeded, match="for another 1 min"):
        till.buy()
    till.pass_time(61)
    assert till.buy().state is JobState.RESERVED
    till.pass_time(back)
    assert till.buy().state is JobState.RESERVED


def test_three_equal_refusals_in_a_row_stop_further_purchases(till: Till) -> None:
    def refuse() -> None:
        till.store.write_now(
            lambda connection: breakers.refused(
                connection, SELLER, refusal("request_rejected", "bad"), now=NOW
            )
        )

    refuse()
    refuse()
    till.buy()
    refuse()
    with pytest.raises(BudgetExceeded, match="bad"):
        till.buy()


def test_the_same_request_while_the_first_is_open_is_the_same_job(till: Till) -> None:
    first = till.buy(prompt="a cat")
    assert till.buy(prompt="a cat") == first
    assert till.buy(prompt="a dog").id != first.id
    assert till.budget().spent_today_usd == 2


def test_what_was_cancelled_before_it_was_sent_is_not_counted_as_bought_before(till: Till) -> None:
    def cancelled() -> Job:
        job = till.buy(prompt="a cat")
        return till.store.write_now(
            lambda connection: transitions.move(
                connection,
                job,
                JobState.CANCELLED,
                now=till.now,
                by="me",
                charge=replace(job.maximum, amount=Decimal(0), usd=Decimal(0)),
            )
        )

    for _ in range(4):
        cancelled()
    for _ in range(3):
        till.move(till.sent(till.buy(prompt="a cat")), JobState.CANCELLED)
    with pytest.raises(ConfirmationRequired, match="The very same was bought 3 times within the last hour"):
        cancelled()
    till.settings = replace(till.settings, max_jobs_per_hour=7)
    with pytest.raises(BudgetExceeded, match="7 paid jobs were started within the last hour"):
        till.buy()


async def test_what_was_sent_is_never_said_to_be_cancelled_before_that(till: Till) -> None:
    waiting = till.buy()
    ended = till.move(till.sent(waiting), JobState.CANCELLED)
    offer = Catalog.load().offers()[0]
    assert await cancel(waiting, offer, open_provider=_none, store=till.store) == (
        ended,
        "The job had already ended (cancelled); nothing was changed.",
    )


async def _none(job: Job) -> Provider:
    raise AssertionError(f"{job.id} is of no provider here")


def test_a_price_above_the_threshold_needs_a_token_that_works_once_for_one_request(
    till: Till,
) -> None:
    till.settings = replace(till.settings, confirm="ask")
    with pytest.raises(ConfirmationRequired) as asked:
        till.buy("2", prompt="a cat")
    token = asked.value.token
    assert token
    with pytest.raises(ConfirmationRequired):
        till.buy("2", prompt="a dog", token=token)
    with pytest.raises(ConfirmationRequired):
        till.buy("2.10", prompt="a cat", token=token)
    job = till.buy("2", prompt="a cat", token=token)
    till.move(till.move(job, JobState.SENDING), JobState.REJECTED)
    with pytest.raises(ConfirmationRequired):
        till.buy("2", prompt="a cat", token=token)


def test_a_token_is_too_old_after_15_minutes(till: Till) -> None:
    till.settings = replace(till.settings, confirm="ask")
    with pytest.raises(ConfirmationRequired) as asked:
        till.buy("2", prompt="a cat")
    till.now += 15 * 60 + 1
    with pytest.raises(ConfirmationRequired):
        till.buy("2", prompt="a cat", token=asked.value.token)


def test_in_strict_mode_only_the_terminal_can_agree(till: Till) -> None:
    till.settings = replace(till.settings, confirm="strict")
    with pytest.raises(ConfirmationRequired) as asked:
        till.buy("2", prompt="a cat")
    assert asked.value.token is None
    token = asked.value.hint.split("approve ")[1].split("`")[0]
    with pytest.raises(ConfirmationRequired):
        till.buy("2", prompt="a cat", token=token)
    approved = till.store.write_now(lambda connection: confirmations.approve(connection, token, now=till.now))
    assert approved
    assert till.buy("2", prompt="a cat").state is JobState.RESERVED


def test_an_unknown_price_always_needs_agreement(till: Till) -> None:
    till.settings = replace(till.settings, confirm="ask")
    with pytest.raises(ConfirmationRequired):
        till.buy("0.10", known=False)


BUY_UNTIL_REFUSED = """
import sys
from pathlib import Path
from tests.jobs.test_budget import Till
from seedance_mcp.errors import BudgetExceeded
till = Till(Path(sys.argv[1]), max_jobs_per_hour=1000)
bought = 0
for number in range(20):
    try:
        till.count = int(sys.argv[2]) * 1000 + number
        till.buy("0.50")
        bought += 1
    except BudgetExceeded:
        pass
print(bought)
"""


def test_processes_that_buy_at_once_spend_exactly_the_limit_together(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    buyers = [
        subprocess.Popen(
            [sys.executable, "-c", BUY_UNTIL_REFUSED, str(tmp_path), str(number)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(1, 5)
    ]
    bought = [int(buyer.communicate(timeout=60)[0]) for buyer in buyers]
    assert sum(bought) == 20
    till = Till(tmp_path)
    assert till.budget().spent_today_usd == 10
    till.store.close()


def test_after_a_lost_database_nothing_is_bought_until_a_person_allows_it(till: Till) -> None:
    till.store.write_now(budget.stop_spending)
    with pytest.raises(BudgetExceeded, match="lost or restored") as caught:
        till.buy("0.10")
    assert "allow-spending" in caught.value.hint
    assert till.buy("0").state is JobState.RESERVED
    assert till.store.write_now(budget.allow_spending)
    assert till.buy("0.10").state is JobState.RESERVED
