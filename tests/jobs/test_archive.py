"""Jobs of long ago are archived: every question about them is answered as before, and nothing else is touched."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import anyio
import pytest

from seedance_mcp.jobs import archiving
from seedance_mcp.jobs.active_purchases import ActivePurchases
from seedance_mcp.jobs.archiving import Archiver
from seedance_mcp.jobs.damaged_records import DamagedRecords
from seedance_mcp.store import (
    Conflict,
    Connection,
    archive,
    compaction,
    finish_hooks,
    job_records,
    transitions,
)
from seedance_mcp.store.machine.process_locks import Ownership
from seedance_mcp.types import JobState, Submission

from .old_jobs import DAY, LIVES, PRICE, WAITING, Installation, everything, installation, lives


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    with installation(tmp_path / "state") as here:
        yield here


def damage(here: Installation, job_id: str) -> None:
    here.write(lambda connection: connection.execute("UPDATE jobs SET crc = crc + 1 WHERE id = ?", (job_id,)))


def damage_in_archive(here: Installation, job_id: str, spot: int) -> None:
    """Change a byte of an archived record, as a disk may."""

    def write(connection: Connection) -> None:
        ((seq, record),) = connection.execute(
            "SELECT seq, record FROM archive JOIN jobs USING (seq) WHERE id = ?", (job_id,)
        ).fetchall()
        spoilt = bytearray(record)
        spoilt[spot] ^= 0x40
        (trigger,) = connection.execute(
            "SELECT sql FROM sqlite_master WHERE name = 'archive_is_append_only_update'"
        ).fetchone()
        connection.execute("DROP TRIGGER archive_is_append_only_update")
        connection.execute("UPDATE archive SET record = ? WHERE seq = ?", (bytes(spoilt), seq))
        connection.execute(trigger)

    here.write(write)


def test_every_question_about_archived_jobs_is_answered_as_before(here: Installation) -> None:
    lives(here)
    before = everything(here)
    here.archive()
    assert here.archived() == [f"job_{name}" for name in LIVES]
    assert everything(here) == before
    here.wait(400 * DAY)
    later = everything(here)
    here.archive()
    assert here.archived() == [
        f"job_{name}" for name in LIVES
    ]  # the newest event stays where the next one looks for it
    here.buy("one more", LIVES["done"])
    here.archive()
    assert here.archived() == [*(f"job_{name}" for name in LIVES), "job_recent"]
    assert {
        what: everything(here)[what] for what in later if " of job_" in what and "beside" not in what
    } == {what: answer for what, answer in later.items() if " of job_" in what and "beside" not in what}


def test_an_archived_record_has_the_document_events_and_answers_to_the_letter(here: Installation) -> None:
    lives(here)
    documents = dict(here.rows("SELECT id, document FROM jobs"))
    events = here.rows("SELECT seq, job_id, at, from_state, to_state, by, detail FROM events ORDER BY seq")
    answers = here.rows("SELECT job_id, at, http_status, outcome, raw FROM answers ORDER BY rowid")
    here.archive()
    for job_id in here.archived():
        found: Any = here.ask(archive.read, job_id)
        assert found.document == documents[job_id]
        assert [(e.seq, job_id, e.at, e.before, e.after, e.by, e.detail) for e in found.events] == [
            row for row in events if row[1] == job_id
        ]
        assert [(job_id, a.at, a.http_status, a.outcome, a.raw) for a in found.answers] == [
            row for row in answers if row[0] == job_id
        ]
    assert here.rows("SELECT 1 FROM events JOIN jobs ON jobs.id = job_id WHERE document IS NULL") == []
    assert here.rows("SELECT 1 FROM answers JOIN jobs ON jobs.id = job_id WHERE document IS NULL") == []


def test_the_chain_of_events_goes_through_the_archive(here: Installation) -> None:
    lives(here)
    here.archive()
    links = here.rows("SELECT seq, job_id, at, from_state, to_state, by, detail, hash FROM events")
    for job_id in here.archived():
        found: Any = here.ask(archive.read, job_id)
        links += [(e.seq, job_id, e.at, e.before, e.after, e.by, e.detail, None) for e in found.events[:-1]]
        last = found.events[-1]
        links.append((last.seq, job_id, last.at, last.before, last.after, last.by, last.detail, found.digest))
    digest, checked = "", 0
    for number, (seq, *link, said) in enumerate(sorted(links), start=1):
        assert seq == number
        digest = hashlib.sha256(json.dumps([digest, *link]).encode()).hexdigest()
        if said is not None:
            assert digest == said
            checked += 1
    assert checked >= len(LIVES) + 5


def kept_for_its_hook(here: Installation) -> None:
    here.write(finish_hooks.wish, "job_x")
    here.write(finish_hooks.owe, "job_x", 5)


def kept_for_its_damage(here: Installation) -> None:
    damage(here, "job_x")


@pytest.mark.parametrize("reason", [kept_for_its_hook, kept_for_its_damage])
def test_a_job_that_somebody_still_needs_is_left_alone(reason: Any, here: Installation) -> None:
    here.buy("x", LIVES["done"])
    here.wait(9 * DAY)
    reason(here)
    here.buy("y", LIVES["done"])
    before = everything(here)
    here.archive()
    assert here.archived() == []
    assert everything(here) == before


def test_a_job_of_unknown_price_is_left_as_it_is(here: Installation) -> None:
    here.buy("x", LIVES["done"], maximum=replace(PRICE, known=False))
    here.wait(9 * DAY)
    here.buy("y", LIVES["done"])
    here.archive()
    assert here.archived() == []


@pytest.mark.parametrize(("wall", "steady"), [(9 * DAY, DAY / 2), (6 * DAY, 6 * DAY)])
def test_a_job_is_old_only_when_both_clocks_say_so(wall: float, steady: float, here: Installation) -> None:
    here.buy("x", LIVES["done"])
    here.buy("y", LIVES["done"])
    begun = here.now
    here.store.uptime = lambda: 1000.0 + min(here.now - begun, steady)
    here.wait(wall)
    here.archive()
    assert here.archived() == []


def test_a_job_that_took_long_is_as_old_as_its_end(here: Installation) -> None:
    job = here.buy("x", WAITING["accepted"])
    here.wait(9 * DAY)
    here.write(transitions.move, job, JobState.FAILED, now=here.now, by="b")
    here.wait(2 * DAY)
    here.buy("y", LIVES["done"])
    here.archive()
    assert here.archived() == []
    here.wait(6 * DAY)
    here.archive()
    assert here.archived() == ["job_x"]


def test_a_request_is_known_again_by_jobs_that_may_go_on(here: Installation) -> None:
    lives(here)
    here.archive()
    kept = {row[0] for row in here.rows("SELECT job_id FROM stand_ins")}
    assert kept >= {"job_rejected", "job_not_sent", "job_absent", "job_unresolved", "job_recent"}
    assert not kept & {"job_done", "job_failed", "job_cancelled", "job_expired"}


def test_an_archived_job_that_turns_up_at_its_provider_goes_on(here: Installation) -> None:
    lives(here)
    here.archive()
    told = here.ask(transitions.history, "job_absent")
    job = here.ask(job_records.find, "job_absent")
    task = Submission(task_id="found after all")
    adopted = here.write(
        transitions.move, job, JobState.ACCEPTED, now=here.now, by="b", submission=task, accepted_at=here.now
    )
    assert here.ask(job_records.find, "job_absent") == adopted
    assert [step.after for step in here.ask(transitions.history, "job_absent")] == [
        *(step.after for step in told),
        "accepted",
    ]
    failed = here.write(transitions.move, adopted, JobState.FAILED, now=here.now, by="b")
    here.wait(30 * DAY)
    here.buy("later", LIVES["done"])
    here.archive()
    assert here.ask(job_records.find, "job_absent") == failed
    assert [step.after for step in here.ask(transitions.history, "job_absent")][-2:] == ["accepted", "failed"]
    assert "job_absent" not in here.archived()


def test_what_is_archived_can_be_neither_changed_nor_deleted(here: Installation) -> None:
    lives(here)
    here.archive()
    for statement in ("UPDATE archive SET record = x'00'", "DELETE FROM archive", "DELETE FROM events"):
        with pytest.raises(Conflict, match="append only"):
            here.write(lambda connection, statement=statement: connection.execute(statement))


async def test_a_damaged_record_in_the_archive_is_named_with_its_money(here: Installation) -> None:
    lives(here)
    here.archive()
    before = everything(here)
    damage_in_archive(here, "job_done", 300)
    with pytest.raises(job_records.DamagedRecord):
        here.ask(transitions.history, "job_done")
    (told,) = await DamagedRecords(here.store).search(here.store)
    assert (told.job_id, told.state, told.provider, told.task_id) == (
        "job_done",
        "done",
        "byteplus",
        "task-done",
    )
    assert told.usd == PRICE.usd / 2
    after = everything(here)
    untouched = [
        what for what in before if "job_done" not in what and what not in ("recent", "page", "in state done")
    ]
    assert {what for what in untouched if after[what] != before[what]} <= {"damaged", "damaged now"} | {
        what for what in untouched if what.startswith("tasks beside")
    }


def test_a_changed_bit_of_an_archived_record_is_noticed_or_changes_nothing(here: Installation) -> None:
    here.buy("done", LIVES["done"])
    here.wait(9 * DAY)
    here.buy("later", LIVES["done"])
    here.archive()
    (row,) = here.rows(f"SELECT {job_records.ROW} FROM jobs WHERE id = 'job_done'")
    job_id, document, crc, record, beside = row
    job = job_records.parse(*row)
    for bit in range(8 * len(record)):
        spoilt = bytearray(record)
        spoilt[bit // 8] ^= 1 << bit % 8
        # A match of the same words elsewhere, or a bit that fills up the last byte, changes nothing.
        with contextlib.suppress(job_records.DamagedRecord):
            assert job_records.parse(job_id, document, crc, bytes(spoilt), beside) == job
    for length in range(len(record)):
        with pytest.raises(job_records.DamagedRecord):
            job_records.parse(job_id, document, crc, record[:length], beside)
    with pytest.raises(job_records.DamagedRecord):
        job_records.parse(job_id, document, crc, record, f"{beside} ")


def test_a_job_whose_archived_record_is_gone_is_damaged(here: Installation) -> None:
    lives(here)
    here.archive()
    with closing(sqlite3.connect(here.store._file.path)) as other, other:  # pyright: ignore
        other.execute("DROP TRIGGER archive_is_append_only_delete")
        other.execute("DELETE FROM archive WHERE seq = 1")
    assert [one.job_id for one in here.ask(job_records.damaged_now, 100, open_too=True)] == ["job_done"]


def test_records_of_the_first_format_can_be_read_for_good() -> None:
    """Whoever changes the words makes every archived record unreadable: another format has other words."""
    folder = resources.files("seedance_mcp.store")
    words = folder.joinpath("archived_words_1.txt").read_bytes()
    assert hashlib.sha256(words).hexdigest() == WORDS
    assert archive.decode(bytes.fromhex(RECORD), "beside") == archive.Archived(
        document='{"id":"job_1","state":"done","request":{"prompt":"A paper boat"}}',
        events=(archive.Event(seq=7, at=1.5, before="remote_done", after="done", by="b", detail=""),),
        digest="0f" * 32,
        answers=(archive.Answer(at=1.25, http_status=200, outcome="accepted", raw=b'{"id": "cgt-1"}\xff'),),
    )


WORDS = "96a3c3c07622797cc6d9002aebdf3b6ac403528278f41d6e96be567dcbb6108d"
RECORD = (
    "01fea88572436a0c1962b686b0354d1c811d4360830b3cce0c8c1e940035d731d433c5e1e42434371ba45106d1fcac67644a"
    "c8d786314ab531a5060669694077d40200"
)


def test_two_processes_that_archive_at_once_archive_each_job_once(tmp_path: Path) -> None:
    with installation(tmp_path) as one, installation(tmp_path) as other:
        lives(one)
        one.buy_many("many", 20)
        one.wait(9 * DAY)
        one.buy("last", LIVES["done"])
        other.now = one.now
        before = everything(one)
        failures: list[BaseException] = []

        def work(here: Installation) -> None:
            try:
                here.archive()
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(here,)) for here in (one, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not failures
        assert len(one.archived()) == len(LIVES) + 21
        assert everything(one) == everything(other) == before


def test_a_transaction_that_is_broken_off_anywhere_changes_nothing(here: Installation) -> None:
    lives(here)
    before, steps = here.ask(_dump), 0

    class Broken(Exception):
        pass

    class Breaking:
        def __init__(self, connection: sqlite3.Connection, at: int) -> None:
            self._connection, self._left = connection, at

        def execute(self, statement: str, values: Any = ()) -> sqlite3.Cursor:
            if self._left == 0:
                raise Broken
            self._left -= 1
            return self._connection.execute(statement, values)

    while True:
        ids = here.ask(compaction.candidates, 0, 1000, now=here.now).job_ids

        def broken_off(connection: Any, at: int = steps, ids: tuple[str, ...] = ids) -> None:
            breaking: Any = Breaking(connection, at)
            compaction.compact(breaking, ids, now=here.now, seconds=60)

        try:
            here.write(broken_off)
        except Broken:
            steps += 1
            assert here.ask(_dump) == before
        else:
            break
    assert steps > 8 * len(LIVES)
    assert len(here.archived()) == len(LIVES)


def _dump(connection: sqlite3.Connection) -> list[str]:
    return list(connection.iterdump())


def test_a_piece_ends_when_its_time_is_over_and_the_next_goes_on(here: Installation) -> None:
    lives(here)
    ids = here.ask(compaction.candidates, 0, 1000, now=here.now).job_ids
    assert here.write(compaction.compact, ids, now=here.now, seconds=0) == 1
    assert here.archived() == ["job_done"]
    assert here.write(compaction.compact, ids[1:], now=here.now, seconds=60) == len(ids) - 1
    assert len(here.archived()) == len(LIVES)


async def test_nothing_is_archived_while_a_server_of_an_earlier_version_runs(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archiving, "_PAUSE_SECONDS", 0.0)
    lives(here)
    archiver = Archiver(here.store, ActivePurchases())
    other = here.store._file.path.parent  # pyright: ignore
    with installation(other):
        assert here.store.all_read_archive()
    ownership = Ownership(other / "instances")  # says nothing of the archive, as earlier versions do
    await archiver.archive_old()
    assert here.archived() == []
    ownership.close()
    await archiver.archive_old()
    assert len(here.archived()) == len(LIVES)


async def test_nothing_is_archived_while_something_is_bought(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archiving, "_PAUSE_SECONDS", 0.01)
    lives(here)
    purchases = ActivePurchases()
    async with anyio.create_task_group() as tasks:
        purchases.open(tasks)
        purchases.begin("job_new")
        tasks.start_soon(Archiver(here.store, purchases).archive_old)
        await anyio.wait_all_tasks_blocked()
        await anyio.sleep(0.1)
        assert here.archived() == []
        purchases.end("job_new")
    assert len(here.archived()) == len(LIVES)


def test_pages_of_archived_jobs_are_used_again(here: Installation) -> None:
    here.buy_many("first", 80)
    pages = here.rows("PRAGMA page_count")[0][0]
    for turn in range(3):
        here.wait(9 * DAY)
        here.archive()
        here.buy_many(f"turn {turn}", 20)
    assert here.rows("PRAGMA page_count")[0][0] <= pages


def test_what_an_earlier_version_writes_has_its_columns(here: Installation) -> None:
    job = here.buy("x", ())
    document, crc = here.rows("SELECT document, crc FROM jobs")[0]
    later = document.replace('"version":1', '"version":2').replace('"state":"reserved"', '"state":"sending"')
    here.write(
        lambda connection: connection.execute(
            "UPDATE jobs SET document = ?, crc = ? WHERE id = ? AND version = ?", (later, crc, job.id, 1)
        )
    )
    assert here.rows("SELECT state, version, tag FROM jobs") == [("sending", 2, job.tag)]
    said = json.loads(document)
    others = (said | {"tag": "another"}, said | {"client_key": "another"})
    for other in map(json.dumps, others):
        with pytest.raises(Conflict, match="UNIQUE"):
            here.write(
                lambda connection, other=other: connection.execute(
                    "INSERT INTO jobs (id, document, crc) VALUES ('job_other', ?, 0)", (other,)
                )
            )
    for name in ("state", "provider", "tag", "created_at"):
        lacking = json.dumps({field: value for field, value in said.items() if field != name})
        with pytest.raises(Conflict, match="NOT NULL"):
            here.write(
                lambda connection, lacking=lacking: connection.execute(
                    "UPDATE jobs SET document = ?", (lacking,)
                )
            )
    assert here.rows("SELECT id, state, version FROM jobs") == [(job.id, "sending", 2)]
