"""What the command says about itself, and how it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from .conftest import Run

COMMANDS = ("demo", "generate", "estimate", "models", "jobs", "view", "doctor")


def test_the_version_is_that_of_the_package(run: Run) -> None:
    result = run("--version")
    assert (result.returncode, result.stdout.strip()) == (0, f"seedance-mcp {version('seedance-mcp')}")


def test_the_help_names_every_command(run: Run) -> None:
    result = run("--help")
    assert result.returncode == 0
    assert [name for name in COMMANDS if name not in result.stdout] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_its_arguments(run: Run, command: str) -> None:
    result = run(command, "--help")
    assert result.returncode == 0
    assert f"seedance-mcp {command}" in result.stdout


def test_every_field_of_a_request_is_an_argument(run: Run) -> None:
    from seedance_mcp.types import VideoRequest

    shown = run("generate", "--help").stdout
    flags = [f"--{name.replace('_', '-')}" for name in VideoRequest.model_fields if name != "prompt"]
    assert [flag for flag in flags if flag not in shown] == []


@pytest.mark.parametrize(
    "words",
    [
        ("frobnicate",),
        ("generate", "x", "--no-such-flag"),
        ("jobs", "frobnicate"),
        ("jobs", "list", "--limit", "0"),
        ("generate", "x", "--max-usd", "much"),
        ("view",),
    ],
)
def test_wrong_usage_is_told_in_two_lines(run: Run, words: tuple[str, ...]) -> None:
    result = run(*words)
    assert result.returncode == 2
    assert result.stdout == ""
    error, hint = result.stderr.splitlines()
    assert error.startswith("error [usage]: ")
    assert hint.startswith("hint: ")


def test_a_setting_that_cannot_be_used_is_named(run: Run) -> None:
    for words, code in (((), 0), (("jobs", "list"), 2)):  # the server lives to tell its client
        result = run(*words, SEEDANCE_MAX_USD_PER_JOB="lots")
        assert result.returncode == code
        assert "SEEDANCE_MAX_USD_PER_JOB='lots'" in result.stderr
        assert "Traceback" not in result.stderr


def test_a_damaged_database_is_set_aside_and_said(run: Run, tmp_path: Path) -> None:
    run("jobs", "list")
    [database] = (tmp_path / "state").glob("*.db")
    database.write_bytes(b"not a database" * 1000)
    result = run("jobs", "list")
    assert result.returncode == 0, result.stderr
    assert "has been set aside as" in result.stderr
    assert b"not a database" in b"".join(path.read_bytes() for path in database.parent.glob("*.db"))


def test_values_that_no_request_can_have_are_all_named_at_once(run: Run) -> None:
    result = run("estimate", "a fox", "--duration", "five", "--seed", "-7", "--provider-options", "oops")
    assert result.returncode == 2
    assert result.stderr.startswith("error [invalid_request]: ")
    result = run("estimate", "a fox", "--duration", "five", "--seed", "-7")
    assert "duration: " in result.stderr
    assert "seed: " in result.stderr


def test_a_reader_that_goes_away_is_no_error(command_environ: dict[str, str], tmp_path: Path) -> None:
    """As with `seedance-mcp models --json | head -1`."""
    with subprocess.Popen(
        [sys.executable, "-m", "seedance_mcp", "models", "--json"],
        cwd=tmp_path,
        env=command_environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait(60) == 0
    assert said == b""


def test_help_and_version_come_without_loading_anything_large() -> None:
    code = (
        "import sys\n"
        "from seedance_mcp.cli import run\n"
        "try:\n    run(['--version'])\nexcept SystemExit:\n    pass\n"
        "print(*(name for name in ('mcp', 'pydantic', 'av', 'numpy', 'httpx2') if name in sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert result.stdout.splitlines()[1:] == [""]


def test_jobs_without_a_verb_lists_them(run: Run) -> None:
    made = run("generate", "a fox", "--model", "seedance-1.0-pro", "--resolution", "480p", "--duration", "2")
    assert made.returncode == 0, made.stderr
    plain, listed = run("jobs"), run("jobs", "list")
    assert (plain.returncode, plain.stdout) == (0, listed.stdout)
    assert "a fox" in plain.stdout
    in_front, behind = run("jobs", "--json", "--limit", "1"), run("jobs", "list", "--json", "--limit", "1")
    assert json.loads(in_front.stdout) == json.loads(behind.stdout)
    assert run("jobs", "--json", "list").stdout == behind.stdout
    assert run("jobs", "--spending").stdout == run("jobs", "list", "--spending").stdout


def test_an_estimate_names_the_ready_offers_within_a_limit(run: Run) -> None:
    words = ("estimate", "a mug", "--model", "seedance-2.0", "--duration", "10", "--max-usd", "1")
    result = run(*words, ARK_API_KEY="nobody-takes-it")
    assert result.returncode == 0, result.stderr
    assert "Ready, and within max_usd 1: ark/seedance-1.0-pro-fast, ark/seedance-2.0-mini." in result.stdout
