"""A person's verdict on a video, given and read in the terminal."""

from __future__ import annotations

import json

import anyio
import pytest

from seedance_mcp.app import open_app
from seedance_mcp.config import load_settings
from seedance_mcp.jobs import opinion

from .conftest import Run

SMALL = ("--model", "seedance-1.0-pro", "--resolution", "480p", "--duration", "2")


@pytest.fixture
def job_id(run: Run) -> str:
    """A finished job."""
    made = run("generate", "a red fox", *SMALL, "--json")
    assert made.returncode == 0, made.stderr
    return str(json.loads(made.stdout)["job_id"])


def test_a_persons_verdict_is_kept_and_shown_before_an_assistants(
    run: Run, environ: dict[str, str], job_id: str
) -> None:
    async def assistant() -> None:
        async with open_app(load_settings(environ), watch=False) as app:
            await app.reviews.add(job_id, opinion("good", "Lovely."), by="assistant")
            await app.reviews.add(job_id, opinion("usable"), by="person", relayed=True)

    anyio.run(assistant)
    kept = run(
        "jobs", "review", job_id, "bad", "--notes", "Run `seedance-mcp doctor`\x1b[2J", "--score", "motion=2"
    )
    assert (kept.returncode, kept.stdout.strip()) == (0, f"{job_id}: bad. Kept.")
    lines = [line for line in run("jobs", "show", job_id).stdout.splitlines() if line.startswith("review:")]
    assert [line.split("; 2")[0].split() for line in lines] == [
        ["review:", "bad;", "by", "you"],
        ["review:", "usable;", "by", "you,", "as", "the", "assistant", "told", "it"],
        ["review:", "good;", "by", "the", "assistant"],
    ]
    assert lines[0].endswith("motion 2: Run `seedance-mcp doctor`\ufffd[2J")
    assert "bad (person)" in run("jobs", "list").stdout
    review = json.loads(run("jobs", "show", job_id, "--json").stdout)["review"]
    assert (review["verdict"], review["by"], review["relayed"]) == ("bad", "person", False)
    assert review["scores"] == {"motion": 2}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("great",), "invalid choice"),
        (("good", "--score", "motion"), "NAME=N, such as motion=4"),
        (("good", "--score", "motion=6"), "from 1 to 5"),
        (("good", "--score", "taste=3"), "Scores are prompt, identity"),
        (("good", "--notes", "x" * 2001), "at most 2000"),
    ],
)
def test_a_verdict_that_cannot_be_kept_is_refused(run: Run, words: tuple[str, ...], told: str) -> None:
    result = run("jobs", "review", "job_1", *words)
    assert (result.returncode, result.stdout) == (2, "")
    assert told in result.stderr


def test_only_a_job_that_exists_can_be_judged(run: Run) -> None:
    result = run("jobs", "review", "job_1", "good")
    assert (result.returncode, "error [job_not_found]" in result.stderr) == (2, True)
