"""
Many processes that reserve at the same moment, on one budget in PostgreSQL: `python -m tests.postgres.contention`.

Half of what each of them wants is the same for all, and the cap allows only a part of it. The mistakes in `MUTANTS` have to be
noticed by what is judged here.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import accumulate
from pathlib import Path
from typing import Any

import psycopg

from seedance_mcp.store.money.ledger import to_micros, unbalanced_days
from seedance_mcp.store.postgres import migrate, open_postgres
from tests.reliability.contention import wishes
from tests.reliability.mutants_table import Mutant

from .server import SEES_ALL, Server, running

PRICE = Decimal("0.73")
MEMBERS = (("seedance_red", "ann"), ("seedance_blue", "ann"), ("seedance_red", "bea"))
"""Three people in two teams, of whom two have one name."""

_PATIENCE_SECONDS = 200.0
_MODULE = "seedance_mcp.store.postgres.database"

MUTANTS = (
    Mutant(
        name="nobody holds the team's lock",
        module=_MODULE,
        definition="PostgresDatabase._begin_write",
        old="SELECT pg_advisory_xact_lock({}, {})",
        new="SELECT {}, {}",
        breaks="two that look at the same sum pass the cap together",
    ),
    Mutant(
        name="the lock is taken after the looks, before the first change",
        module=_MODULE,
        definition="PostgresDatabase.write_briefly_now",
        old="""
with explained(), self._begun(self._begin_write, seconds) as connection:
    self._give_clocks(connection)
    with of_this_version(connection):
        result = transaction(Statements(connection))
""",
        new="""
begin = lambda connection, seconds: connection.execute('BEGIN', prepare=False)
with explained(), self._begun(begin, seconds) as connection:
    self._give_clocks(connection)
    statements = Statements(connection)
    execute = statements.execute
    def late(sql, *given):
        if not sql.startswith('SELECT'):
            statements.execute = execute
            execute('SELECT pg_advisory_xact_lock(?, ?)', (_LOCKS, self._lock))
        return execute(sql, *given)
    statements.execute = late
    result = transaction(statements)
