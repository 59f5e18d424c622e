"""The answer to a purchase, when others have decided meanwhile what became of it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from seedance_mcp.errors import RequestRejected, SubmissionUnknown
from seedance_mcp.jobs.buying.outcomes import Outcome, record
from seedance_mcp.store import Receipts, breakers, job_records, open_store, transitions
from seedance_mcp.store.money.ledger import held
from seedance_mcp.types import JobState, Submission

from . import records

S = JobState
TASK = Submission(task_id="cgt-1")
MEANWHILE = {
    S.UNKNOWN: (S.SENDING, S.UNKNOWN),
    S.ABSENT: (S.SENDING, S.UNKNOWN, S.ABSENT),
    S.UNRESOLVED: (S.SENDING, S.UNKNOWN, S.UNRESOLVED),
    S.REJECTED: (S.SENDING, S.REJECTED),
    S.NOT_SENT: (S.NOT_SENT,),
}
"""Where a job may be taken to behind its buyer's back, and by what way."""


@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize("state", list(MEANWHILE))
async def test_an_accepted_task_is_adopted_wherever_its_job_was_taken_meanwhile(
    tmp_path: Path, state: JobState, twice: bool
) -> None:
    store = open_store(tmp_path, clock=lambda: records.START)
    receipts = Receipts(tmp_path / "receipts", store.ownership.instance)
    receipts.prepare()
    job = store.write_now(partial(transitions.insert, job=records.job(), day="2023-11-14"))
    bought = job
    for to in MEANWHILE[state]:
        job = store.write_now(partial(transitions.move, job=job, to=to, now=records.START, by="another"))
        bought = job if to is S.SENDING else bought
    for _ in range(1 + twice):
        stored = await record(bought, Outcome(to=S.ACCEPTED, submission=TASK), store=store, receipts=receipts)
    counted = store.read_now(partial(held, job_id=job.id))
    jobs = store.read_now(job_records.count)
    store.close()
    assert (stored.state, stored.submission) == (S.ACCEPTED, TASK)
    assert counted == (1_000_000, 1_000_000)
    assert jobs == 1
    assert not receipts.needs(job.id)


async def test_a_buyer_without_a_task_leaves_to_others_what_they_decided(tmp_path: Path) -> None:
    store = open_store(tmp_path, clock=lambda: records.START)
    receipts = Receipts(tmp_path / "receipts", store.ownership.instance)
    receipts.prepare()
    job = store.write_now(partial(transitions.insert, job=records.job(), day="2023-11-14"))
    bought = store.write_now(partial(transitions.move, job=job, to=S.SENDING, now=records.START, by="me"))
    decided = store.write_now(
        partial(transitions.move, job=bought, to=S.UNKNOWN, now=records.START, by="another")
    )
    stored = await record(
        bought, Outcome(to=S.UNKNOWN, error=SubmissionUnknown("No answer.")), store=store, receipts=receipts
    )
    store.close()
    assert stored == decided


async def test_a_refusal_whose_commit_was_not_heard_of_is_counted_once(tmp_path: Path) -> None:
    store = open_store(tmp_path, clock=lambda: records.START)
    receipts = Receipts(tmp_path / "receipts", store.ownership.instance)
    refused = Outcome(to=S.REJECTED, error=RequestRejected("No."), http_status=400, raw=b"{}")
    for name in ("j1", "j2"):
        made = records.job(id=name, tag=name, client_key=name)
        job = store.write_now(partial(transitions.insert, job=made, day="2023-11-14"))
        bought = store.write_now(partial(transitions.move, job=job, to=S.SENDING, now=records.START, by="me"))
        for _ in range(2):
            stored = await record(bought, refused, store=store, receipts=receipts)
            assert stored.state is S.REJECTED
    answers = store.read_now(lambda connection: connection.execute("SELECT job_id FROM answers").fetchall())
    assert sorted(answers) == [("j1",), ("j2",)]
    seller = breakers.Seller(provider=job.provider, account=job.account, model=job.model)
    store.read_now(partial(breakers.check, seller=seller, now=records.START))
    store.close()
