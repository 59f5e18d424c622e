"""Jobs that were bought with another key, in the terminal: whose they are, and a person's word that it is one account."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator

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
def job_id(run: Run, begin: Callable[..., None], emulator: Emulator) -> str:
    """A job that the provider works at, bought with the first key."""
    begin(*WISH, **emulator.environment())
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
        expected = 3 if waited else 1 if "cancel" in words else 0
        assert result.returncode == expected, (words, result.stderr)
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
    assert "1 such job is open" in said.stdout
    assert OURS in said.stdout
    assert run("watch", "--until-idle", **new).returncode == 0
    assert "succeeded" in run("jobs", "show", job_id, **new).stdout
    undone = run(*command.split(), "--undo", **new)
    assert undone.stdout.strip() == "Taken back."
    assert run(*command.split(), "--undo", **new).stdout.strip() == "Nothing had been said about this key."


def test_the_message_about_another_key_names_a_command_that_goes_on_with_the_first(
    run: Run, emulator: Emulator, job_id: str
) -> None:
    [task] = emulator.ledger.tasks
    emulator.ledger.force(task, "succeeded")
    waits = run("jobs", "show", job_id, **emulator.environment(key=THEIRS)).stdout
    told = re.search(r"with ARK_API_KEY set to that key: `seedance-mcp ([^`]*)`", waits)
    assert told, waits
    assert run(*told[1].split(), **emulator.environment()).returncode == 0
    assert "succeeded" in run("jobs", "show", job_id, **emulator.environment()).stdout


def test_cancelling_what_the_provider_does_not_stop_ends_with_code_1(
    run: Run, emulator: Emulator, job_id: str
) -> None:
    for words in (("jobs", "cancel", job_id), ("jobs", "cancel", job_id, "--json")):
        refused = run(*words, **emulator.environment())
        assert refused.returncode == 1, refused.stdout
        assert "cancels only tasks that wait in its queue" in refused.stdout + refused.stderr
        assert f"jobs show {job_id}` tells how it goes on" in refused.stdout + refused.stderr


def test_a_word_about_a_key_that_no_job_has_is_refused(run: Run, emulator: Emulator) -> None:
    refused = run("jobs", "same-account", "12345678", **emulator.environment())
    assert refused.returncode == 2
    assert "No job was bought with the key 12345678" in refused.stderr
    assert "jobs list" in refused.stderr
