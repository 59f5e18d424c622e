"""
The same random calls of the store's transactions on SQLite and on PostgreSQL: `play(seed, calls, sqlite, postgres)`.

Each call has to come to the same result or the same error on both, and in the end all rows are the same.
"""

from __future__ import annotations

import random
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import anyio

from seedance_mcp.config import Settings
from seedance_mcp.errors import (
    AuthenticationError,
    ModelNotOpen,
    RateLimited,
    SeedanceError,
    SubmissionNotSent,
)
from seedance_mcp.jobs.buying import idempotency
from seedance_mcp.jobs.buying.film_orders import OrderIntent, reserve_film
from seedance_mcp.jobs.buying.idempotency import RequestKey
from seedance_mcp.jobs.buying.intents import Intent
from seedance_mcp.jobs.buying.outcomes import adopt
from seedance_mcp.jobs.buying.reservations import foresee, reserve, reserve_set
from seedance_mcp.jobs.buying.set_intents import SetIntent
from seedance_mcp.jobs.buying.sets import set_with
from seedance_mcp.remarks import Advice
from seedance_mcp.store import (
    AccessTokens,
    Account,
    Conflict,
    Connection,
    Incident,
    Leases,
    OwedHook,
    UploadKey,
    accounts,
    archive,
    breakers,
    budget,
    by_day,
    came_to,
    changes,
    claimed,
    compaction,
    confirmations,
    drafts,
    elapsed_time,
    figures,
    film_orders,
    film_outcomes,
    film_plans,
    films,
    finish_hooks,
    idempotency_keys,
    incidents,
    job_records,
    object_copies,
    repeated_requests,
    request_state,
    reviews,
    say_same,
    sets,
    take_back,
    transitions,
    unbalanced_days,
    unknown_prices,
    uploads,
    waiting_questions,
    watcher_lease,
)
from seedance_mcp.store.connection import Database
from seedance_mcp.store.money import assistants_word, holds, ledger, shares
from seedance_mcp.types import (
    EVERYBODY,
    OWNER,
    Artifacts,
    Draw,
    FilmOrder,
    FilmRecord,
    Job,
    JobState,
    Mark,
    MediaFile,
    Opinion,
    Place,
    Price,
    PurchaseTerms,
    Review,
    RowRefusal,
    Scope,
    Submission,
    Take,
    Upload,
    VideoRequest,
    Wanted,
)

NOW = 1_760_000_000.0
DAY = 86_400.0
PLACES = frozenset({"last", "place", "transition", "review"})
"""Fields that hold a place in a table: numbers that PostgreSQL leaves out where a transaction was undone."""
NUMBERS = frozenset({"seq", "rowid"})
WORDS = (
    "a boat",
    "a lighthouse, 50% 'off'?",
    "雨 on a roof",
    "a \\ backslash %s",
    'a "quoted" line\nand another',
)
SETTINGS = (
    {"confirm": "off"},
    {"confirm": "off", "max_usd_per_day": Decimal(4)},
    {"confirm": "off", "max_jobs_per_hour": 3},
    {"confirm": "ask", "confirm_above_usd": Decimal("0.3"), "ask_limit_usd": Decimal(2)},
    {"confirm": "strict", "confirm_above_usd": Decimal("0.3")},
    {"confirm": "ask", "confirm_above_usd": Decimal("0.3"), "approve_above_usd": Decimal("0.5")},
    {"confirm": "off", "max_usd_per_day_per_person": Decimal(2)},
    {"confirm": "off", "max_jobs_per_hour_per_person": 2},
)


PEOPLE = (EVERYBODY, EVERYBODY, OWNER, Scope(person="ann"), Scope(person="böa ='*"))
SCOPED = frozenset(
    {
        *("reserve", "reserve_set", "foresee", "check", "budget", "unknown_prices"),
        *("repeats", "see", "changes", "waiting", "approve_by_hash", "approve", "decline"),
        *("asked", "bought_on", "came_to", "films", "sets", "reviews"),
        *("money", "keys"),
    }
)
"""Calls that are made as one person or another. The rest is for everybody, as the background makes it, or of a film."""

FILMS = {"flm_aaaaaaaaaaaa": OWNER, "flm_bbbbbbbbbbbb": Scope(person="ann")}
"""The films, and whose they are: who orders one and draws on its order."""


class Call(NamedTuple):
    """What is done on both: `writes` tells whether it is a transaction or a query, `film` whose film it is about."""

    name: str
    run: Callable[[Connection], Any]
    writes: bool = True
    film: str | None = None


@dataclass
class Played:
    """
    What was called how often, how often that was `done`, and how often it failed with what.

    `differences` says what was not the same.
    """

    counts: Counter[str] = field(default_factory=Counter[str])
    done: Counter[str] = field(default_factory=Counter[str])
    errors: Counter[str] = field(default_factory=Counter[str])
    differences: list[str] = field(default_factory=list[str])


class Clocks:
    """What both databases read."""

    def __init__(self) -> None:
        self.wall, self.up = NOW, 5000.0

    def clock(self) -> float:
        return self.wall

    def uptime(self) -> float:
        return self.up


