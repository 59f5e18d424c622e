"""The check-up: what it finds, what it never shows, and whether its exit code tells the truth."""

from __future__ import annotations

import json
import os
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from seedance_mcp.store.database_file import SCHEMA_VERSION
from tests.emulator import Behaviour, Emulator

from .conftest import Run

SECRET = "doctor-canary-51c0ffee"


def found(run: Run, *words: str, **settings: str) -> tuple[int, dict[str, Any], dict[str, dict[str, Any]]]:
    """Exit code, the whole answer, and the findings by subject."""
    result = run("doctor", "--json", *words, **settings)
    assert SECRET not in result.stdout + result.stderr
    answer = json.loads(result.stdout)
    return result.returncode, answer, {one["subject"]: one for one in answer["findings"]}


def test_a_wrong_setting_is_named_once(run: Run, tmp_path: Path) -> None:
    wrong = {"SEEDANCE_MAX_USD_PER_JOB": "abc", "SEEDANCE_MODEL": "seedance-9"}
    shown = run("doctor", "--offline", **wrong).stdout
    for name in wrong:
        [line] = [line for line in shown.splitlines() if f"FAIL  {name}" in line]
        assert line.count(name) == 1, line
    assert "'abc' (from environment) is wrong" in shown


def test_without_a_key_it_says_that_placeholders_can_be_made(run: Run) -> None:
    result = run("doctor")
    assert (result.returncode, result.stderr) == (0, "")
    assert "free placeholder videos can be made now" in result.stdout.splitlines()[-1]
    assert "no key (ARK_API_KEY)" in result.stdout
    assert "FAIL" not in result.stdout


def test_the_version_of_the_tables_is_told(run: Run) -> None:
    _, _, subjects = found(run, "--offline")
    assert f"schema version {SCHEMA_VERSION};" in subjects["job database"]["text"]


def test_a_key_that_the_provider_takes_makes_it_ready(run: Run) -> None:
    with Emulator("ark").threaded() as emulator:
        code, answer, subjects = found(run, **emulator.environment())
        assert not emulator.ledger.tasks
    assert (code, answer["able"]) == (0, True)
    assert answer["conclusion"] == "A video can be made now at ark."
    assert subjects["ark"]["verdict"] == "ok"
    assert emulator.key not in json.dumps(answer)


@pytest.mark.parametrize(
    ("provider", "funds", "verdict"),
    [("atlas", "7.5", "ok"), ("runcomfy", "7.5", "ok"), ("runcomfy", "0", "warning")],
)
def test_what_is_left_on_the_account_is_told(run: Run, provider: str, funds: str, verdict: str) -> None:
    with Emulator(provider, behaviour=Behaviour(funds=Decimal(funds))).threaded() as emulator:
        _, _, subjects = found(run, **emulator.environment())
    assert subjects[provider]["verdict"] == verdict
    assert f"; {Decimal(funds):.2f} USD left" in subjects[provider]["text"]


def test_a_key_that_the_provider_refuses_is_a_problem(run: Run) -> None:
    with Emulator("ark").threaded() as emulator:
        code, answer, subjects = found(run, **{**emulator.environment(), "ARK_API_KEY": SECRET})
    assert (code, answer["able"]) == (1, False)
    assert subjects["ark"]["verdict"] == "problem"
    assert "ARK_API_KEY" in subjects["ark"]["text"]
    assert subjects["ark"]["hint"]


def test_a_provider_that_cannot_be_reached_is_named_with_its_address(run: Run) -> None:
    base = "http://127.0.0.1:9/api/v3"
    code, answer, subjects = found(run, ARK_API_KEY=SECRET, SEEDANCE_ARK_BASE_URL=base)
    assert (code, answer["able"]) == (1, False)
    assert base in subjects["ark"]["text"]


def test_offline_asks_nobody(run: Run) -> None:
    settings = {"ARK_API_KEY": SECRET, "SEEDANCE_ARK_BASE_URL": "http://127.0.0.1:9/api/v3"}
    code, _, subjects = found(run, "--offline", **settings)
    assert code == 0
    assert subjects["ark"]["text"] == "ARK_API_KEY is set; not asked"


def test_the_provider_that_the_settings_name_has_to_be_ready(run: Run) -> None:
    code, answer, _ = found(run, SEEDANCE_PROVIDER="ark")
    assert (code, answer["able"]) == (1, False)
    assert "SEEDANCE_PROVIDER names ark" in answer["conclusion"]
    assert found(run, SEEDANCE_PROVIDER="sandbox")[0] == 0


def test_each_setting_is_told_with_its_origin_and_secrets_are_not_shown(run: Run, tmp_path: Path) -> None:
    _, _, subjects = found(
        run,
        "--offline",
        SEEDANCE_MAX_USD_PER_DAY="7",
        SEEDANCE_ON_FINISH=f"notify --password {SECRET}",
        FAL_KEY=SECRET,
        SEEDANCE_MEDIA_DIRS=str(tmp_path / "missing"),
    )
    assert subjects["SEEDANCE_MAX_USD_PER_DAY"]["text"] == "7, from the environment"
    assert subjects["SEEDANCE_ON_FINISH"]["text"] == "set, not shown, from the environment"
    assert subjects["FAL_KEY"]["text"] == "set, not shown, from the environment"
    assert subjects["media folder"]["verdict"] == "warning"
    assert subjects["carrier"]["verdict"] == "off"


