"""What `migrate` and `doctor` say where the tables cannot be made yet, and that their advice leads on."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import anyio
import psycopg
import pytest
from psycopg import sql

from seedance_mcp import cli
from seedance_mcp.config import choose_team
from seedance_mcp.errors import StoreError
from seedance_mcp.store import migrate_chosen, open_chosen
from seedance_mcp.store.postgres import SCHEMA_VERSION, open_postgres
from tests.emulator import Emulator

from .roles import PATIENCE, Team
from .server import Server, as_superuser
from .teams import TEAMS, environment, read, write_key, write_settings

Commands = Callable[[str], None]


@pytest.fixture
def for_teams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """Let commands be for two teams in the database at an address."""

    def settle(url: str) -> None:
        for name, value in environment(url, tmp_path).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("SEEDANCE_TEAM", "")  # restored afterwards, whatever a command sets

    return settle


def _as_owner(url: str, words: str, *names: str) -> None:
    with psycopg.connect(as_superuser(url), autocommit=True) as connection:
        connection.execute(sql.SQL(words).format(*(sql.Identifier(name) for name in names)))  # type: ignore[arg-type]


def _of_all_teams() -> None:
    """Undo the choice of a command that ran in this process."""
    choose_team("")


def _findings(team: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    _of_all_teams()
    capsys.readouterr()
    cli.run(["doctor", "--offline", "--json"])
    findings = json.loads(capsys.readouterr().out)["teams"][team]["findings"]
    _of_all_teams()
    return findings


def _problems_of(team: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    found = _findings(team, capsys)
    return [one for one in found if one["area"] == "database" and one["verdict"] == "problem"]


def test_the_tables_of_before_are_not_left_beside_the_first_team_unnoticed(
    postgres: Server, for_teams: Commands, capsys: pytest.CaptureFixture[str]
) -> None:
    url = postgres.database()
    for_teams(url)
    assert cli.run(["migrate"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "`ALTER SCHEMA public RENAME TO seedance_red`" in said.err
    assert "docs/team.md" in said.err
    (found,) = _problems_of("red", capsys)
    assert "the schema public has the tables of the installation before it was divided" in found["text"]
    assert "RENAME TO seedance_red" in found["hint"]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER SCHEMA public RENAME TO seedance_red")
    assert cli.run(["migrate"]) == 0
    assert capsys.readouterr().out.startswith(
        f"red: The tables have version {SCHEMA_VERSION} already.\nblue: The tables were made"
    )


def test_who_wants_nothing_of_before_makes_the_first_schema_by_hand(
    postgres: Server, for_teams: Commands
) -> None:
    url = postgres.database()
    for_teams(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA seedance_red")
    assert cli.run(["migrate"]) == 0
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT count(*) FROM pg_class WHERE relname = 'ledger'").fetchone()
    assert found == (3,), "those of both teams, and those of before"


def test_a_role_that_may_make_no_schema_is_told_the_statement(
    postgres: Server, for_teams: Commands, capsys: pytest.CaptureFixture[str]
) -> None:
    url = postgres.empty()
    with psycopg.connect(url) as connection:
        database = connection.info.dbname
    role = f"Weak-{secrets.token_hex(4)}"
    _as_owner(url, "CREATE ROLE {} LOGIN", role)
    _as_owner(url, "GRANT pg_monitor TO {}", role)
    for_teams(url.replace("//seedance:", f"//{role}:"))
    assert cli.run(["migrate", "--team", "red"]) == 2
    said = capsys.readouterr().err
    for statement in (
        f'GRANT CREATE ON DATABASE {database} TO "{role}"',
        f'CREATE SCHEMA seedance_red AUTHORIZATION "{role}"',
    ):
        assert f"`{statement}`" in said
    (found,) = _problems_of("blue", capsys)
    assert "may not make one" in found["text"]
    assert "seedance_blue AUTHORIZATION" in found["hint"]
    with psycopg.connect(as_superuser(url), autocommit=True) as connection:
        connection.execute(f'GRANT CREATE ON DATABASE {database} TO "{role}"')  # pyright: ignore[reportArgumentType, reportCallIssue]
    assert cli.run(["migrate"]) == 0


def test_a_schema_in_which_the_role_may_make_no_table_is_told_as_such(
    postgres: Server, environ: dict[str, str], tmp_path: Path
) -> None:
    url = postgres.empty()
    _as_owner(url, "CREATE SCHEMA seedance_red")
    red, _ = read({**environ, **environment(url, tmp_path)}, tmp_path).of_teams
    for attempt in (lambda: migrate_chosen(red.database_url, red.schema), lambda: open_chosen(red)):
        with pytest.raises(StoreError, match="may not make tables in the schema seedance_red") as refused:
            attempt()
        assert "`GRANT USAGE, CREATE ON SCHEMA seedance_red TO seedance`" in refused.value.hint
    _as_owner(url, "GRANT USAGE, CREATE ON SCHEMA seedance_red TO seedance")
    assert migrate_chosen(red.database_url, red.schema) == (0, SCHEMA_VERSION)
    open_chosen(red).close()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_after_a_restore_each_word_names_the_team_and_the_next_step(
    environ: dict[str, str],
    postgres: Server,
    for_teams: Commands,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    url = postgres.empty()
    for_teams(url)
    assert cli.run(["migrate"]) == 0
    for team in TEAMS:
        assert cli.run(["jobs", "--team", team]) == 0
    copy = postgres.copy(url)
    for_teams(copy)
    own = environment(copy, tmp_path)
    del own["SEEDANCE_STATE_DIR"], own["SEEDANCE_OUTPUT_DIR"]

    async def work() -> tuple[str, str]:
        with anyio.fail_after(PATIENCE):
            async with Emulator("ark") as emulator:
                team = Team(emulator, copy, tmp_path)
                common = {name: "" for name in emulator.environment("ark") if not name.endswith("_BASE_URL")}
                async with team.worker("work", None, **own, **common, SEEDANCE_TEAM="red") as worker:
                    return worker.said, worker.log()

    said, logged = anyio.run(work)
    assert said.startswith("For the team red: Working")
    assert "nothing is bought" in said
    assert "jobs allow-spending --team red`" in said
    assert "For the team red: The job database was restored" in logged
    assert "`seedance-mcp jobs allow-spending --team red`" in logged
    capsys.readouterr()
    for said in ("are allowed again.", "had not been stopped."):
        assert cli.run(["jobs", "allow-spending", "--team", "red"]) == 0
        assert capsys.readouterr().out == f"Purchases of the team red {said}\n"


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_a_teams_files_that_others_may_open_are_told_with_the_command(
    postgres: Server, for_teams: Commands, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for_teams(postgres.empty())
    write_key(tmp_path, "red", "ark", "one-key-1234567890")
    write_settings(tmp_path, "red", "SEEDANCE_S3_SECRET_ACCESS_KEY = 'word'\n")
    key, file = tmp_path / "keys" / "red" / "ark", tmp_path / "teams" / "red.toml"
    for mode, expected in ((0o644, [f"Run `chmod 600 {file}`.", f"Run `chmod 600 {key}`."]), (0o600, [])):
        for path in (key, file):
            path.chmod(mode)
        found = [one["hint"] for one in _findings("red", capsys) if "other users" in one["text"]]
        assert found == expected
    key.unlink()
    (missing,) = [one for one in _findings("red", capsys) if one["subject"] == "ark"]
    assert missing["text"] == f"no key (the file {key})"


def test_without_teams_missing_tables_are_told_with_their_schema(postgres: Server) -> None:
    with pytest.raises(StoreError, match="no tables yet in the schema public") as refused:
        open_postgres(postgres.empty())
    assert refused.value.hint == "Run `seedance-mcp migrate`."


def test_too_many_connections_are_told_as_that(postgres: Server) -> None:
    url = postgres.database()
    with psycopg.connect(url) as connection:
        _as_owner(url, "ALTER DATABASE {} CONNECTION LIMIT 1", connection.info.dbname)
        with pytest.raises(StoreError, match="too many connections") as refused, closing(open_postgres(url)):
            pass
    assert "max_connections" in refused.value.hint
