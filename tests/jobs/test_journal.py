"""The journal alone: legal moves, their money, and a record that shows any change to it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from seedance_mcp.config import Settings
from seedance_mcp.jobs.buying.intents import Intent
from seedance_mcp.jobs.buying.reservations import reserve
from seedance_mcp.store import Incident, breakers, incidents, job_records, transitions
from seedance_mcp.store.database import give_clocks
from seedance_mcp.store.database_file import SqliteConnection, migrate
from seedance_mcp.store.money.ledger import held
from seedance_mcp.types import Job, JobState, Price, PurchaseTerms, Submission, VideoRequest

NOW = 1_700_000_000.0
PRICE = Price(amount=Decimal("0.50"), currency="USD", usd=Decimal("0.50"))
SETTINGS = Settings(output_dir=Path("videos"), state_dir=Path("state"), confirm="off")


class Book:
    """A database in memory with one job in it, which its owner "1" has reserved and not sent."""

    def __init__(self, connection: SqliteConnection) -> None:
        self.connection = connection
        give_clocks(connection, clock=lambda: NOW, uptime=lambda: 0.0)
        migrate(connection, 0)
        intent = Intent(
            job_id="job_1",
            owner="1",
            provider="ark",
            account="a",
            model="m",
            endpoint="e",
            request=VideoRequest(prompt="intent 1"),
            digests={},
            tag="job_1",
            estimate=PRICE,
            maximum=PRICE,
            terms=PurchaseTerms(),
        )
        with connection:
            reserve(connection, intent=intent, settings=SETTINGS, now=NOW)
        self.job = job_records.find(connection, "job_1")

    def move(self, job: Job, to: JobState, by: str = "1", **changes: Any) -> Job:
        """Move the job in a transaction of its own."""
        with self.connection:
            return transitions.move(self.connection, job, to, now=NOW, by=by, **changes)


@pytest.fixture
def book() -> Iterator[Book]:
    with closing(sqlite3.connect(":memory:", factory=SqliteConnection)) as connection:
        yield Book(connection)


def test_an_illegal_move_is_refused_and_changes_nothing(book: Book) -> None:
    with pytest.raises(ValueError, match="reserved to done"):
        book.move(book.job, JobState.DONE)
    assert job_records.find(book.connection, book.job.id) == book.job


def test_a_decision_on_an_outdated_version_is_refused(book: Book) -> None:
    book.move(book.job, JobState.SENDING, sent_at=NOW)
    with pytest.raises(transitions.Stale):
        book.move(book.job, JobState.NOT_SENT, by="2")
    assert job_records.find(book.connection, book.job.id).state is JobState.SENDING


def test_a_refusal_gives_the_reservation_back_and_a_late_adoption_takes_it_again(book: Book) -> None:
    job = book.move(book.job, JobState.SENDING, sent_at=NOW)
    job = book.move(job, JobState.UNKNOWN, unknown_at=NOW)
    assert held(book.connection, job.id)[1] == 500_000
    job = book.move(job, JobState.ABSENT)
    assert held(book.connection, job.id)[1] == 0
    job = book.move(job, JobState.ACCEPTED, submission=Submission(task_id="t"))
    assert held(book.connection, job.id)[1] == 500_000
    assert not job.finished
    assert job.finished_at is None


def test_the_real_charge_replaces_the_reservation(book: Book) -> None:
    job = book.move(book.job, JobState.SENDING, sent_at=NOW)
    job = book.move(job, JobState.ACCEPTED, submission=Submission(task_id="t"))
    charge = Price(amount=Decimal("0.31"), currency="USD", usd=Decimal("0.31"))
    job = book.move(job, JobState.REMOTE_DONE, charge=charge)
    assert held(book.connection, job.id) == (310_000, 310_000)
    assert job_records.find(book.connection, job.id).charge == charge


def test_half_a_surrogate_pair_in_a_word_of_a_job_keeps_no_move_from_being_written(book: Book) -> None:
    job = book.move(book.job, JobState.SENDING, sent_at=NOW)
    failure: Exception | None = None
    try:
        book.move(job, JobState.UNKNOWN, detail="said \udfff", error="no: \ud800")
    except ValueError as error:
        failure = error
    assert failure is None
    job = job_records.find(book.connection, job.id)
    job = book.move(
        job,
        JobState.UNRESOLVED,
        detail="said \udfff",
        error="no: \ud800",
        error_hint="\udc00",
        provider_code="\udcff",
        submission=Submission(task_id="t", handle={"a\ud800": "b\ud800"}),
    )
    stored = job_records.find(book.connection, job.id)
    assert (stored.state, stored.error, stored.error_hint) == (JobState.UNRESOLVED, "no: \ufffd", "\ufffd")
    assert (stored.request, stored.maximum, stored.sent_at) == (job.request, job.maximum, NOW)
    assert [step.detail for step in transitions.history(book.connection, job.id)][-2:] == ["said \ufffd"] * 2


def test_a_nul_in_the_words_of_a_provider_is_stored_as_what_every_database_takes(book: Book) -> None:
    job = book.move(book.job, JobState.SENDING, sent_at=NOW)
    book.move(job, JobState.REJECTED, detail="no\0", error="no\0", error_hint="a literal \\u0000 stays")
    seller = breakers.Seller(provider="ark", account="a", model="m")
    refusal = breakers.Refusal(code="other", message="no\0", hint="\0")
    why = Incident(job_id=None, doing="Saving it", why="no\0", times=1, first_at=NOW, last_at=NOW)
    with book.connection as connection:
        breakers.refused(connection, seller, refusal, now=NOW)
        incidents.write(connection, [why], NOW)
    stored = job_records.find(book.connection, job.id)
    assert (stored.error, stored.error_hint) == ("no\ufffd", "a literal \\u0000 stays")
    assert transitions.history(book.connection, job.id)[-1].detail == "no\ufffd"
    said = book.connection.execute(
        "SELECT message, hint, why, document FROM person_breakers CROSS JOIN troubles CROSS JOIN jobs"
    ).fetchone()
    assert said[:3] == ("no\ufffd", "\ufffd", "no\ufffd")
    assert "\0" not in json.loads(said[3])["error"]


def test_ledger_and_events_cannot_be_changed_or_deleted(book: Book) -> None:
    for statement in ("UPDATE ledger SET micros = 0", "DELETE FROM ledger", "DELETE FROM events"):
        with pytest.raises(sqlite3.IntegrityError, match="append only"):
            book.connection.execute(statement)


def test_a_job_record_with_flipped_bytes_is_noticed(book: Book) -> None:
    book.connection.execute("UPDATE jobs SET document = replace(document, 'intent 1', 'intent 7')")
    with pytest.raises(Exception, match="damaged"):
        job_records.find(book.connection, book.job.id)


def test_every_state_has_its_row_in_the_table_of_moves() -> None:
    assert set(transitions.LEGAL) == set(JobState)
    reachable = {JobState.RESERVED}
    while True:
        more = reachable | {to for state in reachable for to in transitions.LEGAL[state]}
        if more == reachable:
            break
        reachable = more
    assert reachable == set(JobState)
