"""What happens when a video costs more than the threshold: nobody is there to buy from, so nothing is ever bought."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Run

PAID = {
    "ARK_API_KEY": "not-a-key",
    "SEEDANCE_ARK_BASE_URL": "http://127.0.0.1:9/api/v3",
    "SEEDANCE_CONFIRM_ABOVE_USD": "0.01",
}
WORDS = ("generate", "a red fox", "--provider", "ark", "--model", "seedance-1.0-pro", "--resolution", "480p")


def test_without_a_terminal_a_person_has_to_say_yes_on_the_command_line(run: Run) -> None:
    result = run(*WORDS, **PAID)
    assert result.returncode == 2
    error, hint = result.stderr.splitlines()[-2:]
    assert error.startswith("error [confirmation_required]: ")
    assert "--yes" in hint
    assert "USD" in error


def test_yes_on_the_command_line_is_consent(run: Run) -> None:
    result = run(*WORDS, "--yes", **PAID)
    assert result.returncode == 1
    assert "error [not_sent]: " in result.stderr


def test_strict_means_a_person_at_a_terminal(run: Run) -> None:
    result = run(*WORDS, "--yes", **PAID, SEEDANCE_CONFIRM="strict")
    assert result.returncode == 2
    assert "error [confirmation_required]: " in result.stderr


def test_more_than_max_usd_is_refused(run: Run) -> None:
    result = run(*WORDS, "--yes", "--max-usd", "0.01", **PAID)
    assert result.returncode == 2
    assert "error [budget_exceeded]: " in result.stderr
    assert run("jobs", "list").stdout.strip() == "No jobs yet."


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
@pytest.mark.parametrize(("answer", "code"), [("n", 2), ("", 2), ("y", 1)])
def test_at_a_terminal_the_person_is_asked(
    command_environ: dict[str, str], tmp_path: Path, answer: str, code: int
) -> None:
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "seedance_mcp", *WORDS],
        cwd=tmp_path,
        env={**command_environ, **PAID},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        shown = b""
        while b"[y/N]" not in shown:
            shown += os.read(ours, 4096)
        os.write(ours, f"{answer}\n".encode())
        try:
            while piece := os.read(ours, 4096):
                shown += piece
        except OSError:  # Linux says so when the other side has closed
            pass
        assert process.wait(30) == code
    os.close(ours)
    assert ("Not generated; nothing was spent." in shown.decode()) == (code == 2)