def play(
    seed: int, calls: int, clocks: Clocks, sqlite: Database, postgres: Database, codes: list[str]
) -> Played:
    """
    Call so many transactions on both. `codes` holds what the next question's code is to be, set before each call.

    Ends at the first difference.
    """
    played = Played()
    maker = Maker(random.Random(seed), clocks)
    for number in range(calls):
        call = maker.next()
        codes[:] = [f"{seed:x}{number:08x}"]
        scope = maker.scope_of(call)
        one, other = (_outcome(database, call, scope) for database in (sqlite, postgres))
        played.counts[call.name] += 1
        if one[0]:
            played.errors[f"{call.name}: {one[0]}"] += 1
        else:
            played.done[call.name] += 1
        if (one[0], one[2]) != (other[0], other[2]):
            played.differences.append(
                f"call {number} of seed {seed}, {call.name} as {scope}: {one[::2]!r}\n  but {other[::2]!r}"
            )
            return played
        maker.learn(one[1], codes[0])
    played.differences += compare(sqlite, postgres)
    return played


def _outcome(database: Database, call: Call, scope: Scope) -> tuple[str, Any, Any]:
    def run(connection: Connection) -> Any:
        with connection.within(scope):
            return call.run(connection)

    try:
        result = database.write_now(run) if call.writes else database.read_now(run)
    except Conflict:
        return "Conflict", None, ""
    except (SeedanceError, ValueError, LookupError, transitions.Stale) as error:
        return (
            type(error).__name__,
            None,
            (str(error), getattr(error, "hint", ""), getattr(error, "approval", "")),
        )
    return "", result if isinstance(result, tuple | Job | FilmOrder) else None, plain(result)


