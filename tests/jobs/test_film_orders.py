"""The order of a film: agreed to and counted once, and what its jobs draw was counted before."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from seedance_mcp.config import Settings
from seedance_mcp.errors import BudgetExceeded, ConfirmationRequired, InvalidRequest, StoreError
from seedance_mcp.jobs.buying.film_orders import foresee_film, place
from seedance_mcp.jobs.context import JobContext
from seedance_mcp.store import (
    BreakerOpen,
    DamagedRecord,
    breakers,
    budget,
    by_day,
    confirmations,
    films,
    open_store,
    waiting_questions,
)
from seedance_mcp.store.machine.process_locks import Ownership
from seedance_mcp.types import Draw, JobState, Price, PurchaseTerms, Take

from .film_till import FILM, HOUR, NOW, FilmTill, take, usd

DAY = 24 * HOUR


@pytest.fixture
def till(tmp_path: Path) -> Iterator[FilmTill]:
    settings = Settings(
        output_dir=tmp_path,
        state_dir=tmp_path,
        confirm="off",
        max_usd_per_job=Decimal(3),
        max_usd_per_day=Decimal(10),
    )
    store = open_store(tmp_path)
    yield FilmTill(store, settings)
    store.close()


def rows(*prices: str, plan: str = "plan-1", number: int = 1) -> list[Take]:
    return [take(f"s{index}", usd(price), plan=plan, number=number) for index, price in enumerate(prices, 1)]


def test_what_an_order_may_cost_counts_at_once_and_in_the_hour(till: FilmTill) -> None:
    till.allow(max_jobs_per_hour=4)
    order = till.order(rows("2", "3", "1.50"))
    assert (order.maximum_usd, order.drawn_usd, order.held_usd, order.jobs) == (
        Decimal("6.5"),
        0,
        Decimal("6.5"),
        3,
    )
    now = till.budget()
    assert (now.spent_today_usd, now.reserved_usd, now.left_today_usd) == (
        Decimal("6.5"),
        Decimal("6.5"),
        Decimal("3.5"),
    )
    till.buy("1")
    with pytest.raises(
        BudgetExceeded, match=r"4 paid jobs were started within the last hour; the limit is 4"
    ):
        till.buy("1")
    till.pass_time(HOUR + 1)
    with pytest.raises(BudgetExceeded, match=r"7\.50 of 10\.00 USD are already spent or reserved"):
        till.buy("2.51")


def test_what_its_jobs_draw_was_counted_before(till: FilmTill) -> None:
    till.allow(max_usd_per_day=Decimal(6), max_jobs_per_hour=3, confirm="ask", confirm_above_usd=Decimal(1))
    planned = rows("3", "2", "1")
    order = till.order(planned, confirmed=True)
    for number, row in enumerate(planned, 1):
        job, repeated = till.draw(row)
        assert (repeated, job.maximum, job.agreed_by) == (False, row.maximum, "person")
        assert till.counted() == order.maximum_usd == till.budget().reserved_usd
        (now,) = till.orders()
        assert now.drawn_jobs == number
        assert now.held_usd == sum(later.maximum.usd for later in planned[number:])
    assert [one.job_id for one in till.store.read_now(partial(films.takes, film_id=FILM))] == [
        "job_1",
        "job_2",
        "job_3",
    ]
    till.end()
    assert till.counted() == order.maximum_usd


def test_a_job_counts_on_the_day_and_in_the_hour_of_its_order(till: FilmTill) -> None:
    midnight = NOW - NOW % DAY + DAY
    till.pass_time(midnight - 60 - till.now)
    planned = rows("2", "1")
    order = till.order(planned)
    till.pass_time(2 * HOUR)
    till.draw(planned[0])
    assert till.budget().spent_today_usd == 0
    spent = till.store.read_now(partial(by_day, days=9))
    assert [(one.day, one.jobs, one.usd) for one in spent] == [(order.day, 1, Decimal(2))]
    assert order.day == budget.day_of(midnight - 60)
    till.allow(max_jobs_per_hour=1)
    assert till.buy("1")
    till.pass_time(DAY - 2 * HOUR - 1)
    assert till.counted() == Decimal(4)
    till.pass_time(1)
    assert till.counted() == Decimal(1)


def test_what_a_job_costs_less_than_its_row_is_free_again(till: FilmTill) -> None:
    planned = rows("3", "2")
    till.order(planned)
    till.draw(planned[0], "1.25")
    assert till.counted() == Decimal("3.25")
    (order,) = till.orders()
    assert (order.drawn_usd, order.held_usd) == (Decimal(3), Decimal(2))


@pytest.mark.parametrize(
    ("price", "words"),
    [
        ("2.01", r"at most 2\.00 USD were agreed to, and it may cost 2\.01 USD"),
        (usd("1", known=False), "an unknown price"),
    ],
)
def test_a_row_pays_for_no_more_than_was_agreed_to(till: FilmTill, price: str | Price, words: str) -> None:
    (row,) = planned = rows("2")
    till.order(planned)
    with pytest.raises(BudgetExceeded, match=words):
        till.draw(row, price)
    assert till.draw(row, "2")[0].maximum == usd("2")


def test_a_row_pays_once_and_under_its_own_key(till: FilmTill) -> None:
    first, second = planned = rows("2", "2")
    till.order(planned)
    with pytest.raises(BudgetExceeded, match="Nothing was agreed to for take 1 of shot 's1'"):
        till.draw(first, key=second.request_key)
    with pytest.raises(BudgetExceeded, match="Nothing was agreed to for take 2"):
        till.draw(take("s1", usd("2"), number=2))
    job, _ = till.draw(first)
    assert till.draw(first) == (job, True)
    rejected = till.move(till.move(job, JobState.SENDING), JobState.REJECTED)
    assert till.counted() == till.orders()[0].held_usd == 2
    with pytest.raises(BudgetExceeded, match=f"went to job {rejected.id}, and to no other"):
        till.draw(first)


def test_an_order_that_ends_releases_what_was_not_drawn(till: FilmTill) -> None:
    first, second = planned = rows("2", "3")
    till.order(planned)
    till.draw(first)
    assert till.end(ended="cancelled")
    assert not till.end(ended="done")
    assert till.counted() == 2
    assert [(one.ended, one.ended_at, one.held_usd) for one in till.orders()] == [("cancelled", NOW, 0)]
    with pytest.raises(BudgetExceeded, match=r"has ended \(cancelled\)"):
        till.draw(second)


@pytest.mark.parametrize("later", [True, False], ids=["by both clocks", "by the clock on the wall"])
def test_after_a_day_an_order_pays_nothing_and_counts_nothing(till: FilmTill, later: bool) -> None:
    planned = rows("2")
    till.order(planned)
    till.pass_time(DAY - 2)
    assert till.counted() == 2
    if later:
        till.pass_time(2)
    else:
        till.now += 2
    assert till.counted() == 0
    with pytest.raises(BudgetExceeded, match="is older than 24 hours"):
        till.draw(planned[0])
    till.order(rows("3", plan="plan-2", number=2))
    assert [one.ended for one in till.orders()] == ["expired", None]
    assert till.counted() == 3


def test_a_clock_that_is_set_back_frees_nothing_and_lets_an_order_pay_no_longer(till: FilmTill) -> None:
    planned = rows("2", "2")
    till.order(planned)
    till.pass_time(HOUR)
    till.now -= 30 * DAY
    assert till.counted() == 4
    assert till.draw(planned[0])[0].state is JobState.RESERVED
    assert till.counted() == 4
    till.pass_time(DAY)
    with pytest.raises(BudgetExceeded, match="is older than 24 hours"):
        till.draw(planned[1])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"max_usd_per_job": Decimal("1.99")},
            r"This video may cost 2\.00 USD; the limit for one job is 1\.99",
        ),
        (
            {"max_usd_per_day": Decimal("4.99")},
            r"These 3 videos may cost 5\.00 USD in all; the limit for a whole day",
        ),
        ({"max_usd_per_day": Decimal("5.50")}, r"in all, and 1\.00 of 5\.50 USD are already spent"),
        ({"max_jobs_per_hour": 2}, r"These are 3 paid jobs at once; the limit is 2"),
        ({"max_jobs_per_hour": 3}, r"1 paid job was started within the last hour, and these are 3 more"),
    ],
)
def test_the_caps_hold_for_the_whole_of_it_and_then_nothing_is_held(
    till: FilmTill, settings: dict[str, Any], words: str
) -> None:
    till.buy("1")
    till.allow(**settings)
    with pytest.raises(BudgetExceeded, match=words):
        till.order(rows("1", "2", "2"))
    with pytest.raises(BudgetExceeded, match=words):
        till.store.read_now(
            lambda connection: foresee_film(
                connection, intent=till.intent(rows("1", "2", "2")), settings=till.settings, now=till.now
            )
        )
    assert till.orders() == []
    assert till.counted() == 1


def test_a_price_that_nobody_knows_and_more_than_the_call_allows_are_refused(till: FilmTill) -> None:
    with pytest.raises(BudgetExceeded, match="The price of shot 's1' is unknown"):
        till.order([take("s1", usd("1", known=False))])
    with pytest.raises(
        BudgetExceeded, match=r"These 2 videos may cost 2\.00 USD in all, above this call's max_usd of 1\.99"
    ):
        till.order(rows("1", "1"), max_usd=Decimal("1.99"))
    assert till.orders() == []


def test_what_costs_nothing_passes_every_cap_and_counts_nowhere(till: FilmTill) -> None:
    till.allow(
        max_usd_per_day=Decimal(0), max_jobs_per_hour=0, confirm="always", confirm_above_usd=Decimal(0)
    )
    planned = rows("0", "0")
    order = till.order(planned)
    assert (order.maximum_usd, order.jobs) == (0, 0)
    assert till.draw(planned[1])[0].agreed_by is None


def test_a_stop_stops_orders_and_what_they_would_pay_for(till: FilmTill) -> None:
    seller = breakers.Seller(provider="ark", account="a", model="m")
    refusal = breakers.Refusal(code="insufficient_funds", message="The account is empty", hint="")
    planned = rows("1", "0")
    till.order(planned)
    till.store.write_now(lambda connection: breakers.refused(connection, seller, refusal, now=till.now))
    with pytest.raises(BreakerOpen, match="ark takes no new jobs"):
        till.draw(planned[0])
    assert till.draw(planned[1])[0].state is JobState.RESERVED
    till.end()
    with pytest.raises(BreakerOpen, match="ark takes no new jobs"):
        till.order(rows("1", plan="plan-2", number=2))
    till.store.write_now(lambda connection: breakers.accepted(connection, seller))
    till.store.write_now(budget.stop_spending)
    with pytest.raises(BudgetExceeded, match="lost or restored"):
        till.order(rows("1", plan="plan-2", number=2))


def test_the_same_plan_is_one_order_and_a_second_plan_waits(till: FilmTill) -> None:
    planned = rows("2")
    order = till.order(planned)
    till.draw(planned[0])
    again = till.order(planned)
    assert (again.reserved_at, again.drawn_jobs) == (order.reserved_at, 1)
    with pytest.raises(InvalidRequest, match="is being made by another plan"):
        till.order(rows("2", plan="plan-2", number=2))
    till.end()
    assert till.order(planned).ended == "done"
    with pytest.raises(InvalidRequest, match="was ordered by another plan since this one was made"):
        till.order(rows("2", plan="plan-2"))
    till.order(rows("2", plan="plan-2", number=2))
    assert till.counted() == 4
    assert [one.plan for one in till.orders()] == ["plan-1", "plan-2"]


def test_one_question_is_asked_for_all_of_it_and_an_answer_is_good_for_one_plan(till: FilmTill) -> None:
    till.allow(confirm="ask", confirm_above_usd=Decimal("0.5"), ask_limit_usd=Decimal(4))
    planned = rows("1", "2")
    with pytest.raises(ConfirmationRequired) as asked:
        till.order(planned)
    assert asked.value.question.splitlines() == [
        "Make 2 shots of this film for at most 3.00 USD in all?",
        "Provider: ark. Model: m. Length: 10 seconds.",
        'Its title, as quoted text: "The lantern"',
    ]
    assert till.counted() == 0
    with pytest.raises(ConfirmationRequired, match="was given out for another request"):
        till.order(rows("1", "2", plan="plan-2"), confirm_token=asked.value.token)
    order = till.order(planned, confirm_token=asked.value.token)
    assert order.agreed_by == "assistant"
    # What is held on an assistant's word counts for how far its word goes.
    with pytest.raises(ConfirmationRequired, match="were spent on an assistant's word") as more:
        till.buy("2")
    assert more.value.token is None
    job, _ = till.draw(planned[0])
    assert job.agreed_by == "assistant"
    with pytest.raises(ConfirmationRequired, match=r"3\.00 USD were spent on an assistant's word"):
        till.buy("2")


def test_an_order_closes_every_other_question_about_its_film_and_no_others(till: FilmTill) -> None:
    till.allow(confirm="ask", confirm_above_usd=Decimal("0.5"))
    asked: list[str] = []
    for row in (take("s1", usd("1")), take("s1", usd("1"), film_id="flm_another00001")):
        with pytest.raises(ConfirmationRequired) as question:
            till.order([row])
        asked.append(question.value.approval)
    till.order(rows("1", "2", plan="plan-2"), confirmed=True)
    still_open = [
        till.store.read_now(partial(confirmations.asked, code=code, now=till.now)) for code in asked
    ]
    assert [question is not None for question in still_open] == [False, True]
    waiting = till.store.read_now(partial(waiting_questions.waiting, now=till.now))
    assert [one.question for one in waiting] == [still_open[1]]


def test_a_no_to_a_film_is_a_no_to_its_next_plan(till: FilmTill) -> None:
    till.allow(confirm="ask", confirm_above_usd=Decimal("0.5"))
    with pytest.raises(ConfirmationRequired) as asked:
        till.order(rows("1"))
    code = asked.value.approval
    assert till.store.write_now(partial(confirmations.decline, code=code, now=till.now))
    with pytest.raises(ConfirmationRequired, match="answered with no") as again:
        till.order(rows("1", "1", plan="plan-2"))
    assert again.value.token is None
    till.store.write_now(partial(confirmations.approve, code=again.value.approval, now=till.now))
    assert till.order(rows("1", "1", plan="plan-2")).agreed_by == "person"


async def test_no_film_is_ordered_while_a_server_runs_that_would_not_count_it(
    till: FilmTill, tmp_path: Path
) -> None:
    till.allow(confirm="ask", confirm_above_usd=Decimal(1))
    context = JobContext.of(till.store, till.settings)
    till.order(rows("1", plan="plan-0"))
    till.end("plan-0")
    intent = till.intent(rows("1", number=2))
    with Ownership(tmp_path / "instances") as older:
        older.say_schema(23)
        with pytest.raises(StoreError, match="A server of an earlier version is still running"):
            await place(context, intent)
        assert till.counted() == 0
    assert (await place(context, intent)).maximum_usd == 1
    till.end()
    with pytest.raises(ConfirmationRequired):
        await place(context, till.intent(rows("2", plan="plan-2", number=3)))


def test_what_cannot_be_read_of_an_order_stays_counted_and_is_not_bought(till: FilmTill) -> None:
    planned = rows("1", "2")
    till.order(planned)
    for damage in (
        "DROP TRIGGER takes_get_a_job_once",
        "UPDATE takes SET usd_micros = 3000000 WHERE shot = 's1'",
    ):
        till.store.write_now(lambda connection, damage=damage: connection.execute(damage))
    with pytest.raises(DamagedRecord, match="take 1 of shot 's1'"):
        till.draw(planned[0])
    with pytest.raises(DamagedRecord):
        till.store.read_now(partial(films.takes, film_id=FILM))
    assert till.draw(planned[1])[0].state is JobState.RESERVED
    assert till.counted() == 5


def test_what_an_order_pays_for_is_one_video_under_a_key() -> None:
    (row,) = rows("1")
    draw = Draw(film_id=row.film_id, shot=row.shot, take=row.number)
    with pytest.raises(ValueError, match="under its row's key"):
        PurchaseTerms(draws_on=draw)
    with pytest.raises(ValueError, match="one video"):
        PurchaseTerms(draws_on=draw, request_key=row.request_key, variations=2)
