"""Words that no terminal should act on, and bytes that are none, in the command line and in what it prints."""

from __future__ import annotations

import json
import os
import sys
import unicodedata

import pytest

from .conftest import Run

SMALL = ("--model", "seedance-1.0-pro", "--resolution", "480p", "--duration", "2")
PROMPT = "a \x1b[31mred\x1b[0m fox \x1b]0;title\x07\x9b2J\u202e\u200b 界 😀 é"


def hidden(text: str) -> set[str]:
    """Characters that a terminal acts on or does not show."""
    return {letter for letter in text if unicodedata.category(letter)[0] == "C" and letter != "\n"}


def test_a_job_is_listed_and_shown_without_anything_that_a_terminal_acts_on(run: Run) -> None:
    made = run("generate", PROMPT, *SMALL, "--json")
    assert made.returncode == 0, made.stderr
    job = json.loads(made.stdout)
    assert job["prompt"] == PROMPT
    for words in (
        ("jobs", "list"),
        ("jobs", "list", "--json"),
        ("jobs", "show", job["job_id"]),
        ("jobs", "show", job["job_id"], "--json"),
        ("jobs", "show", job["job_id"], "--refund-note"),
        ("watch", "--until-idle"),
    ):
        result = run(*words)
        assert result.returncode == 0, result.stderr
        assert hidden(result.stdout + result.stderr) == set(), words
    assert "fox" in run("jobs", "list").stdout


def test_a_terminal_of_ascii_alone_gets_all_of_the_json_and_most_of_the_words(run_apart: Run) -> None:
    made = run_apart("generate", PROMPT, *SMALL, "--json", PYTHONIOENCODING="ascii")
    assert made.returncode == 0, made.stderr
    job = json.loads(made.stdout)
    assert job["prompt"] == PROMPT
    listed = run_apart("jobs", "list", "--json", PYTHONIOENCODING="ascii")
    shown = run_apart("jobs", "show", job["job_id"], PYTHONIOENCODING="ascii")
    assert listed.stdout.isascii()
    assert json.loads(listed.stdout)["jobs"][0]["prompt"] == PROMPT
    assert (shown.returncode, shown.stdout.isascii()) == (0, True)
    assert "fox" in shown.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="arguments of bytes")
@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("generate", "a f\udcffx"), "prompt"),
        (("estimate", "a fox", "--model", "\udcff"), "model"),
        (("estimate", "a fox", "--reference-images", "a.png", "--reference-images", "\udcff"), "reference_images[1]"),
        (("estimate", "a fox", "--provider-options", "a=\udcff"), "provider_options[0]"),
        (("generate", "a fox", "--request-key", "12345678\udcff"), "--request-key"),
        (("jobs", "show", "job_\udcff"), "job_id"),
        (("view", "\udcff.mp4"), "source[0]"),
        (("view", "a.mp4", "--out", "\udcff.jpg"), "out"),
        (("approve", "\udcff"), "code"),
    ],
)  # fmt: skip
def test_bytes_that_are_no_text_are_refused_by_the_name_of_the_argument(
    run: Run, words: tuple[str, ...], named: str
) -> None:
    result = run(*words)
    assert (result.returncode, result.stdout) == (2, "")
    assert f"error [invalid_request]: {named} has half of a surrogate pair" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("NaN", "provider_options.a must be a finite number"),
        ("-1e400", "provider_options.a must be a finite number"),
        ("9" * 5000, "provider_options.a must be a finite number"),
        ('{"b": ["\\u0000"]}', "provider_options.a.b[0] has a NUL character"),
        ('"\\ud800"', "provider_options.a has half of a surrogate pair"),
    ],
)
def test_a_value_that_cannot_be_sent_is_refused_by_the_name_of_its_place(
    run: Run, value: str, told: str
) -> None:
    result = run("generate", "a fox", *SMALL, "--provider-options", f"a={value}")
    assert (result.returncode, result.stdout) == (2, "")
    assert told in result.stderr
    assert "Traceback" not in result.stderr
    assert run("jobs", "list").stdout.strip() == "No jobs yet."


@pytest.mark.skipif(sys.platform != "linux", reason="names of variables of bytes")
def test_the_check_up_tells_of_a_setting_whose_name_commands_a_terminal(run: Run) -> None:
    for name in ("SEEDANCE_MAX_\x1b[31m", os.fsdecode(b"SEEDANCE_MAX_\xff")):
        for words in (("doctor", "--offline"), ("doctor", "--offline", "--json"), ("jobs", "list")):
            result = run(*words, **{name: "1"})
            assert hidden(result.stdout + result.stderr) == set(), (words, name)
            assert "Traceback" not in result.stderr
