"""An installation with jobs of long ago, each led through its life by the journal, and everything that can be asked of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from seedance_mcp.config import Settings
from seedance_mcp.store import (
    Connection,
    KeptKey,
    Limits,
    Store,
    budget,
    by_day,
    claimed,
    compaction,
    elapsed_time,
    finish_hooks,
    idempotency_keys,
    job_records,
    open_store,
    repeated_requests,
    transitions,
    unbalanced_days,
    unknown_prices,
)
from seedance_mcp.store.money.ledger import held
from seedance_mcp.types import Artifacts, Job, JobState, Price, Submission, VideoRequest, Wanted

from . import records

DAY = 86_400.0
PRICE = Price(amount=Decimal("0.2"), currency="USD", usd=Decimal("0.2"))
S = JobState

SENT = (S.SENDING,)
ACCEPTED = (S.SENDING, S.ACCEPTED)
LIVES: dict[str, tuple[JobState, ...]] = {
    "done": (*ACCEPTED, S.REMOTE_DONE, S.DONE),
    "failed": (*ACCEPTED, S.FAILED),
    "cancelled": (*ACCEPTED, S.CANCELLED),
    "expired": (*ACCEPTED, S.STALLED, S.EXPIRED),
    "rejected": (*SENT, S.REJECTED),
    "not_sent": (S.NOT_SENT,),
    "absent": (*SENT, S.UNKNOWN, S.ABSENT),
}
"""What a job that is over can have gone through, by the word for its end."""

WAITING: dict[str, tuple[JobState, ...]] = {
    "unresolved": (*SENT, S.UNKNOWN, S.UNRESOLVED),
    "missing": (*ACCEPTED, S.MISSING),
    "accepted": ACCEPTED,
    "unknown": (*SENT, S.UNKNOWN),
}
"""The same of jobs that still wait for something."""


@dataclass
class Installation:
    """A store, and the clocks that it goes by: both show `now`."""

    store: Store
    now: float

    def write(self, change: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        """Carry out a change, which is given the connection first."""
        return self.store.write_now(lambda connection: change(connection, *arguments, **more))

    def ask(self, query: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        """Ask the database, by a function that is given the connection first."""
        return self.store.read_now(lambda connection: query(connection, *arguments, **more))

    def wait(self, seconds: float) -> None:
        """Let time pass by both clocks, in which somebody looked at them."""
        self.now += seconds
        self.write(elapsed_time.note)

    def buy(self, name: str, life: tuple[JobState, ...], **fields: Any) -> Job:
        """Lead a job through this life; its request, tags, task and files are named after it."""
        return self.write(_live, name, life, self.now, fields)

    def buy_many(self, name: str, count: int) -> None:
        """Lead so many jobs to a finished video, one a second, and write them down together."""

        def buy(connection: Connection) -> None:
            for number in range(count):
                _live(connection, f"{name} {number}", LIVES["done"], self.now + number, {})

        self.write(buy)
        self.wait(count)

    def archive(self) -> None:
        """Archive all that may be."""
        place: int | None = 0
        while place is not None:
            found = self.ask(compaction.candidates, place, 7, now=self.now)
            self.write(compaction.compact, found.job_ids, now=self.now, seconds=60)
            place = found.place

    def archived(self) -> list[str]:
        """The ids of all archived jobs, the oldest first."""
        return [row[0] for row in self.rows("SELECT id FROM jobs WHERE document IS NULL ORDER BY seq")]

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return self.ask(lambda connection: connection.execute(query, values).fetchall())


@contextmanager
def installation(folder: Path) -> Iterator[Installation]:
    """Open an installation in this folder, at `records.START` by its clock."""
    store = open_store(folder)
    here = Installation(store, records.START)
    store.clock = lambda: here.now
    store.uptime = lambda: here.now - records.START + 1000.0
    try:
        yield here
    finally:
        store.close()


def lives(here: Installation) -> None:
    """Buy one job of each kind, and one more that ends now, nine days later."""
    for name, life in {**LIVES, **WAITING}.items():
        here.buy(name, life)
        here.wait(60)
    here.wait(9 * DAY)
    here.buy("recent", LIVES["done"])


def _live(
    connection: Connection, name: str, life: tuple[JobState, ...], now: float, fields: dict[str, Any]
) -> Job:
    mark = hashlib.sha256(name.encode()).hexdigest()
    new = records.job(
        **{
            "id": f"job_{name}", "tag": mark[:32], "fingerprint": mark, "client_key": f"{mark}:0", "owner": "owner",
            "request": VideoRequest(prompt=f"A paper boat, {name}, \u201cé\u201d\n\u2028 twice", model="m", duration=5),
            "wanted": Wanted(content=mark[::-1], given={"model": "m"}, usual={"duration": 5}),
            "base_url": "https://a.example/v3", "created_at": now, "estimate": PRICE, "maximum": PRICE,
            **fields,
        }
    )  # fmt: skip
    job = transitions.insert(connection, new, day=budget.day_of(now), detail="begun")
    repeated_requests.note(connection, job.id, (mark[:20], mark[::-1]))
    idempotency_keys.keep(connection, f"key-of-{name}", KeptKey(asked={"prompt": name}, digests={}), job)
    for step, state in enumerate(life):
        at = now + 10.0 * (step + 1) + 0.125
        if state in (S.ACCEPTED, S.REJECTED):
            raw = b'{"id": "' + name.encode() + b'"} \xff\x00'
            job_records.keep_answer(connection, job.id, at=at, http_status=200, outcome=state, raw=raw)
        job = transitions.move(
            connection, job, state, now=at, by="owner", detail=f"to {state}", **_said(name, mark, state, at)
        )
    job_records.note_read(connection, "a client", [job.id], now=now + 100)
    return job


def _said(name: str, mark: str, state: JobState, at: float) -> dict[str, Any]:
    files = Artifacts(
        video_path=f"/videos/{name}.mp4", sha256=mark, bytes=1, width=1, height=1, duration_seconds=5.0, fps=24.0,
        has_audio=False,
    )  # fmt: skip
    link = f"https://b.example/{name}?signature={mark}"
    said: dict[JobState, dict[str, Any]] = {
        S.SENDING: {"sent_at": at, "sent_running": 5.5, "sent_start": "boot"},
        S.ACCEPTED: {"submission": Submission(task_id=f"task-{name}"), "accepted_at": at},
        S.REMOTE_DONE: {
            "video_url": link,
            "remote_done_at": at,
            "charge": replace(PRICE, usd=Decimal("0.1")),
        },
        S.DONE: {"artifacts": files},
        S.FAILED: {"error": "It failed.", "error_code": "moderated", "error_hint": "Change it."},
        S.UNKNOWN: {"unknown_at": at, "unknown_uptime": 1.0},
    }
    return said.get(state, {})


def everything(here: Installation) -> dict[str, Any]:
    """All answers to all that the product asks of its jobs; each by what was asked."""
    ids = [row[0] for row in here.rows("SELECT id FROM jobs ORDER BY seq")]
    limits = Limits.of(Settings(output_dir=Path("videos"), state_dir=Path("state")))
    told: dict[str, Any] = {
        "recent": here.ask(job_records.recent, 100),
        "page": here.ask(job_records.page, None, 100),
        "unfinished": here.ask(job_records.unfinished),
        "unread": here.ask(job_records.unread, "another client", now=here.now),
        "usual seconds": here.ask(job_records.usual_seconds, "byteplus", "m"),
        "budget": here.ask(budget.read, limits, here.now),
        "spending": here.ask(by_day, 100),
        "unbalanced days": here.ask(unbalanced_days),
        "ledger": here.rows("SELECT * FROM ledger ORDER BY rowid"),
        "unknown price, open": here.ask(unknown_prices.open_job),
        "unknown price, dearest": here.ask(
            unknown_prices.dearest, "byteplus", "e", VideoRequest(model="m", duration=5)
        ),
        "owed hooks": here.ask(finish_hooks.owed),
        "damaged": here.ask(job_records.damaged_after, job_records.BEFORE_THE_FIRST, 1000),
        "damaged now": here.ask(job_records.damaged_now, 100, open_too=True),
    }
    for state in JobState:
        told[f"in state {state}"] = here.ask(job_records.in_states, frozenset({state}))
    for job_id in ids:
        told |= {f"{what} of {job_id}": answer for what, answer in _of_one(here, job_id).items()}
    return told


def _of_one(here: Installation, job_id: str) -> dict[str, Any]:
    name = job_id.removeprefix("job_")
    mark = hashlib.sha256(name.encode()).hexdigest()
    told: dict[str, Any] = {
        "record": _or_error(here, job_records.find, job_id),
        "history": _or_error(here, transitions.history, job_id),
        "key": here.ask(idempotency_keys.find, f"key-of-{name}"),
        "jobs of its key": _or_error(here, idempotency_keys.jobs_of, f"key-of-{name}"),
        "same request": _or_error(here, job_records.same_request, mark),
        "repetitions": here.ask(job_records.repetitions, mark),
        "video": here.ask(job_records.with_file, [f"/videos/{name}.mp4"]),
        "was read": here.ask(job_records.was_read, job_id),
        "held": here.ask(held, job_id),
    }
    asking = records.job(id="job_asking", account="a", base_url="https://a.example/v3")
    states = frozenset(JobState)
    told["task taken"] = here.ask(claimed, asking, [f"task-{name}"])
    told["tasks beside"] = here.ask(
        job_records.with_tasks_beside, asking, [f"task-{name}"], states=states, most=50
    )
    return told


def _or_error(here: Installation, query: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return here.ask(query, *arguments)
    except job_records.DamagedRecord as error:
        return str(error)