def plain(value: Any) -> Any:
    """Write a result so that only what means something is compared."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, Decimal):
        return "Decimal", value  # which a whole number is equal to, and which a sum must not be
    if is_dataclass(value) and not isinstance(value, type):
        return (
            type(value).__name__,
            {one.name: plain(getattr(value, one.name)) for one in fields(value) if one.name not in PLACES},
        )
    if isinstance(value, Exception):
        return type(value).__name__, str(value)
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return sorted(value) if isinstance(value, set | frozenset) else value


def compare(sqlite: Database, postgres: Database) -> list[str]:
    """Compare all rows of all tables, those that are numbered in their order."""
    names = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
    columns: dict[str, list[str]] = {}
    for table, column in postgres.read_now(lambda connection: connection.execute(names).fetchall()):
        columns.setdefault(table, []).append(column)
    found: list[str] = []
    for table, there in sorted(columns.items()):
        own = sorted(column for column in there if column not in NUMBERS)
        number = next((column for column in ("seq", "rowid") if column in there), None)
        if table == "archive":
            own, number = ["id", *own], "jobs.seq"
        rows = [_rows(database, table, own, number) for database in (sqlite, postgres)]
        found += [
            f"{table}: {one!r}\n  but {other!r}" for one, other in zip(*rows, strict=False) if one != other
        ][:3]
        if len(rows[0]) != len(rows[1]):
            found.append(f"{table}: {len(rows[0])} rows and {len(rows[1])}")
    return found


def _rows(database: Database, table: str, columns: Iterable[str], number: str | None) -> list[Any]:
    what = f"{table} JOIN jobs USING (seq)" if table == "archive" else table
    named = ", ".join(
        column if column == "id" or table != "archive" else f"archive.{column}" for column in columns
    )
    order = f" ORDER BY {number}" if number else ""
    rows = database.read_now(
        lambda connection: connection.execute(f"SELECT {named} FROM {what}{order}").fetchall()
    )
    if table == "archive":
        beside = database.read_now(
            lambda connection: dict(connection.execute(f"SELECT id, {archive.BESIDE} FROM jobs").fetchall())
        )
        rows = [[_unpacked(value, beside[row[0]]) for value in row] for row in rows]
    rows = [plain(row) for row in rows if table != "meta" or row[0] not in ("installation", "schema")]
    return rows if number else sorted(rows, key=repr)


def _unpacked(value: Any, beside: str) -> Any:
    if not isinstance(value, bytes):
        return value
    record = archive.decode(value, beside)
    return replace(record, events=tuple(replace(event, seq=0) for event in record.events))


def _number(text: str | None) -> int:
    return zlib.crc32((text or "").encode())


class Maker:
    """Makes calls out of a few names, so that they meet each other, and knows what came of earlier ones."""

    def __init__(self, rng: random.Random, clocks: Clocks) -> None:
        self._random, self._clocks = rng, clocks
        self._jobs: dict[str, Job] = {}
        self._codes: list[str] = ["none"]
        self._plans: list[list[Take]] = []
        self._ordered: list[list[Take]] = []
        self._drawn: list[str] = []
        self._unmade = list(FILMS)
        self._tokens = ["none"]
        self._count = 0
        self._makers = tuple(
            maker
            for name in dir(self)
            if name.startswith(("_call_", "_often_"))
            for maker in [getattr(self, name)] * (6 if name.startswith("_often_") else 1)
        )

    def next(self) -> Call:
        """Make the next call, the films' first; time goes by before it, mostly a little."""
        if self._unmade:
            return self._call_keep_film(self._unmade.pop())
        step = self._random.choice((0.0, 1.0, 7.0, 200.0, 1000.0, 4000.0))
        if self._random.random() < 0.02:
            step = self._random.choice((DAY, 8 * DAY, -500.0))
        self._clocks.wall += step
        self._clocks.up += max(0.0, step)
        return self._random.choice(self._makers)()

    def learn(self, result: Any, code: str) -> None:
        """Remember the job that a call came to, and the code of the question that it may have put."""
        self._codes = [*self._codes[-20:], code]
        for one in result if isinstance(result, tuple) else (result,):
            if isinstance(one, Job):
                self._jobs.pop(one.id, None)
                self._jobs[one.id] = one
            elif isinstance(one, FilmOrder):
                self._ordered += [
                    rows
                    for rows in self._plans[-1:]
                    if (rows[0].film_id, rows[0].order) == (one.film_id, one.plan)
                ]
            elif isinstance(one, str) and one.startswith("sdc_"):
                self._tokens.append(one)

    # What the calls are made of.

    @property
    def _now(self) -> float:
        return self._clocks.wall

    def _one(self, *choices: Any) -> Any:
        return self._random.choice(choices)

    def _job(self) -> Job | None:
        return self._one(*list(self._jobs.values())[-12:]) if self._jobs else None

    def _job_id(self) -> str:
        job = self._job()
        return job.id if job is not None and self._random.random() < 0.9 else "job_none"

    def _code(self) -> str:
        return self._one(*self._codes[-8:])

    def _price(self) -> Price:
        usd = Decimal(self._one("0", "0.1", "0.25", "0.5", "1.000001", "2.5"))
        return Price(amount=usd, currency="USD", usd=usd, known=self._random.random() < 0.85)

    def _held_price(self) -> Price:
        price = self._price()
        return replace(price, known=self._random.random() < 0.97)

    def _settings(self) -> Settings:
        given: dict[str, Any] = self._one(*SETTINGS)
        hook = {"on_finish": "true"} if self._random.random() < 0.3 else {}
        usual = {"output_dir": Path("/videos"), "state_dir": Path("/state"), "max_usd_per_job": Decimal(2)}
        return Settings(**{**usual, "max_usd_per_day": Decimal(40), "max_jobs_per_hour": 40, **given, **hook})

    def _seller(self) -> breakers.Seller:
        return breakers.Seller(
            provider=self._one("ark", "fal"), account=self._one("a", "b"), model=self._one("m", "n")
        )

    def _seller_of_somebody(self) -> breakers.Seller:
        return replace(self._seller(), person=self._one("", "ann", "böa ='*"))

    def _intent(self, **others: Any) -> Intent:
        self._count += 1
        seller, price = self._seller(), self._price()
        request = VideoRequest(
            prompt=self._one(*WORDS), duration=self._one(5, 8, None), resolution=self._one("720p", None)
        )
        text = self._one(None, None, None, "key-0001", "key-0002", f"key-{self._count:04}")
        terms = PurchaseTerms(
            allow_duplicate=self._one(False, False, True),
            request_key=text,
            confirm_token=self._one(None, self._code()),
            agreed_to=self._one(None, None, self._code()),
            confirmed=self._one(False, False, True),
        )
        wanted = Wanted(
            content=f"{_number(request.prompt) % 7:064x}", given={"duration": request.duration or 5}
        )
        usual: dict[str, Any] = {
            "job_id": f"job_{self._count}", "owner": "me", "provider": seller.provider, "account": seller.account,
            "model": seller.model, "endpoint": self._one("e", "f"), "request": request, "digests": {},
            "tag": f"tag{self._count}", "estimate": price, "maximum": price, "terms": terms,
            "key": text and RequestKey.of(text, request, {}), "base_url": self._one(None, "https://one.test/v1"),
            "asked": f"{_number(request.prompt) % 5:064x}", "wanted": self._one(wanted, wanted, None),
        }  # fmt: skip
        return Intent(**{**usual, **others})

    def _wanted(self) -> Wanted:
        return Wanted(content=f"{self._random.randrange(7):064x}")

    def _film_id(self) -> str:
        return self._one(*FILMS)

    def _take_of_plan(self) -> Take | None:
        """A row: mostly of one of the last orders, now and then of a plan that nobody may have agreed to."""
        plans = self._ordered if self._ordered and self._random.random() < 0.9 else self._plans
        return self._one(*self._one(*plans[-2:])) if plans else None

    # Purchases and their moves.

    def _often_reserve(self) -> Call:
        intent, settings, now = self._intent(), self._settings(), self._now
        return Call("reserve", lambda c: reserve(c, intent=intent, settings=settings, now=now))

    def _call_reserve_set(self) -> Call:
        intent, settings, now = self._intent(), self._settings(), self._now
        ids = tuple(f"{intent.job_id}_{number}" for number in range(self._one(2, 3)))
        whole = SetIntent(
            set_id=f"set_{self._one(1, 2, self._count)}",
            one=intent,
            job_ids=ids,
            most_seed=self._one(None, 99),
        )
        return Call("reserve_set", lambda c: reserve_set(c, intent=whole, settings=settings, now=now))

    def _call_foresee(self) -> Call:
        intent, settings, now = self._intent(), self._settings(), self._now
        count = self._one(1, 1, 3)
        return Call(
            "foresee", lambda c: foresee(c, intent=intent, settings=settings, now=now, count=count), False
        )

    def _often_move(self) -> Call:
        job, now = self._job(), self._now
        if job is None:
            return self._often_reserve()
        legal = sorted(transitions.LEGAL[job.state]) or sorted(JobState)
        to = self._one(*legal) if self._random.random() < 0.97 else self._one(*JobState)
        if self._random.random() < 0.05:
            job = replace(job, version=max(1, job.version - 1))
        given: dict[str, Any] = {"detail": self._one("", "said ½ % ? \udfff\0 'so'")}
        if to is JobState.ACCEPTED:
            task = self._one(f"task{self._count}", f"task{self._count}{job.id}", "task-of-all")
            given |= {
                "submission": Submission(task_id=task, handle={"url": "https://x.test/?a=%20"}),
                "accepted_at": now,
            }
        elif to in (JobState.REMOTE_DONE, JobState.FAILED):
            given |= {"charge": self._price(), "error": self._one(None, "it said\0 no \ud800")}
        elif to is JobState.DONE:
            path = f"/videos/{job.id} 100%_'!.mp4"
            given |= {"artifacts": Artifacts(
                video_path=path, sha256="0" * 64, bytes=3, width=1, height=1, duration_seconds=5.0, fps=24.0,
                has_audio=False, last_frame_path=self._one(None, path + ".png"),
            )}  # fmt: skip
        return Call(f"move to {to}", lambda c: transitions.move(c, job, to, now=now, by="me", **given))

    def _call_note(self) -> Call:
        job = self._job()
        if job is None:
            return self._often_reserve()
        words = self._one("half way", "with a NUL \0 in it", None)
        return Call("note", lambda c: transitions.note(c, job, error=words))

    def _call_keep_answer(self) -> Call:
        job_id, now, raw = self._job_id(), self._now, self._random.randbytes(self._one(0, 9, 5000))
        status = self._one(None, 200, 503)
        return Call(
            "keep_answer",
            lambda c: job_records.keep_answer(
                c, job_id, at=now, http_status=status, outcome="accepted", raw=raw
            ),
        )

    def _call_compact(self) -> Call:
        now = self._now
        ids = list(self._jobs)[:40]
        return Call("compact", lambda c: compaction.compact(c, ids, now=now, seconds=60.0))

    def _call_candidates(self) -> Call:
        now = self._now
        return Call("candidates", lambda c: compaction.candidates(c, 0, 10_000, now=now), False)

    # Money.

    def _call_refused(self) -> Call:
        seller, now = self._seller_of_somebody(), self._now
        code = self._one(AuthenticationError.code, ModelNotOpen.code, RateLimited.code, "other")
        refusal = breakers.Refusal(code=code, message=self._one("no", "no\0 %"), hint="ask")
        return Call("refused", lambda c: breakers.refused(c, seller, refusal, now=now))

    def _call_accepted(self) -> Call:
        seller = self._seller_of_somebody()
        return Call("accepted", lambda c: breakers.accepted(c, seller))

    def _call_key_accepted(self) -> Call:
        seller = self._seller()
        return Call(
            "key_accepted",
            lambda c: breakers.key_accepted(c, provider=seller.provider, account=seller.account),
        )

    def _call_check(self) -> Call:
        seller, price, now, count = self._seller(), self._price(), self._now, self._one(1, 2, 30)
        limits = budget.Limits.of(self._settings())
        return Call(
            "check", lambda c: budget.check(c, limits, seller, price=price, now=now, count=count), False
        )

    def _call_budget(self) -> Call:
        limits, now = budget.Limits.of(self._settings()), self._now
        return Call("budget", lambda c: budget.read(c, limits, now), False)

    def _call_stop(self) -> Call:
        if self._random.random() < 0.1:
            return Call("stop_spending", budget.stop_spending)
        return Call("allow_spending", budget.allow_spending)

    def _call_spending(self) -> Call:
        days = self._one(1, 3, 100)
        return Call("by_day", lambda c: (by_day(c, days), unbalanced_days(c)), False)

    def _call_unknown_prices(self) -> Call:
        request, endpoint = self._intent().request, self._one("e", "f")
        return Call(
            "unknown_prices",
            lambda c: (unknown_prices.open_job(c), unknown_prices.dearest(c, "ark", endpoint, request)),
            False,
        )

    def _call_money(self) -> Call:
        now, count = self._now, self._one(1, 3)
        limits, recent = budget.Limits.of(self._settings()), (now - DAY, -1.0)

        def look(c: Connection) -> Any:
            with c.within(EVERYBODY):
                held = holds.since(c, *recent)
            budget.check_hour(c, limits, count, now=now)
            return (
                assistants_word.bought_on_a_word(c, now), held, holds.of_person(c, *recent),
                holds.on_a_word(c, *recent), shares.spent(c, *recent), shares.started(c, *recent), budget.spending_stopped(c),
            )  # fmt: skip

        return Call("money", look, False)

    def _call_figures(self) -> Call:
        now, job_id = self._now, self._job_id()
        return Call("figures", lambda c: (figures.read(c, now), ledger.held(c, job_id)), False)

    def _call_keys(self) -> Call:
        intent = self._intent()
        key = RequestKey.of(self._one("key-0001", "key-0002"), intent.request, {})
        return Call(
            "keys",
            lambda c: (idempotency.job_of(c, key), idempotency.set_of(c, replace(key, variations=2))),
            False,
        )

    def _call_state_key(self) -> Call:
        fresh = f"{self._count:064x}"
        return Call("state_key", lambda c: request_state.keep_key(c, fresh))

    # Copies of finished videos.

    def _often_copy(self) -> Call:
        place, now, job_id, by = self._one("s3 a", "s3 b"), self._now, self._job_id(), self._one("p1", "p2")
        kind = self._one("owe", "owe_one", "stored", "stored", "failed", "failed", "copies")
        failed = {
            "error": self._one("no room", "half ½ %\0 \udfff"),
            "due_at": now + self._one(0.0, 60.0, 9000.0),
        }

        def free(runner: str) -> bool:
            return runner == "p1"

        def tried(c: Connection) -> Any:
            claimed_now = object_copies.claim(c, place, now, by=by, is_free=free, skip=(job_id,))
            if claimed_now is not None and kind == "stored":
                object_copies.note_stored(c, claimed_now, now=now, sha256="0" * 64)
            elif claimed_now is not None:
                object_copies.note_failed(c, claimed_now, **failed)
            return claimed_now, object_copies.find(c, place, job_id)

        calls: dict[str, Callable[[Connection], Any]] = {
            "owe": lambda c: object_copies.owe(c, place, now),
            "owe_one": lambda c: object_copies.owe_one(c, place, job_id, now),
            "copies": lambda c: (
                object_copies.new(c, place, now), object_copies.due(c, place, now, is_free=free),
                object_copies.find(c, place, job_id),
            ),
        }  # fmt: skip
        return Call(f"copies.{kind}" if kind != "copies" else kind, calls.get(kind, tried), kind != "copies")

    # Agreements.

    def _often_answer(self) -> Call:
        code, now, for_call = self._code(), self._now, self._one(True, False)
        kind = self._one("approve", "approve", "decline", "end", "asked", "bought_on", "came_to")
        asked, job_id = f"{self._random.randrange(5):064x}", self._one(None, self._job_id())
        calls: dict[str, Callable[[Connection], Any]] = {
            "approve": lambda c: confirmations.approve(c, code, now=now, for_call=for_call),
            "decline": lambda c: confirmations.decline(c, code, now=now),
            "end": lambda c: confirmations.end(c, code, job_id, now=now),
            "asked": lambda c: confirmations.asked(c, code, now=now),
            "bought_on": lambda c: confirmations.bought_on(c, code),
            "came_to": lambda c: came_to(c, code, asked),
        }
        return Call(kind, calls[kind])

    def _call_waiting(self) -> Call:
        now = self._now
        return Call("waiting", lambda c: waiting_questions.waiting(c, now=now), False)

    def _call_approve_waiting(self) -> Call:
        now = self._now

        def approve(c: Connection) -> Any:
            found = waiting_questions.waiting(c, now=now)
            if found:
                confirmations.approve_by_hash(c, found[-1].key, now=now)
            return found

        return Call("approve_by_hash", approve)

    def _call_repeats(self) -> Call:
        digests = [f"{self._random.randrange(5):064x}" for _ in range(2)]
        wanted, key = self._one(None, self._wanted()), self._one("key-0001", "key-0002", "key-none")
        return Call(
            "repeats",
            lambda c: (
                repeated_requests.made_for(c, digests, wanted),
                repeated_requests.same_ids(c, wanted),
                idempotency_keys.find(c, key),
                idempotency_keys.jobs_of(c, key),
            ),
            False,
        )

    # Films.

    def _call_keep_film(self, film_id: str | None = None) -> Call:
        film = FilmRecord(
            id=film_id or self._film_id(), version=1, document=self._one("{}", '{"a": "ü%?"}'), name="x.toml",
            folder=self._one(None, "/films"), output_dir="/videos", created_at=self._now, changed_at=self._now,
        )  # fmt: skip
        return Call("keep_film", lambda c: films.keep_film(c, film), film=film.id)

    def _often_order_film(self) -> Call:
        film_id, settings, now = self._film_id(), self._settings(), self._now
        plan = self._one(f"plan-{self._count}", "plan-again")
        quality = self._one("final", "draft")
        rows = [
            Take(
                film_id=film_id, shot=shot, number=self._one(1, 2, 3, self._count + 10), order=plan, quality=quality,
                request_key=f"{film_id}.{index}.{self._one('x', 'y', self._count)}", inputs={"text": "0" * 12},
                request=VideoRequest(prompt=f"shot {shot}"), maximum=self._held_price(), parent=None, parent_take=None,
                files=self._one({}, {}, {"/a.png": "0" * 64}), account=self._one("", "a"),
            )
            for index, shot in enumerate(self._random.sample(["s1", "s2", "S3", "é"], self._one(1, 2, 3)))
        ]  # fmt: skip
        self._plans.append(rows)
        terms = PurchaseTerms(
            confirmed=self._one(True, True, False), confirm_token=self._one(None, self._code())
        )
        intent = OrderIntent(
            film_id=film_id, plan=plan, quality=quality, title="A film", rows=tuple(rows), accounts={"ark": "a"},
            seconds=Decimal(9), terms=terms,
        )  # fmt: skip
        return Call(
            "order_film", lambda c: reserve_film(c, intent=intent, settings=settings, now=now), film=film_id
        )

    def _often_draw(self) -> Call:
        row, settings, now = self._take_of_plan(), self._settings(), self._now
        if row is None:
            return self._often_order_film()
        terms = PurchaseTerms(
            request_key=row.request_key, draws_on=Draw(film_id=row.film_id, shot=row.shot, take=row.number)
        )
        price = self._one(row.maximum, row.maximum, row.maximum, self._price())
        sent = self._one(row.files, row.files, {"/a.png": "1" * 64})
        key = replace(RequestKey.of(row.request_key, row.request, {}), digests=sent)
        intent = self._intent(
            request=row.request,
            terms=terms,
            key=key,
            maximum=price,
            estimate=price,
            provider="ark",
            account="a",
        )
        self._drawn.append(intent.job_id)
        return Call("draw", lambda c: reserve(c, intent=intent, settings=settings, now=now), film=row.film_id)

    def _often_return(self) -> Call:
        """A job that a row has paid for was not sent, and sometimes it was after all."""
        state, now = self._one(JobState.RESERVED, JobState.NOT_SENT), self._now
        drawn = [
            self._jobs[one] for one in self._drawn if one in self._jobs and self._jobs[one].state is state
        ]
        if not drawn:
            return self._often_draw()
        job = drawn[-1]
        if state is JobState.RESERVED:
            code = self._one(SubmissionNotSent.code, SubmissionNotSent.code, "other")
            change: dict[str, Any] = {"to": JobState.NOT_SENT, "error_code": code}
        else:
            change = {
                "to": JobState.ACCEPTED,
                "submission": Submission(task_id=f"late-{job.id}"),
                "accepted_at": now,
            }

        def move(c: Connection) -> Any:
            moved = transitions.move(c, job, now=now, by="me", **change)
            return moved, films.take_of(c, job.id)

        return Call("give_back" if state is JobState.RESERVED else "take_up", move)

    def _call_refuse(self) -> Call:
        row = self._take_of_plan()
        refusal = RowRefusal(
            film_id=row.film_id if row else self._film_id(), shot=row.shot if row else "s1",
            take=row.number if row else 1, code="invalid_request", message="no\0 % ?", hint="half \ud800", at=self._now,
        )  # fmt: skip

        def refuse(c: Connection) -> Any:
            film_outcomes.refuse(c, refusal)
            return film_outcomes.refusals(c, refusal.film_id)

        return Call("refuse a row", refuse)

    def _call_join(self) -> Call:
        join = film_outcomes.Join(
            film_id=self._film_id(), quality=self._one("final", "draft"), made_of=self._one("a", "b"), at=self._now,
            problem=self._one(None, "no\0 room \udfff"), advice=(Advice("film_level", "½ %\0"), Advice("drift", "?")),
        )  # fmt: skip

        def keep(c: Connection) -> Any:
            film_outcomes.keep_join(c, join)
            return film_outcomes.joins(c, join.film_id)

        return Call("keep_join", keep)

    def _call_end_order(self) -> Call:
        row, now = self._take_of_plan(), self._now
        film_id, plan = (row.film_id, row.order) if row else (self._film_id(), "none")
        ended = self._one("done", "stopped", "cancelled")
        if self._random.random() < 0.2:
            return Call("end_expired", lambda c: film_orders.end_expired(c, now=now))
        return Call("end_order", lambda c: film_orders.end_order(c, film_id, plan, ended, now=now))

    def _call_withdraw_film(self) -> Call:
        film_id, now = self._film_id(), self._now
        return Call(
            "withdraw_film", lambda c: waiting_questions.withdraw_film(c, film_id, now=now), film=film_id
        )

    def _call_adopt(self) -> Call:
        """A task is known after all, of whatever job: of one that was given up, or that has another by now."""
        job, now = self._job(), self._now
        if job is None:
            return self._often_reserve()
        found = Submission(task_id=self._one("task-of-all", f"found-{job.id}", f"found-{self._count}"))
        return Call("adopt", lambda c: adopt(c, job, found, now=now, by="me"))

    def _call_films(self) -> Call:
        film_id = self._film_id()
        return Call(
            "films",
            lambda c: (
                films.recent_films(c, 5), films.takes(c, film_id), films.marks(c, film_id),
                film_orders.orders(c, film_id), film_orders.open_orders(c), films.find_film(c, film_id),
                film_orders.orders_to_make(c, "here"), films.find_take(c, film_id, "s1", 1),
            ),
            False,
        )  # fmt: skip

    def _often_mark(self) -> Call:
        row = self._take_of_plan()
        made = Mark(
            film_id=row.film_id if row else self._film_id(), shot=row.shot if row else "s1",
            take=row.number if row else 1, kind=self._one("chosen", "unchosen", "kept"), inputs={"text": "é"}, at=self._now,
            newest=self._one(0, 1, 20), by=self._one(None, "person", "assistant"),
        )  # fmt: skip
        return Call("mark", lambda c: films.mark(c, made), film=made.film_id)

    def _call_plan(self) -> Call:
        shown = film_plans.ShownPlan(
            film_id=self._film_id(), plan=self._one("p1", "p2"), quality="final", redo=("s1",), rows={"s1": "½ %"},
            at=self._now,
        )  # fmt: skip

        def keep(c: Connection) -> Any:
            film_plans.keep(c, shown)
            return film_plans.find(c, shown.film_id, shown.plan)

        return Call("film_plan", keep, film=shown.film_id)

    # What is kept beside jobs.

    def _call_review(self) -> Call:
        by = self._one("person", "assistant")
        review = Review(
            job_id=self._job_id(), by=by, relayed=by == "person" and self._one(True, False), at=self._now,
            opinion=Opinion(verdict=self._one("good", "usable", "bad"), notes="ok % ?", scores={"motion": 3}),
        )  # fmt: skip
        return Call("review", lambda c: reviews.add(c, review))

    def _call_reviews(self) -> Call:
        ids, job_id, now = list(self._jobs), self._job_id(), self._now
        return Call(
            "reviews",
            lambda c: (
                reviews.in_force(c, ids), reviews.history(c, job_id), reviews.unjudged(c, now=now, most=5),
                reviews.newest(c, job_id, "person"), reviews.count(c, job_id, "person", relayed=True),
            ),
            False,
        )  # fmt: skip

    def _call_sets(self) -> Call:
        ids, set_id = list(self._jobs), f"set_{self._one(1, 2)}"
        return Call(
            "sets",
            lambda c: (
                sets.places(c, ids),
                sets.find(c, set_id),
                sets.shown(c, set_id),
                sets.id_of(c, "job_1"),
            ),
            False,
        )

    def _call_beside(self) -> Call:
        job_id, place = self._job_id(), Place(set_id="set_x", number=self._one(1, 2), size=2)
        final = VideoRequest(prompt=self._one(*WORDS))

        def keep(c: Connection) -> Any:
            drafts.keep(c, job_id, final)
            sets.note(c, job_id, place)
            return drafts.final_of(c, job_id)

        return Call("draft and place", keep)

    def _call_hooks(self) -> Call:
        job_id, by = self._job_id(), self._one("p1", "p2")
        kind = self._one(
            "wish", "wish_for_open_jobs", "claim", "claim", "finish", "abandoned", "without_wish", "owed"
        )
        hook = OwedHook(job_id=job_id, ended=self._one(1, 2, 3, 4, 5))
        calls: dict[str, Callable[[Connection], Any]] = {
            "wish": lambda c: finish_hooks.wish(c, job_id),
            "wish_for_open_jobs": finish_hooks.wish_for_open_jobs,
            "claim": lambda c: finish_hooks.claim(c, by),
            "finish": lambda c: finish_hooks.finish(c, hook, by=by, outcome=self._said),
            "abandoned": lambda c: sorted(
                map(repr, finish_hooks.abandoned(c, lambda runner: runner == "p1"))
            ),
            "without_wish": finish_hooks.without_wish,
            "owed": finish_hooks.owed,
        }
        return Call(kind, calls[kind])

    _said = "it said \0 and ended"

    def _call_lease(self) -> Call:
        job_id, instance = self._job_id(), self._one("i1", "i2")
        clock = self._clocks.clock
        kind = self._one("take", "take", "give_up", "open_jobs")

        def run(c: Connection) -> Any:
            async def write(change: Callable[[Connection], Any]) -> Any:
                return change(c)

            own = SimpleNamespace(instance=instance, at_work=lambda other: other == "i1")
            leases = Leases(SimpleNamespace(ownership=own, clock=clock, write=write))  # type: ignore[arg-type]
            return leases.open_jobs(c) if kind == "open_jobs" else anyio.run(getattr(leases, kind), job_id)

        return Call(f"leases.{kind}", run)

    def _often_use_token(self) -> Call:
        text, days = self._one(*self._tokens[-6:]), self._one(0, 1, 30)
        scopes = frozenset({self._one("read", "spend", "admin")})
        kind = self._one(
            "add", "add", "find", "find", "all", "revoke", "revoke", "is_good", "any_good", "are_wanted"
        )
        given: dict[str, tuple[Any, ...]] = {
            "add": (self._one("ü's % ?", "half \ud800"), scopes, days),
            "find": (text,), "revoke": (text[4:12],), "is_good": (text[4:12],),
        }  # fmt: skip

        def run(c: Connection) -> Any:
            async def do(work: Callable[[Connection], Any], seconds: float = 0.0) -> Any:
                return work(c)

            database = SimpleNamespace(clock=self._clocks.clock, read=do, write=do, write_briefly=do)
            return anyio.run(getattr(AccessTokens(database), kind), *given.get(kind, ()))  # type: ignore[arg-type]

        return Call(f"tokens.{kind}", run)

    def _call_watch(self) -> Call:
        accounts_of, by = self._one("ark a", "fal b"), self._one("p1", "p2")
        kind = self._one("replace", "beat", "beat", "give_up")

        def run(c: Connection) -> Any:
            if kind == "replace":
                return watcher_lease.replace(
                    c, accounts_of, expected=watcher_lease.holder(c, accounts_of), by=by
                )
            return getattr(watcher_lease, kind)(c, accounts_of, by), watcher_lease.holder(c, accounts_of)

        return Call(f"watcher_lease.{kind}", run)

    def _call_accounts(self) -> Call:
        account = Account(
            provider="ark", fingerprint=self._one("a", "b"), address=self._one(None, "https://one.test/v1")
        )
        earlier, now, kind = (
            self._one("a", "b", "c"),
            self._now,
            self._one("say_same", "take_back", "is_same"),
        )
        calls: dict[str, Callable[[Connection], Any]] = {
            "say_same": lambda c: say_same(c, earlier, account, at=now),
            "take_back": lambda c: take_back(c, earlier, "ark"),
            "is_same": lambda c: (
                accounts.is_same(c, account, replace(account, fingerprint=earlier)), accounts.providers_of(c, earlier),
                accounts.joined(c, "ark", earlier),
            ),
        }  # fmt: skip
        return Call(kind, calls[kind])

    def _call_uploads(self) -> Call:
        key = UploadKey(place=self._one("ark", "s3"), account="a", content=self._one("0" * 64, "1" * 64))
        now, expires = self._now, self._one(None, self._now + 100, self._now + DAY)
        media_id = f"m{self._one(1, 2, self._count)}"
        file = MediaFile(kind="image", path=Path("/media/é.png"), sha256="0" * 64, duration_seconds=0.1)

        def keep(c: Connection) -> Any:
            before = uploads.find(c, key, now=now, margin=60.0)
            uploads.keep(c, key, Upload(url="https://x.test/?a=%20", expires_at=expires), now=now)
            found = uploads.find_media(c, media_id)
            if found is None:
                uploads.keep_media(c, media_id, "a.png", file, now=now)
            return before, found

        return Call("uploads", keep)

    def _call_incidents(self) -> Call:
        now = self._now
        one = Incident(
            job_id=self._one(None, self._job_id()), doing="Saving it", why=self._one("no room", "a \0 b"), times=2,
            first_at=now, last_at=now,
        )  # fmt: skip

        def write(c: Connection) -> Any:
            incidents.write(c, [one, replace(one, doing="Following it")], now)
            return incidents.read(c, now)

        return Call("incidents", write)

    def _call_elapsed(self) -> Call:
        if self._one(True, False):
            return Call("elapsed_time.note", elapsed_time.note)
        return Call("elapsed_time", lambda c: (elapsed_time.passed(c), elapsed_time.is_due(c)), False)

    def _call_seen(self) -> Call:
        client, ids, now = self._one("one", "two"), [self._job_id(), self._job_id()], self._now

        def note(c: Connection) -> Any:
            before = job_records.unread(c, client, now=now)
            job_records.note_read(c, client, ids, now=now)
            return before, job_records.unread(c, client, now=now), job_records.was_read(c, ids[0])

        return Call("note_read", note)

    def _often_look(self) -> Call:
        job = self._job()
        if job is None:
            return self._often_reserve()
        path = self._one(
            f"/videos/{job.id} 100%_'!.mp4", f"/VIDEOS/{job.id} 100%_'!.mp4", f"/videos/{job.id} 100__'!.mp4"
        )
        task, undecided = self._one("task-of-all", "task1"), frozenset({JobState.ACCEPTED, JobState.DONE})
        return Call(
            "look",
            lambda c: (
                job_records.find(c, job.id), job_records.recent(c, 5), job_records.count(c),
                job_records.page(c, None, 4), job_records.unfinished(c), job_records.damaged_now(c, 5, open_too=True),
                job_records.with_file(c, [path, f"{path}.png"]), job_records.usual_seconds(c, "ark", "m"),
                job_records.with_tasks_beside(c, job, {task}, states=undecided, most=3), claimed(c, job, {task, "task2"}),
                transitions.history(c, job.id), changes.look(c), archive.read(c, "job_none"),
            ),
            False,
        )  # fmt: skip

    def scope_of(self, call: Call) -> Scope:
        """Return as whom a call is made."""
        if call.film is not None:
            return FILMS[call.film]
        return self._random.choice(PEOPLE) if call.name in SCOPED else EVERYBODY

    def _often_see(self) -> Call:
        job_id = self._job_id()
        path, now = f"/videos/{job_id} 100%_'!.mp4", self._now
        planned = self._jobs[job_id].fingerprint if job_id in self._jobs else "none"
        return Call(
            "see",
            lambda c: (
                job_records.recent(c, 5), job_records.count(c), job_records.page(c, None, 4), job_records.unfinished(c),
                job_records.damaged_now(c, 5, open_too=True), job_records.with_file(c, [path]),
                job_records.usual_seconds(c, "ark", "m"), job_records.unread(c, "one", now=now),
                transitions.history(c, job_id), changes.look(c), by_day(c, 9), incidents.read(c, now),
                uploads.find_media(c, "m1"), job_records.people_of(c, [job_id]), drafts.final_of(c, job_id),
                films.take_of(c, job_id), sorted(film_orders.buyers(c)), set_with(c, job_id),
                job_records.in_states(c, frozenset({JobState.DONE})), job_records.damaged_after(c, 0, 9)[0],
                job_records.damaged_one(c, job_id), job_records.same_request(c, planned), job_records.repetitions(c, planned),
                repeated_requests.repeated(c, (planned,), (job_id,), more=3, now=now),
            ),
            False,
        )  # fmt: skip

    def _call_changes(self) -> Call:
        return Call("changes", lambda c: changes.changed_jobs(c, changes.look(c), changes.look(c)), False)
