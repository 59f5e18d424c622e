"""Three people in two teams ask four servers for all they can get: each team's budget holds, and nothing is bought twice."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from decimal import Decimal
from itertools import accumulate
from pathlib import Path

import anyio
import httpx2
import psycopg
import pytest

from seedance_mcp.store.money.ledger import to_micros
from tests.emulator import Emulator
from tests.over_http.local import bearer, called, post, result_of, token
from tests.reliability.waiting import until

from .roles import Team
from .server import SEES_ALL, Server
from .teams import TEAMS, environment, migrated, read, write_key, write_settings
from .test_roles import WISH

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX"),
    pytest.mark.skipif(not os.environ.get("SEEDANCE_TEST_LONG"), reason="starts six processes"),
    pytest.mark.timeout(400),
]

REPLICAS, WORKERS, CALLERS, WISHES = 4, 2, 8, 12
PEOPLE = (("red", "ann"), ("blue", "ann"), ("red", "bea"))
CAPS = {"red": "9.30", "blue": "4.10"}


async def test_each_teams_budget_holds_over_all_servers(
    environ: dict[str, str], tmp_path: Path, postgres: Server
) -> None:
    folder = tmp_path / "all"
    folder.mkdir()
    async with Emulator("ark") as emulator, contextlib.AsyncExitStack() as stack:
        for team in TEAMS:
            write_key(folder, team, "ark", emulator.key)
            write_settings(folder, team, f"SEEDANCE_MAX_USD_PER_DAY = '{CAPS[team]}'\n")
        own = environment(postgres.empty(), folder)
        settings = migrated(read({**environ, **own}, folder))
        homes = {str(one.team): one for one in settings.of_teams}
        tokens = [bearer(await token(homes[team], person=person)) for team, person in PEOPLE]
        processes = Team(emulator, own["SEEDANCE_DATABASE_URL"], tmp_path)
        own["SEEDANCE_CATALOG"] = str(processes.catalog)
        own["SEEDANCE_HTTP_CALLS_PER_MINUTE"] = "100000"
        own |= {name: "" for name in emulator.environment("ark") if not name.endswith("_BASE_URL")}
        del own["SEEDANCE_STATE_DIR"], own["SEEDANCE_OUTPUT_DIR"]
        try:
            replicas = [
                await stack.enter_async_context(processes.replica(f"serve-{number}", **own))
                for number in range(REPLICAS)
            ]
            for number in range(WORKERS):
                await stack.enter_async_context(processes.worker(f"work-{number}", None, **own))
        finally:
            shutil.rmtree(folder / "keys")
        http = await stack.enter_async_context(httpx2.AsyncClient(timeout=100))
        answers: list[tuple[str, str, str, float]] = []

        async def call(caller: int) -> None:
            who = caller % len(PEOPLE)
            for number in range(WISHES):
                # Half of the wishes are the same for all of a person's callers.
                key = f"common-key-{number}" if number % 2 else f"own-key-{caller}-{number}"
                wish = {**WISH, "prompt": f"A fox, {key}", "request_key": key, "wait_seconds": 0}
                url = replicas[(caller + number) % REPLICAS].said
                began = time.monotonic()
                told = result_of(await post(http, url, called("generate_video", wish), tokens[who]))
                job = "" if told.get("isError") else told["structuredContent"]["job_id"]
                answers.append((PEOPLE[who][0], key, job, time.monotonic() - began))

        began = time.monotonic()
        async with anyio.create_task_group() as tasks:
            for caller in range(CALLERS):
                tasks.start_soon(call, caller)
        seconds = time.monotonic() - began
        with psycopg.connect(own["SEEDANCE_DATABASE_URL"], options=SEES_ALL, autocommit=True) as connection:
            for team in TEAMS:
                connection.execute("SELECT set_config('search_path', %s, false)", (f"seedance_{team}",))

                async def all_bought() -> bool:
                    query = "SELECT count(*) FROM jobs WHERE document::jsonb ->> 'state' IN ('reserved', 'sending')"
                    return connection.execute(query).fetchone() == (0,)

                with anyio.fail_after(60):
                    await until(all_bought, longest=0.2)
                _judge(connection, team)
                mine = [answer for answer in answers if answer[0] == team]
                got = {job for _, _, job, _ in mine if job}
                times = sorted(spent for *_, spent in mine)
                refused = sum(not job for _, _, job, _ in mine)
                print(
                    f"{team}: {len(mine) / seconds:.1f} answers/s, {len(got) / seconds:.1f} reservations/s, p99"
                    f" {times[int(len(times) * 0.99)] * 1000:.0f} ms, {len(got)} jobs, {refused} refused"
                )
                assert any(not job for _, _, job, _ in mine), "the budget has to be what stops them"
        assert len(emulator.ledger.tasks) == len({job for _, _, job, _ in answers if job})


def _judge(connection: psycopg.Connection, team: str) -> None:
    rows = [row[0] for row in connection.execute("SELECT usd_micros FROM ledger ORDER BY rowid")]
    assert max(accumulate(rows)) <= to_micros(Decimal(CAPS[team])), "overspent at some commit"
    wishes = connection.execute(
        "SELECT person, document::jsonb -> 'request' ->> 'prompt', count(*) FROM jobs GROUP BY 1, 2 HAVING count(*) > 1"
    ).fetchall()
    assert wishes == []
