"""A purchase whose answer was lost, in the terminal: the exit code, the words, and what a person found."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest

from tests.emulator import Emulator
from tests.reliability import fault_market as market

from .conftest import Run


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator("runcomfy").threaded() as running:
        yield running


def lose(run: Run, emulator: Emulator) -> tuple[subprocess.CompletedProcess[str], str]:
    """Buy at a provider that cannot be asked, and lose the answer."""
    emulator.fail("lost", "submit")
    model = market.request("runcomfy").model
    assert model
    words = ("a paper boat", "--provider", "runcomfy", "--model", model, "--duration", "5", "--yes")
    result = run("generate", *words, **emulator.environment())
    listed = json.loads(run("jobs", "list", "--json", **emulator.environment()).stdout)
    return result, listed["jobs"][0]["job_id"]


def test_a_lost_answer_ends_with_code_3_and_words_that_promise_no_search(
    run: Run, run_apart: Run, emulator: Emulator
) -> None:
    result, job_id = lose(run, emulator)
    shown = run("jobs", "show", job_id, "--wait", **emulator.environment())
    for said in (result, shown):
        assert (said.returncode, said.stdout) == (3, ""), said.stderr
        assert f"`seedance-mcp jobs resolve {job_id} --task ID`" in said.stderr
        assert "cannot be asked" in said.stderr
        assert "looks for" not in said.stderr
    assert "3 the job has not" in " ".join(run("--help").stdout.split())
    with pytest.raises(subprocess.TimeoutExpired) as late:
        run_apart("watch", "--until-idle", seconds=8, **emulator.environment())
    printed = late.value.stdout
    watched = printed.decode() if isinstance(printed, bytes) else printed or ""
    assert "cannot be asked" in watched
    assert "watched until 10 minutes after the answer was lost" in watched


def test_a_watcher_ends_as_soon_as_a_person_has_said_what_became_of_a_lost_answer(
    run: Run, emulator: Emulator
) -> None:
    _, job_id = lose(run, emulator)
    run("jobs", "resolve", job_id, "--not-bought", **emulator.environment())
    assert run("watch", "--until-idle", **emulator.environment()).returncode == 0


def test_a_task_that_the_provider_does_not_know_is_not_believed(run: Run, emulator: Emulator) -> None:
    _, job_id = lose(run, emulator)
    refused = run("jobs", "resolve", job_id, "--task", "nonsense", **emulator.environment())
    assert refused.returncode == 2
    assert "does not know task nonsense" in refused.stderr
    shown = json.loads(run("jobs", "show", job_id, "--json", **emulator.environment()).stdout)
    assert shown["status"] == "unknown"
    [task] = emulator.ledger.tasks
    found = run("jobs", "resolve", job_id, "--task", task, **emulator.environment())
    assert (found.returncode, "has this task" in found.stdout) == (0, True), found.stderr


def test_a_task_that_nobody_can_be_asked_about_is_taken_and_said_to_be_unchecked(
    run: Run, emulator: Emulator
) -> None:
    _, job_id = lose(run, emulator)
    emulator.fail("status", "poll", status=503, times=None)
    [task] = emulator.ledger.tasks
    taken = run("jobs", "resolve", job_id, "--task", task, **emulator.environment())
    assert (taken.returncode, "could not be asked" in taken.stdout) == (0, True), taken