""",
        breaks="all that looked at the same moment buy",
    ),
    Mutant(
        name="the transaction sees what was there before it waited",
        module=_MODULE,
        definition="PostgresDatabase._begin_write",
        old="READ COMMITTED",
        new="REPEATABLE READ",
        breaks="what the one that held the lock wrote is not counted",
    ),
    Mutant(
        name="every second process holds the lock of another team",
        module=_MODULE,
        definition="PostgresDatabase._begin_write",
        old="self._lock",
        new="self._lock + __import__('os').getpid() % 2",
        breaks="two that look at the same sum pass the cap together",
    ),
)


@dataclass
class Outcome:
    """
    What came of it. `overspend` in USD: the most that was counted at any commit beyond the cap.

    `per_second` are transactions, `p99` the seconds that all but one in a hundred of them took at most.
    """

    answers: Counter[str] = field(default_factory=Counter[str])
    overspend: Decimal = Decimal("0.000000")
    per_second: float = 0.0
    p99: float = 0.0
    violations: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, kw_only=True)
class Round:
    """
    So many processes with so many wishes each; the cap pays for `allowed` videos of each team.

    One process after the other is of the next one of `members`: of a team, by its schema, and a person.
    """

    processes: int
    jobs: int
    allowed: int
    mutant: Mutant | None = None
    members: tuple[tuple[str | None, str], ...] = ((None, ""),)

    @property
    def schemas(self) -> tuple[str | None, ...]:
        """Those of the teams, each once."""
        return tuple(dict.fromkeys(schema for schema, _ in self.members))

    @property
    def cap(self) -> Decimal:
        """Half a price more than a whole number of videos: the last one must not fit by rounding."""
        return PRICE * (self.allowed + Decimal("0.5"))

    def wishes(self, seed: int) -> list[list[str]]:
        """What each process asks for; where a mistake is to be noticed, what is the same for all at the same moment."""
        wanted = wishes(self.processes, self.jobs, seed)
        return (
            wanted
            if self.mutant is None
            else [sorted(wish, key=lambda prompt: ("process" in prompt, prompt)) for wish in wanted]
        )


def run(server: Server, rounds: Sequence[Round]) -> list[Outcome]:
    """Play rounds, each in a database of its own, and compare what came of each, team by team, with what must be."""
    plans = [
        {
            "url": _prepared(server, one),
            "members": one.members,
            "mutant": one.mutant,
            "price": str(PRICE),
            "cap": str(one.cap),
            "wishes": one.wishes(number),
        }
        for number, one in enumerate(rounds)
    ]
    done = subprocess.run(
        [sys.executable, "-m", "tests.postgres.contention_child"],
        input=json.dumps({"rounds": plans}),
        capture_output=True,
        text=True,
        timeout=_PATIENCE_SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-4000:])
    said = [json.loads(line) for line in done.stdout.splitlines()]
    return [
        _judge(one, plan, told, schema)
        for one, plan, told in zip(rounds, plans, said, strict=True)
        for schema in one.schemas
    ]


def _prepared(server: Server, one: Round) -> str:
    if one.schemas == (None,):
        return server.database()
    url = server.empty()
    for schema in one.schemas:
        migrate(url, schema)
    return url


def _judge(one: Round, plan: dict[str, Any], told: dict[str, Any], schema: str | None) -> Outcome:
    outcome = Outcome()
    say = outcome.violations.append
    of_team = [
        process for process in range(one.processes) if one.members[process % len(one.members)][0] == schema
    ]
    answers = [answer for process in of_team for answer in told["answers"][process]]
    outcome.answers = Counter(kind for _, kind, _, _ in answers)
    times = sorted(seconds for *_, seconds in answers)
    outcome.per_second = len(answers) / told["seconds"]
    outcome.p99 = times[int(len(times) * 0.99)] if times else 0.0
    options = SEES_ALL if schema is None else f"{SEES_ALL} -c search_path={schema}"
    with psycopg.connect(plan["url"], options=options) as connection:
        # One row after the other, by the number that each was given under the lock: what was counted at every commit.
        rows = [row[0] for row in connection.execute("SELECT usd_micros FROM ledger ORDER BY rowid")]
        asked = connection.execute("SELECT person, document FROM jobs").fetchall()
        events = connection.execute(
            "SELECT job_id, at, from_state, to_state, by, detail, hash FROM events ORDER BY seq"
        ).fetchall()
    most = max(accumulate(rows), default=0)
    outcome.overspend = max(Decimal(0), Decimal(most - to_micros(one.cap)) / 1_000_000) * Decimal("1.000000")
    if outcome.overspend:
        say(f"{outcome.overspend} USD were spent beyond the cap")
    if len(answers) != len(of_team) * one.jobs:
        say(f"{len(answers)} answers to {len(of_team) * one.jobs} wishes")
    errors = [words for _, kind, words, _ in answers if kind == "error"]
    if errors:
        say(f"{len(errors)} answers are neither a job nor the budget, such as {errors[0]}")
    wanted = Counter((person, json.loads(document)["request"]["prompt"]) for person, document in asked)
    if twice := [wish for wish, count in wanted.items() if count > 1]:
        say(f"{len(twice)} requests were reserved more than once, such as {twice[0]!r}")
    distinct = {
        (one.members[process % len(one.members)][1], prompt)
        for process in of_team
        for prompt in plan["wishes"][process]
    }
    if len(asked) < min(one.allowed, len(distinct)):
        say(f"only {len(asked)} jobs were reserved, though the cap allows {one.allowed}")
    if broken := _broken_links(events):
        say(f"{broken} events do not follow from the one before")
    database = open_postgres(plan["url"], connections=1, schema=schema)
    if unbalanced := database.read_now(unbalanced_days):
        say(f"the sums of {', '.join(unbalanced)} are not those of the ledger")
    database.close()
    return outcome


def _broken_links(events: Sequence[tuple[Any, ...]]) -> int:
    before, broken = "", 0
    for *row, digest in events:
        broken += hashlib.sha256(json.dumps([before, *row]).encode()).hexdigest() != digest
        before = digest
    return broken


def main() -> int:
    """Play with a tight and with a wide budget, and say what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.postgres.contention", description=__doc__)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--jobs", type=int, default=50)
    parser.add_argument("--allowed", type=int, default=120)
    parser.add_argument("--teams", action="store_true", help="Three people in two teams")
    asked = parser.parse_args()
    members = MEMBERS if asked.teams else Round.members
    rounds = [
        Round(processes=asked.processes, jobs=asked.jobs, allowed=allowed, members=members)
        for allowed in (asked.allowed, 100_000)
    ]
    with (
        tempfile.TemporaryDirectory(prefix="contention-") as folder,
        running(Path(folder) / "data", durable=True) as server,
    ):
        outcomes = run(server, rounds)
    for outcome in outcomes:
        print(outcome)
    return int(any(outcome.violations for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
