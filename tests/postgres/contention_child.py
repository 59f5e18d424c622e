"""
Processes that reserve all they want at the same moment: `python -m tests.postgres.contention_child`.

Reads one JSON object: rounds, each a database, who its processes are and what each wants, a price, a cap and perhaps a
mistake. Prints a line of JSON for each round: the answers that each of its processes got, with the seconds that each took.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from seedance_mcp.config import Settings
from seedance_mcp.errors import BudgetExceeded
from seedance_mcp.jobs.buying.intents import Intent
from seedance_mcp.jobs.buying.reservations import reserve
from seedance_mcp.store import Connection
from seedance_mcp.store.postgres import database
from seedance_mcp.types import Price, PurchaseTerms, Scope, VideoRequest
from tests.reliability.mutants_edit import mutate, source
from tests.reliability.mutants_table import Mutant

_CONNECTED = b"."


def main() -> None:
    """Play one round after the other."""
    for number, plan in enumerate(json.loads(sys.stdin.read())["rounds"]):
        print(json.dumps(_round(number, plan)), flush=True)


def _round(number: int, plan: dict[str, Any]) -> dict[str, Any]:
    """Fork a process for each list of wishes, let them go when all are ready, and gather what they tell."""
    open_postgres = _module(plan["mutant"]).open_postgres
    is_ready, ready = os.pipe()
    go, let_go = os.pipe()
    told: list[int] = []
    for process, wishes in enumerate(plan["wishes"]):
        tell, end = os.pipe()
        schema, person = plan["members"][process % len(plan["members"])]
        if not os.fork():
            os.close(let_go)
            who = Member(open_postgres, schema, Scope(person=person), f"{number}_{process}")
            _live(partial(_want, who, plan, wishes, (ready, go)), end)
        os.close(end)
        told.append(tell)
    os.close(ready)
    for _ in told:
        os.read(is_ready, 1)
    began = time.monotonic()
    os.close(let_go)
    answers: list[Any] = []
    for tell in told:
        with open(tell, encoding="utf-8") as pipe:  # noqa: PTH123  a pipe has no path
            answers.append(json.loads(pipe.read() or "[]"))
    seconds = time.monotonic() - began
    for _ in told:
        os.wait()
    return {"answers": answers, "seconds": seconds}


def _module(mutant: list[Any] | None) -> ModuleType:
    if mutant is None:
        return database
    mistake = Mutant(*mutant)
    module = ModuleType(database.__name__)
    module.__package__ = database.__package__
    exec(compile(mutate(mistake), str(source(mistake)), "exec", dont_inherit=True), module.__dict__)
    return module


def _live(life: Callable[[], list[Any]], end: int) -> None:
    """Tell what a process lived through, and end it without clean-up."""
    try:
        os.write(end, json.dumps(life()).encode())
    finally:
        os._exit(0)


class Member(NamedTuple):
    """Whose a process is, how it opens the database, and its name."""

    open_postgres: Callable[..., database.PostgresDatabase]
    schema: str | None
    scope: Scope
    name: str


def _want(who: Member, plan: dict[str, Any], wishes: list[str], gates: tuple[int, int]) -> list[Any]:
    name = who.name
    price = Price(amount=Decimal(plan["price"]), currency="USD", usd=Decimal(plan["price"]))
    settings = Settings(
        output_dir=Path("/videos"),
        state_dir=Path("/state"),
        confirm="off",
        max_usd_per_job=price.usd,
        max_usd_per_day=Decimal(plan["cap"]),
        max_jobs_per_hour=100_000,
    )
    own = who.open_postgres(plan["url"], connections=1, schema=who.schema)
    ready, go = gates
    os.write(ready, _CONNECTED)
    os.read(go, 1)
    answers: list[Any] = []
    for number, prompt in enumerate(wishes):
        intent = Intent(
            job_id=f"job_{name}_{number}",
            owner=name,
            provider="ark",
            account="a",
            model="m",
            endpoint="e",
            request=VideoRequest(prompt=prompt),
            digests={},
            tag=f"{name}_{number}",
            estimate=price,
            maximum=price,
            terms=PurchaseTerms(),
        )
        began = time.monotonic()
        answers.append([prompt, *_ask(own, who.scope, intent, settings), time.monotonic() - began])
    return answers


def _ask(own: database.PostgresDatabase, scope: Scope, intent: Intent, settings: Settings) -> tuple[str, str]:
    def transaction(connection: Connection) -> Any:
        with connection.within(scope):
            return reserve(connection, intent=intent, settings=settings, now=own.clock())

    try:
        job, repeated = own.write_now(transaction)
    except BudgetExceeded:
        return "refused", ""
    except Exception as error:
        return "error", repr(error)
    return ("repeated" if repeated else "new"), job.id


if __name__ == "__main__":
    main()