def test_the_file_for_settings_is_told_whether_it_is_there_or_not(run: Run, tmp_path: Path) -> None:
    folder = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "HOME": str(tmp_path)}
    _, _, subjects = found(run, "--offline", **folder)
    place, _, rest = subjects["settings file"]["text"].partition(", not there")
    assert rest
    file = Path(place.replace("~", str(tmp_path), 1))
    file.parent.mkdir(parents=True)
    file.write_text("SEEDANCE_MAX_USD_PER_DAY = 7\n", encoding="utf-8")
    _, _, subjects = found(run, "--offline", **folder)
    assert subjects["settings file"]["text"] == place
    assert subjects["SEEDANCE_MAX_USD_PER_DAY"]["text"] == f"7, from {file}"


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
def test_a_settings_file_with_a_key_that_others_may_read_is_warned_of(run: Run, tmp_path: Path) -> None:
    place = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "HOME": str(tmp_path)}
    _, _, subjects = found(run, "--offline", **place)
    file = Path(subjects["settings file"]["text"].partition(", not there")[0].replace("~", str(tmp_path), 1))
    file.parent.mkdir(parents=True)
    for mode, content, verdict in (
        (0o644, "SEEDANCE_KEYRING = []", "ok"),
        (0o644, f'FAL_KEY = "{SECRET}"', "warning"),
        (0o600, f'FAL_KEY = "{SECRET}"', "ok"),
    ):
        file.write_text(f"{content}\n", encoding="utf-8")
        file.chmod(mode)
        _, _, subjects = found(run, "--offline", **place)
        assert subjects["settings file"]["verdict"] == verdict
        assert (f"`chmod 600 {file}`" in subjects["settings file"]["hint"]) == (verdict == "warning")


def test_a_provider_without_a_key_leads_to_the_command_that_stores_one(run: Run) -> None:
    _, _, subjects = found(run, "--offline")
    assert re.search(r"`\S*seedance-mcp setup fal` asks for it", subjects["fal"]["hint"])
    refused = run("generate", "a fox", "--provider", "fal", FAL_KEY="")
    assert re.search(
        r"`\S*seedance-mcp setup fal` in a terminal asks for it", refused.stderr.replace("\n", " ")
    )


def test_a_misspelt_setting_is_told_with_the_right_one(run: Run) -> None:
    _, _, subjects = found(run, "--offline", SEEDANCE_MAX_USD_PER_JOBB="1")
    assert subjects["SEEDANCE_MAX_USD_PER_JOBB"]["hint"] == "Did you mean SEEDANCE_MAX_USD_PER_JOB?"
    assert subjects["SEEDANCE_MAX_USD_PER_JOBB"]["verdict"] == "problem"
    _, _, subjects = found(run, "--offline", SEEDANCE_OUTPUT="x")
    assert subjects["SEEDANCE_OUTPUT"]["hint"] == "Did you mean SEEDANCE_OUTPUT_DIR?"
    assert subjects["SEEDANCE_OUTPUT"]["verdict"] == "warning"
    assert "note: SEEDANCE_OUTPUT (from the environment)" in run("jobs", "list", SEEDANCE_OUTPUT="x").stderr


def test_a_mistyped_limit_stands_in_the_way_of_purchases_and_of_no_placeholder(run: Run) -> None:
    mistyped = {"SEEDANCE_MAX_USD_PERDAY": "1"}
    code, answer, subjects = found(run, "--offline", **mistyped)
    assert (code, answer["able"]) == (0, True)
    assert subjects["SEEDANCE_MAX_USD_PERDAY"]["verdict"] == "problem"
    assert answer["conclusion"].startswith("Nothing can be bought now: see SEEDANCE_MAX_USD_PERDAY above.")
    assert "Free placeholder videos can be made, by the sandbox." in answer["conclusion"]
    for named in {"FAL_KEY": SECRET}, {"SEEDANCE_PROVIDER": "fal"}:
        code, answer, _ = found(run, "--offline", **mistyped, **named)
        assert (code, answer["able"]) == (1, False)
        assert answer["conclusion"].startswith(
            "Nothing can be bought now: see SEEDANCE_MAX_USD_PERDAY above."
        )
    pinned = found(run, "--offline", **mistyped, FAL_KEY=SECRET, SEEDANCE_PROVIDER="sandbox")
    assert pinned[0] == 0


def test_a_folder_that_cannot_be_written_stands_in_the_way(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    code, answer, subjects = found(run, "--offline", SEEDANCE_OUTPUT_DIR=str(tmp_path / "file" / "videos"))
    assert (code, answer["able"]) == (1, False)
    assert subjects["output folder"]["verdict"] == "problem"
    assert "SEEDANCE_OUTPUT_DIR" in subjects["output folder"]["hint"]


def test_a_wrong_overlay_stands_in_the_way(run: Run, tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.toml"
    overlay.write_text("[providers.ark]\nno_such_field = 1\n", encoding="utf-8")
    code, _, subjects = found(run, "--offline", SEEDANCE_CATALOG=str(overlay))
    assert code == 1
    assert subjects["overlay"]["verdict"] == "problem"


def test_a_lost_job_database_stops_spending_until_a_person_allows_it(
    run: Run, command_environ: dict[str, str]
) -> None:
    state = Path(command_environ["SEEDANCE_STATE_DIR"])
    state.mkdir(parents=True)
    (state / "jobs.db").write_bytes(b"not a database " * 1000)
    code, answer, subjects = found(run, "--offline", FAL_KEY=SECRET)
    assert code == 1
    assert answer["conclusion"].startswith("Nothing can be bought now: see budget above.")
    assert "allow-spending" in json.dumps(subjects)
    assert run("jobs", "allow-spending").returncode == 0
    assert found(run, "--offline")[0] == 0
