"""Jobs that were bought with another key, in the terminal: whose they are, and a person's word that it is one account."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.emulator import Behaviour, Emulator
from tests.emulator.server import KEY

from .conftest import Run

THEIRS = "another-key-9876543210"
OURS = hashlib.sha256(KEY.encode()).hexdigest()[:8]
WISH = ("a paper boat", "--model", "seedance-1.0-pro", "--provider", "ark", "--duration", "5", "--yes")


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator("ark", behaviour=Behaviour(endless=True)).threaded() as running:
        running.add_account(THEIRS)
        yield running


@pytest.fixture
def job_id(run: Run, emulator: Emulator, command_environ: dict[str, str], tmp_path: Path) -> str:
    """A job that the provider works at, bought with the first key by a command that is gone; its id."""
    with subprocess.Popen(
        [sys.executable, "-m", "seedance_mcp", "generate", *WISH],
        cwd=tmp_path,
        env={**command_environ, **emulator.environment()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr
        while not re.search("(Queued|Running) at", process.stderr.readline()):
            assert process.poll() is None
        process.kill()
    [task] = emulator.ledger.tasks
    found = json.loads(run("jobs", "list", "--json", **emulator.environment()).stdout)["jobs"][0]["job_id"]
    assert task in run("jobs", "show", found, **emulator.environment()).stdout
    return found


def test_every_command_names_the_key_that_a_job_waits_for(run: Run, emulator: Emulator, job_id: str) -> None:
    here = emulator.environment()
    there = emulator.environment(key=THEIRS)
    [task] = emulator.ledger.tasks
    for words in (
        ("jobs", "list"),
        ("jobs", "list", "--json"),
        ("jobs", "show", job_id),
        ("jobs", "show", job_id, "--json"),
        ("jobs", "show", job_id, "--wait"),
        ("jobs", "cancel", job_id),
        ("generate", *WISH),
        ("watch", "--until-idle"),
        ("doctor",),
    ):
        result = run(*words, **there)
        waited = words[0] == "generate" or "--wait" in words  # and there is no video
        assert result.returncode == (3 if waited else 0), (words, result.stderr)
        said = result.stdout + result.stderr
        assert f"{OURS}…" in said.replace("\\u2026", "…"), words
        assert KEY not in said
        assert THEIRS not in said
        if words[:2] == ("jobs", "list"):
            assert OURS not in "".join(run(*words, **here).stdout)
    assert len(emulator.ledger.tasks) == 1
    assert emulator.ledger.tasks[task].status(0) != "cancelled"


def test_a_persons_word_in_the_terminal_lets_a_job_go_on_with_the_new_key(
    run: Run, emulator: Emulator, job_id: str
) -> None:
    emulator.rotate("the-new-key-0123456789")
    new = emulator.environment()
    [task] = emulator.ledger.tasks
    emulator.ledger.force(task, "succeeded")
    waits = run("jobs", "show", job_id, **new)
    [command] = re.findall(r"`seedance-mcp (jobs same-account [^`]*)`", waits.stdout)
    assert command.split()[2] == OURS
    said = run(*command.split(), **new)
    assert said.returncode == 0, said.stderr
    assert "1 such jobs are open" in said.stdout
    assert OURS in said.stdout
    assert run("watch", "--until-idle", **new).returncode == 0
    assert "succeeded" in run("jobs", "show", job_id, **new).stdout
    undone = run(*command.split(), "--undo", **new)
    assert undone.stdout.strip() == "Taken back."
    assert run(*command.split(), "--undo", **new).stdout.strip() == "Nothing had been said about this key."


def test_a_word_about_a_key_that_no_job_has_is_refused(run: Run, emulator: Emulator) -> None:
    refused = run("jobs", "same-account", "12345678", **emulator.environment())
    assert refused.returncode == 2
    assert "No job was bought with the key 12345678" in refused.stderr
    assert "jobs list" in refused.stderr
