"""Settings that are wrong, in the terminal: told plainly, all at once, and the check-up goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Run

WRONG = {
    "SEEDANCE_STATE_DIR": "$HOME/state",
    "SEEDANCE_CONFIRM": "maybe",
    "SEEDANCE_FAL_BASE_URL": "https://x.example?canary-4711",
}


@pytest.mark.parametrize(
    "words",
    [("estimate", "a fox"), ("generate", "a fox"), ("models",), ("jobs", "list"), ("watch", "--until-idle")],
)
def test_a_command_says_what_is_wrong_and_ends_with_2(
    run: Run, words: tuple[str, ...], tmp_path: Path
) -> None:
    result = run(*words, **WRONG)
    assert (result.returncode, result.stdout) == (2, "")
    *errors, hint = result.stderr.splitlines()
    assert [line.partition(": ")[0] for line in errors] == ["error [config]"] * 3
    assert [name for name in WRONG if name not in result.stderr] == []
    assert hint.startswith("hint: ")
    assert "canary" not in result.stderr
    assert not (tmp_path / "$HOME").exists()


def test_the_check_up_lists_everything_that_is_wrong_and_goes_on(run: Run, tmp_path: Path) -> None:
    result = run("doctor", "--json", "--offline", ATLASCLOUD_API_KEY="two words", **WRONG)
    answer = json.loads(result.stdout)
    verdicts = {one["subject"]: one["verdict"] for one in answer["findings"]}
    assert (result.returncode, answer["able"]) == (1, False)
    for name in WRONG:
        assert verdicts[name] == "problem"
        assert name in answer["conclusion"]
    assert verdicts["atlas"] == "problem"
    assert "atlas" not in answer["conclusion"], "its key stops that provider alone"
    assert verdicts["video tools"] == "ok"
    assert verdicts["output folder"] == "ok"
    assert verdicts["sandbox"] == "ok"
    assert "state folder" not in verdicts, "what is wrong is told once"
    assert "job database" not in verdicts, "it must not look at another one than the server would"
    assert "canary" not in result.stdout + result.stderr
