"""Each team has a schema of its own: tables, lock, news and version are not another's, and neither are tasks at a provider."""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
import httpx2
import psycopg
import pytest
from psycopg import sql

from seedance_mcp import cli
from seedance_mcp.app import App, open_app
from seedance_mcp.config import Settings
from seedance_mcp.errors import ConfigError, StoreError
from seedance_mcp.jobs import detached
from seedance_mcp.store import migrate_chosen, open_chosen, transitions
from seedance_mcp.store.postgres import SCHEMA_VERSION, PostgresStore
from seedance_mcp.store.postgres.database import lock_of
from seedance_mcp.types import JobState
from tests.emulator import Emulator
from tests.jobs import records
from tests.jobs.test_leaving import NOTE
from tests.over_http.local import bearer, called, post, result_of, token
from tests.reliability import fault_market as market
from tests.reliability.waiting import until
from tests.test_app import request

from .roles import PATIENCE, Team
from .server import Server, as_superuser
from .teams import TEAMS, both, environment, migrated, read, two, write_key, write_settings
from .test_roles import WISH


@pytest.fixture(autouse=True)
def no_key_stays(tmp_path: Path) -> Iterator[None]:
    """Remove the files of keys: no test leaves one behind."""
    yield
    for keys in tmp_path.rglob("keys"):
        shutil.rmtree(keys)


def _store(settings: Settings) -> PostgresStore:
    store = open_chosen(settings)
    assert isinstance(store, PostgresStore)
    return store


async def test_who_writes_for_one_team_waits_for_no_other(
    environ: dict[str, str], tmp_path: Path, postgres: Server
) -> None:
    red, blue = two(postgres, environ, tmp_path)
    assert red.database_url is not None
    with (
        contextlib.closing(_store(red)) as reds,
        contextlib.closing(_store(blue)) as blues,
        psycopg.connect(red.database_url.get_secret_value(), autocommit=True) as holds,
    ):
        holds.execute("BEGIN")
        holds.execute("SELECT pg_advisory_xact_lock(%s, %s)", (0x5EEDA, lock_of(red.schema)))
        assert blues.write_briefly_now(
            lambda connection: connection.execute("SELECT 1").fetchone(), 0.05
        ) == (1,)
        with pytest.raises(StoreError, match="lock timeout"):
            reds.write_briefly_now(lambda connection: None, 0.05)


async def test_what_one_team_changes_another_does_not_hear(
    environ: dict[str, str], tmp_path: Path, postgres: Server
) -> None:
    red, blue = two(postgres, environ, tmp_path)
    with contextlib.closing(_store(red)) as reds, contextlib.closing(_store(blue)) as blues:
        hears = {"red": await reds.listen(), "blue": await blues.listen()}
        job = await reds.write(partial(transitions.insert, job=records.job(), day="2023-11-14"))
        assert await hears["red"].heard(10) == {job.id}
        own = await blues.write(
            partial(transitions.insert, job=records.job(id="b", client_key="f:1", tag="u"), day="2023-11-14")
        )
        assert await hears["blue"].heard(10) == {own.id}, "and nothing of what came before it"
        for one in hears.values():
            one.close()


def test_the_installations_of_two_teams_are_two(
    environ: dict[str, str], tmp_path: Path, postgres: Server
) -> None:
    red, blue = two(postgres, environ, tmp_path)
    with contextlib.closing(_store(red)) as reds, contextlib.closing(_store(blue)) as blues:
        assert reds.installation != blues.installation
        assert reds.machine != blues.machine


@pytest.fixture
def divided(
    environ: dict[str, str], tmp_path: Path, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """The environment of commands in an installation with two teams whose tables are not there yet."""
    own = environment(postgres.empty(), tmp_path)
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SEEDANCE_TEAM", "")  # restored afterwards, whatever a command sets
    return {**environ, **own}


def test_migrating_goes_on_with_the_next_team(
    divided: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["migrate"]) == 0
    assert capsys.readouterr().out.count("made, in version") == 2
    with psycopg.connect(divided["SEEDANCE_DATABASE_URL"], autocommit=True) as connection:
        connection.execute("UPDATE seedance_red.meta SET value = '99' WHERE key = 'schema'")
        connection.execute("DROP SCHEMA seedance_blue CASCADE")
    assert cli.run(["migrate"]) == 2
    said = capsys.readouterr()
    assert said.out.startswith(f"blue: The tables were made, in version {SCHEMA_VERSION}.")
    assert "once they are restarted" in said.out
    assert said.err.startswith("red: The job database was made by a newer version (schema 99,")
    assert cli.run(["migrate", "--team", "blue"]) == 0
    assert "already" in capsys.readouterr().out


def test_a_schema_that_was_made_for_the_role_needs_no_right_to_make_any(
    environ: dict[str, str], tmp_path: Path, postgres: Server
) -> None:
    url = postgres.empty()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA seedance_red")
        database = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("REVOKE CREATE ON DATABASE {} FROM seedance").format(database))
    settings = read({**environ, **environment(url, tmp_path)}, tmp_path)
    red, blue = settings.of_teams
    assert migrate_chosen(red.database_url, red.schema) == (0, SCHEMA_VERSION)
    with pytest.raises(StoreError, match="may not make one"):
        migrate_chosen(blue.database_url, blue.schema)


