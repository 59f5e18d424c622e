"""What a film's row paid for a purchase that provably was not sent goes back to the row, and to nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from seedance_mcp.config import Settings
from seedance_mcp.errors import BudgetExceeded
from seedance_mcp.store import Conflict, films, open_store
from seedance_mcp.types import Job, JobState, Take

from .film_till import FILM, FilmTill, take, usd

UNTRUE = "UPDATE takes SET job_id = NULL, returned = returned + 1, left_micros = usd_micros"


@pytest.fixture
def till(tmp_path: Path) -> Iterator[FilmTill]:
    settings = Settings(
        output_dir=tmp_path,
        state_dir=tmp_path,
        confirm="off",
        max_usd_per_job=Decimal(3),
        max_usd_per_day=Decimal(3),
        max_jobs_per_hour=3,
    )
    store = open_store(tmp_path)
    yield FilmTill(store, settings)
    store.close()


def lost(till: FilmTill, job: Job, code: str = "not_sent") -> Job:
    """Its process died before it sent anything, or something else kept it from that."""
    return till.move(job, JobState.NOT_SENT, error_code=code)


def owner(till: FilmTill, row: Take) -> str | None:
    found = till.store.read_now(partial(films.find_take, film_id=FILM, shot=row.shot, number=row.number))
    assert found is not None
    return found.job_id


def test_a_row_whose_purchase_was_not_sent_pays_for_it_again_and_never_counts_less(till: FilmTill) -> None:
    row, other = planned = [take("s1", usd("2")), take("s2", usd("1"))]
    till.order(planned)
    job, _ = till.draw(row)
    lost(till, job)
    (order,) = till.orders()
    assert (till.counted(), order.held_usd, order.drawn_jobs) == (3, 3, 0)
    assert owner(till, row) is None
    with pytest.raises(BudgetExceeded, match="already spent or reserved"):
        till.buy("1")
    again, repeated = till.draw(row)
    assert (repeated, again.id != job.id, till.counted()) == (False, True, 3)
    assert till.draw(row) == (again, True)
    till.draw(other, "0.5")
    assert till.orders()[0].held_usd == 0


def test_what_the_lost_purchase_cost_less_stays_free(till: FilmTill) -> None:
    row = take("s1", usd("3"))
    till.order([row])
    job, _ = till.draw(row, "1")
    bought = till.buy("2")
    lost(till, job)
    assert (till.counted(), till.orders()[0].held_usd) == (3, 1)
    with pytest.raises(BudgetExceeded, match=r"at most 1\.00 USD were agreed to, and it may cost 1\.01"):
        till.draw(row, "1.01")
    assert till.draw(row, "1")[0].id != bought.id


@pytest.mark.parametrize("code", ["media", None])
def test_a_purchase_that_something_else_kept_from_being_sent_uses_up_its_row(
    till: FilmTill, code: str | None
) -> None:
    row = take("s1", usd("2"))
    till.order([row])
    job, _ = till.draw(row)
    lost(till, job, code or "")
    assert (till.counted(), owner(till, row)) == (0, job.id)
    with pytest.raises(BudgetExceeded, match=f"went to job {job.id}, and to no other"):
        till.draw(row)


def test_a_row_goes_back_to_a_lost_purchase_that_turns_up_after_all(till: FilmTill) -> None:
    row, other = planned = [take("s1", usd("2")), take("s2", usd("1"))]
    till.order(planned)
    job = lost(till, till.draw(row)[0])
    till.move(job, JobState.ACCEPTED)
    (order,) = till.orders()
    assert (owner(till, row), owner(till, other)) == (job.id, None)
    assert (till.counted(), order.held_usd, order.drawn_jobs) == (3, 1, 1)
    assert till.draw(row)[0].id == job.id


def test_one_that_turns_up_takes_no_row_from_another_and_none_of_an_ended_order(till: FilmTill) -> None:
    row, other = planned = [take("s1", usd("1")), take("s2", usd("1"))]
    till.order(planned)
    first, late = lost(till, till.draw(row)[0]), lost(till, till.draw(other)[0])
    again, _ = till.draw(row)
    till.move(first, JobState.ACCEPTED)
    assert owner(till, row) == again.id
    till.end(ended="cancelled")
    assert till.move(late, JobState.ACCEPTED).state is JobState.ACCEPTED
    assert owner(till, other) is None


def test_a_row_pays_five_times_at_most(till: FilmTill) -> None:
    till.allow(max_jobs_per_hour=100)
    row = take("s1", usd("2"))
    till.order([row])
    for number in range(5):
        assert owner(till, row) is None
        job, _ = till.draw(row)
        assert till.counted() == 2
        lost(till, job)
        assert till.counted() == (0 if number == 4 else 2)
    assert owner(till, row) == job.id


def test_an_order_that_has_ended_gets_nothing_back(till: FilmTill) -> None:
    row = take("s1", usd("2"))
    till.order([row])
    job, _ = till.draw(row)
    till.end(ended="cancelled")
    lost(till, job)
    assert (till.counted(), owner(till, row)) == (0, job.id)


def test_each_attempt_counts_in_the_hour(till: FilmTill) -> None:
    row, *_ = planned = [take(f"s{number}", usd("1")) for number in range(3)]
    till.order(planned)
    lost(till, till.draw(row)[0])
    till.draw(planned[1])
    with pytest.raises(BudgetExceeded, match="3 paid jobs were started within the last hour"):
        till.draw(row)
    till.allow(max_jobs_per_hour=4)
    assert till.draw(row)[0].state is JobState.RESERVED


def test_nothing_takes_a_row_from_a_job_that_may_have_been_sent(till: FilmTill) -> None:
    row = take("s1", usd("2"))
    till.order([row])
    job, _ = till.draw(row)
    with pytest.raises(Conflict, match="a take has one job that may have been sent"):
        till.store.write_now(lambda connection: connection.execute(UNTRUE))
    unknown = till.move(till.move(job, JobState.SENDING), JobState.UNKNOWN)
    till.move(unknown, JobState.ABSENT, error_code="not_bought")
    assert owner(till, row) == job.id
    with pytest.raises(BudgetExceeded, match="and to no other"):
        till.draw(row)
