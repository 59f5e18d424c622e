"""The journal alone: legal moves, money, and random schedules of kills, lost answers and late lists."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from collections.abc import Iterator
from decimal import Decimal

import pytest

from seedance_mcp.jobs import journal
from seedance_mcp.jobs.ledger import held
from seedance_mcp.types import Job, JobState, Price, Submission
from tests.jobs.journal_world import PRICE, World


@pytest.fixture
def world() -> Iterator[World]:
    with contextlib.closing(World(random.Random(1))) as made:
        yield made


def reserved(world: World, number: int = 1) -> Job:
    """A job of process 1 that is on disk and not sent."""
    next(world.ask(1, number))
    return journal.recent(world.connection, 1)[0]


def test_no_schedule_of_crashes_and_lost_answers_pays_twice_or_loses_a_paid_job() -> None:
    paid = 0
    for seed in range(150):
        with contextlib.closing(World(random.Random(seed))) as world:
            world.run(150)
            paid += len(world.accepted)
    assert paid > 300, "the schedules must really buy something, or they prove nothing"


def test_an_illegal_move_is_refused_and_changes_nothing(world: World) -> None:
    job = reserved(world)
    with pytest.raises(ValueError, match="reserved to done"):
        world.move(job, JobState.DONE, 1)
    assert world.find(job.id) == job


def test_a_decision_on_an_outdated_version_is_refused(world: World) -> None:
    job = reserved(world)
    world.move(job, JobState.SENDING, 1, sent_at=world.now)
    with pytest.raises(journal.Stale):
        world.move(job, JobState.NOT_SENT, 2)
    assert world.find(job.id).state is JobState.SENDING


def test_a_refusal_gives_the_reservation_back_and_a_late_adoption_takes_it_again(world: World) -> None:
    job = world.move(reserved(world), JobState.SENDING, 1, sent_at=world.now)
    job = world.move(job, JobState.UNKNOWN, 1, unknown_at=world.now)
    assert held(world.connection, job.id)[1] == PRICE * 1_000_000
    job = world.move(job, JobState.ABSENT, 1)
    assert held(world.connection, job.id)[1] == 0
    job = world.move(job, JobState.ACCEPTED, 1, submission=Submission(task_id="t"))
    assert held(world.connection, job.id)[1] == PRICE * 1_000_000
    assert not job.finished
    assert job.finished_at is None


def test_the_real_charge_replaces_the_reservation(world: World) -> None:
    job = world.move(reserved(world), JobState.SENDING, 1, sent_at=world.now)
    job = world.move(job, JobState.ACCEPTED, 1, submission=Submission(task_id="t"))
    charge = Price(amount=Decimal("0.31"), currency="USD", usd=Decimal("0.31"))
    job = world.move(job, JobState.REMOTE_DONE, 1, charge=charge)
    assert held(world.connection, job.id) == (310_000, 310_000)
    assert world.find(job.id).charge == charge


def test_ledger_and_events_cannot_be_changed_or_deleted(world: World) -> None:
    reserved(world)
    for statement in ("UPDATE ledger SET micros = 0", "DELETE FROM ledger", "DELETE FROM events"):
        with pytest.raises(sqlite3.IntegrityError, match="append only"):
            world.connection.execute(statement)


def test_a_job_record_with_flipped_bytes_is_noticed(world: World) -> None:
    job = reserved(world)
    world.connection.execute("UPDATE jobs SET document = replace(document, 'intent 1', 'intent 7')")
    with pytest.raises(Exception, match="damaged"):
        world.find(job.id)


def test_every_state_has_its_row_in_the_table_of_moves() -> None:
    assert set(journal.LEGAL) == set(JobState)
    reachable = {JobState.RESERVED}
    while True:
        more = reachable | {to for state in reachable for to in journal.LEGAL[state]}
        if more == reachable:
            break
        reachable = more
    assert reachable == set(JobState)