def test_a_role_of_a_teams_own_reaches_no_other_team(
    environ: dict[str, str], tmp_path: Path, postgres: Server
) -> None:
    url, role = postgres.empty(), f"blue_{secrets.token_hex(4)}"
    with psycopg.connect(as_superuser(url), autocommit=True) as connection:
        for words in (
            "CREATE ROLE {} LOGIN",
            "GRANT pg_monitor TO {}",
            "CREATE SCHEMA seedance_blue AUTHORIZATION {}",
        ):
            connection.execute(sql.SQL(words).format(sql.Identifier(role)))
    own = url.replace("//seedance:", f"//{role}:")
    write_settings(tmp_path, "blue", f"SEEDANCE_DATABASE_URL = '{own}'\n")
    settings = migrated(read({**environ, **environment(url, tmp_path)}, tmp_path))
    for one in settings.of_teams:
        _store(one).close()
    with psycopg.connect(own) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT * FROM seedance_red.jobs")
    with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT * FROM seedance_blue.jobs")


def test_a_command_says_that_it_wants_a_team(
    divided: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.run(["migrate"]) == 0
    capsys.readouterr()
    for words in (["jobs"], ["tokens", "list"], ["tokens", "add", "laptop"], ["jobs", "allow-spending"]):
        assert cli.run(words) == 2
        said = capsys.readouterr().err
        assert "There are several teams (red, blue)" in said
        assert "--team TEAM" in said
    assert cli.run(["tokens", "add", "laptop", "--team", "red", "--person", "ann"]) == 0
    capsys.readouterr()
    for team, there in (("red", True), ("blue", False)):
        assert cli.run(["tokens", "--team", team, "list"]) == 0
        assert ("laptop" in capsys.readouterr().out) is there
    assert cli.run(["jobs", "--team", "green"]) == 2
    assert (
        "--team, or SEEDANCE_TEAM in the environment: there is no team of this name"
        in capsys.readouterr().err
    )


def test_a_team_can_be_named_before_the_command_and_before_a_films_document(
    divided: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.run(["migrate"]) == 0
    capsys.readouterr()
    for named in (["--team", "red"], ["--team=red"]):
        for words in ([*named, "tokens", "list"], ["tokens", *named, "list"]):
            assert cli.run(words) == 0
            monkeypatch.setenv("SEEDANCE_TEAM", "")
        capsys.readouterr()
        for words in ([*named, "film", "no.toml"], ["film", *named, "no.toml"]):
            assert cli.run(words) == 2
            assert "no.toml" in capsys.readouterr().err.splitlines()[0]
            monkeypatch.setenv("SEEDANCE_TEAM", "")
    assert cli.run(["--team", "green", "jobs"]) == 2
    assert "there is no team of this name" in capsys.readouterr().err


def test_a_code_that_is_not_found_is_told_with_the_team_that_was_looked_into(
    divided: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["migrate"]) == 0
    assert cli.run(["approve", "12345678", "--yes", "--team", "blue"]) == 2
    assert "looked into the tables of the team blue, not of red (--team)" in capsys.readouterr().err


def test_of_a_team_that_there_is_not_the_check_up_says_nothing_else(
    divided: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    for name, words in (("green", "no team of this name"), ("Green!", "no name of a team")):
        assert cli.run(["doctor", "--offline", "--json", "--team", name]) == 1
        (found,) = json.loads(capsys.readouterr().out)["findings"]
        assert (found["subject"], found["verdict"]) == ("SEEDANCE_TEAM", "problem")
        assert words in found["text"]


def test_the_check_up_tells_which_team_it_is_about(
    divided: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["migrate"]) == 0
    with psycopg.connect(divided["SEEDANCE_DATABASE_URL"], autocommit=True) as connection:
        connection.execute("UPDATE seedance_red.meta SET value = '99' WHERE key = 'schema'")
    capsys.readouterr()
    assert cli.run(["doctor", "--offline", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert {team: found["able"] for team, found in told["teams"].items()} == {"red": False, "blue": True}
    (problem,) = [one for one in told["teams"]["red"]["findings"] if one["verdict"] == "problem"]
    assert "have version 99" in problem["text"]


async def test_a_watcher_that_is_left_behind_is_the_teams(
    environ: dict[str, str], tmp_path: Path, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detached, "_STARTER", NOTE)
    red, _ = two(postgres, environ, tmp_path, SEEDANCE_DETACH="1", SEEDANCE_SANDBOX_SECONDS="60")
    async with open_app(red, leave=True) as app:
        await app.generate(request())
        await app.installation.begin_ending()
    (left,) = (red.state_dir / "left.jsonl").read_text().splitlines()
    assert json.loads(left)["words"] == ["watch", "--until-idle", "--team", "red"]


@asynccontextmanager
async def _buying(settings: Settings, provider: str) -> AsyncIterator[App]:
    async with open_app(settings) as app:
        app.installation.__dict__["catalog"] = market.catalog(provider)
        yield app


@pytest.mark.parametrize("provider", ["ark", "atlas", "fal", "replicate", "runcomfy"])
async def test_another_teams_task_is_never_adopted(
    provider: str,
    environ: dict[str, str],
    tmp_path: Path,
    postgres: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    market.hurry(monkeypatch)
    offer = market.offer(provider)
    asked = market.request(provider, **({"seed": 7} if "seed" in offer.parameters else {}))
    with anyio.fail_after(PATIENCE):
        async with Emulator(provider) as emulator:
            for team in TEAMS:
                write_key(tmp_path, team, provider, emulator.key)
            (address,) = [
                (name, value)
                for name, value in emulator.environment(provider).items()
                if name.endswith("_BASE_URL")
            ]
            more = {
                "SEEDANCE_POLL_SECONDS": "0.1",
                "SEEDANCE_CONFIRM": "off",
                "SEEDANCE_MAX_USD_PER_JOB": "50",
                "SEEDANCE_MAX_USD_PER_DAY": "500",
                address[0]: address[1],
            }
            red, blue = two(postgres, environ, tmp_path, **more)
            async with _buying(red, provider) as reds, _buying(blue, provider) as blues:
                bought = await blues.generate(asked)
                emulator.fail("lost", "submit", accepted=False)
                lost = await reds.generate(asked)

                async def is_over(app: App, job_id: str) -> bool:
                    job = await app.job(job_id)
                    return job.finished or job.state is JobState.UNRESOLVED

                await until(partial(is_over, blues, bought.job.id))
                assert (await blues.job(bought.job.id)).state is JobState.DONE

                async def was_asked() -> bool:
                    job = await reds.job(lost.job.id)
                    lists = [call for call in emulator.ledger.calls if call.name == "list"]
                    return job.state is not JobState.UNKNOWN or len(lists) >= 6

                await until(was_asked)
                job = await reds.job(lost.job.id)
    assert job.state in (JobState.UNKNOWN, JobState.ABSENT, JobState.UNRESOLVED)
    assert job.submission is None
    assert len(emulator.ledger.tasks) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
async def test_a_worker_works_for_all_teams_whatever_is_in_the_way_of_one(
    environ: dict[str, str], tmp_path: Path, postgres: Server
) -> None:
    folder = tmp_path / "all"
    async with Emulator("ark") as emulator, contextlib.AsyncExitStack() as stack:
        for team in TEAMS:
            write_key(folder, team, "ark", emulator.key)
        own = environment(postgres.empty(), folder)
        processes = Team(emulator, own["SEEDANCE_DATABASE_URL"], tmp_path)
        own["SEEDANCE_CATALOG"] = str(processes.catalog)
        common = {name: "" for name in emulator.environment("ark") if not name.endswith("_BASE_URL")}
        settings = both_of(own, environ, folder)
        reds, blues = [bearer(await token(one, person="ann")) for one in settings.of_teams]
        with psycopg.connect(own["SEEDANCE_DATABASE_URL"], autocommit=True) as connection:
            connection.execute("UPDATE seedance_red.meta SET value = '99' WHERE key = 'schema'")
        del own["SEEDANCE_STATE_DIR"], own["SEEDANCE_OUTPUT_DIR"]
        with anyio.fail_after(PATIENCE):
            replica = await stack.enter_async_context(processes.replica("serve", **own, **common))
            worker = await stack.enter_async_context(processes.worker("work", None, **own, **common))
            assert worker.said.startswith("For the team blue: Working")
            assert "It serves the teams red and blue." in replica.log()
            http = await stack.enter_async_context(httpx2.AsyncClient(timeout=60))
            wish = called("generate_video", {**WISH, "wait_seconds": 50})
            done = result_of(await post(http, replica.said, wish, blues))
            assert done["structuredContent"]["status"] == "succeeded"
            assert (await post(http, replica.said, wish, reds)).status_code == 503
            with psycopg.connect(own["SEEDANCE_DATABASE_URL"], autocommit=True) as connection:
                connection.execute(
                    "UPDATE seedance_red.meta SET value = %s WHERE key = 'schema'", (str(SCHEMA_VERSION),)
                )

            async def is_served() -> bool:
                return (await post(http, replica.said, called("check_status"), reds)).status_code == 200

            await until(is_served, longest=0.5)
            done = result_of(await post(http, replica.said, wish, reds))
            assert done["structuredContent"]["status"] == "succeeded"
            assert len(emulator.ledger.tasks) == 2


def both_of(own: dict[str, str], environ: dict[str, str], folder: Path) -> Settings:
    """The settings of both teams in a database that is there."""
    folder.mkdir(exist_ok=True)
    return migrated(read({**environ, **own}, folder))


def test_nothing_is_opened_for_nobody(environ: dict[str, str], tmp_path: Path, postgres: Server) -> None:
    with pytest.raises(ConfigError, match="several teams"):
        open_chosen(both(postgres, environ, tmp_path))
