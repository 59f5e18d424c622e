"""A setting that names what there is not, and a command that looks elsewhere than the server: both are said plainly."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.emulator import Emulator

from .conftest import Run

CANARY = "canary-4711"


def found(run: Run, **settings: str) -> tuple[int, str, dict[str, dict[str, Any]]]:
    """The exit code of `doctor`, its conclusion, and its findings by subject."""
    result = run("doctor", "--json", "--offline", **settings)
    assert CANARY not in result.stdout + result.stderr
    answer = json.loads(result.stdout)
    return result.returncode, answer["conclusion"], {one["subject"]: one for one in answer["findings"]}


@pytest.mark.parametrize(
    ("given", "wrong", "meant"),
    [
        ({"SEEDANCE_MODEL": "seedance"}, "SEEDANCE_MODEL", "did you mean seedance-"),
        ({"SEEDANCE_PROVIDER": "volcengine"}, "SEEDANCE_PROVIDER", "did you mean ark?"),
        ({"SEEDANCE_PROVIDER": "fall"}, "SEEDANCE_PROVIDER", "did you mean fal"),
        (
            {"SEEDANCE_PROVIDER": "runcomfy", "SEEDANCE_MODEL": "seedance-1.0-pro"},
            "SEEDANCE_MODEL",
            "runcomfy does not sell seedance-1.0-pro",
        ),
        (
            {"SEEDANCE_MODEL": "doubao-seedance-1-0-pro-250528"},
            "SEEDANCE_MODEL",
            "an id of a provider's own, for ark",
        ),
    ],
)
def test_a_default_provider_or_model_that_there_is_not_stands_in_the_way(
    run: Run, given: dict[str, str], wrong: str, meant: str
) -> None:
    code, conclusion, subjects = found(run, **given)
    assert code == 1
    assert (subjects[wrong]["verdict"], wrong in conclusion) == ("problem", True)
    assert meant in subjects[wrong]["text"]
    refused = run("estimate", "a fox", **given)
    assert refused.returncode == 2
    assert f"error [config]: {wrong} cannot be used: " in refused.stderr
    assert f"hint: Correct {wrong}. " in refused.stderr


def test_a_default_that_is_sold_is_taken(run: Run) -> None:
    code, _, subjects = found(run, SEEDANCE_PROVIDER="sandbox", SEEDANCE_MODEL="seedance-1.0-pro")
    assert (code, subjects["SEEDANCE_MODEL"]["verdict"]) == (0, "ok")
    own = {"SEEDANCE_PROVIDER": "ark", "SEEDANCE_MODEL": "doubao-seedance-1-0-pro-250528"}
    assert found(run, **own)[2]["SEEDANCE_MODEL"]["verdict"] == "ok"


def test_a_call_that_names_what_the_settings_name_wrongly_can_be_made(run: Run) -> None:
    given = {"SEEDANCE_PROVIDER": "volcengine", "SEEDANCE_MODEL": "seedance"}
    words = ("--provider", "sandbox", "--model", "seedance-1.0-pro")
    assert run("estimate", "a fox", *words, **given).returncode == 0


@pytest.mark.parametrize("value", ["${MYCAP}", "", "  ", '""'])
def test_a_limit_that_is_blank_or_that_nobody_filled_in_is_told(run: Run, value: str) -> None:
    code, _, subjects = found(run, SEEDANCE_MAX_USD_PER_DAY=value, SEEDANCE_LOG_LEVEL="")
    limit = subjects["SEEDANCE_MAX_USD_PER_DAY"]
    assert (code, limit["verdict"]) == (0, "warning")
    assert limit["text"].startswith("it is blank" if value != "${MYCAP}" else "it is a ${...} that nobody")
    assert "counts as not set, and its default holds" in limit["text"]
    assert "SEEDANCE_LOG_LEVEL" not in subjects


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SEEDANCE_OUTPUT_DIR", "${OUT}"),
        ("SEEDANCE_ARK_BASE_URL", "${RELAY}"),
        ("ARK_API_KEY", "${ARK_API_KEY}"),
        ("ARK_API_KEY", "Bearer ${ARK_API_KEY}"),
    ],
)
def test_every_setting_that_nobody_filled_in_is_told(run: Run, name: str, value: str) -> None:
    code, _, subjects = found(run, **{name: value}, OTHER_PROGRAMS_KEY="${OTHER}")
    assert (code, subjects[name]["verdict"]) == (0, "warning")
    assert subjects[name]["text"].startswith("it is a ${...} that nobody filled in (from the environment)")
    assert "OTHER_PROGRAMS_KEY" not in subjects
    if name == "ARK_API_KEY":
        assert (
            subjects["ark"]["hint"]
            == "ARK_API_KEY is a ${...} that nobody filled in, so it counts as not set."
        )


def test_a_finish_hook_whose_program_is_not_there_is_told_without_its_words(run: Run, tmp_path: Path) -> None:
    _, _, subjects = found(run, SEEDANCE_ON_FINISH=f"no-such-program-{CANARY} --password {CANARY}")
    assert subjects["finish hook"]["verdict"] == "warning"
    assert "cannot be found" in subjects["finish hook"]["text"]
    program = sys.executable if os.name == "nt" else shlex.quote(sys.executable)
    there = found(run, SEEDANCE_ON_FINISH=f"{program} --password {CANARY}")[2]
    assert "finish hook" not in there
    assert "finish hook" in found(run, SEEDANCE_ON_FINISH=str(tmp_path / "gone"))[2]


def test_a_key_that_cannot_be_one_is_not_asked_for_again(run: Run) -> None:
    _, conclusion, subjects = found(run, FAL_KEY=f"{CANARY} cd")
    assert conclusion == "A key is set, but no provider could be bought from now: see above."
    fal = subjects["fal"]
    assert fal["verdict"] == "problem"
    assert fal["text"].startswith("not ready: FAL_KEY (from environment) is wrong")
    assert CANARY not in str(subjects)


@pytest.mark.parametrize(
    "words",
    [
        ("approve", "12345678", "--yes"),
        ("jobs", "list"),
        ("jobs", "show", "job_nobody"),
        ("jobs", "resolve", "job_nobody", "--not-bought"),
        ("jobs", "same-account", "12345678"),
    ],
)
def test_a_command_that_finds_nothing_says_where_it_looked(
    run: Run, environ: dict[str, str], words: tuple[str, ...]
) -> None:
    with Emulator("ark").threaded() as emulator:
        result = run(*words, **emulator.environment())
    assert (
        f"note: This command looked into the state folder {environ['SEEDANCE_STATE_DIR']}." in result.stderr
    )
    assert "SEEDANCE_STATE_DIR: set it to the same here" in result.stderr


def test_watch_says_that_it_waits_and_how_it_ends(command_environ: dict[str, str], tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "seedance_mcp", "watch"],
        cwd=tmp_path,
        env=command_environ,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        late = threading.Timer(60, process.kill)
        late.start()
        assert process.stderr
        first = process.stderr.readline()
        process.kill()
        late.cancel()
    assert first.startswith("Watching open jobs")
    assert "until Ctrl-C ends this" in first
