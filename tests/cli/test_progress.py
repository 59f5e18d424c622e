"""What a person sees while a video is made."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from seedance_mcp.cli.progress import progress_bar

from .terminal import at_terminal

STEPS = [(step / 20, f"Rendering {step * 5}%, {step} s of usually 20 s") for step in range(21)]
SCRIPT = f"""
import anyio
from seedance_mcp.cli.progress import progress_bar

async def main():
    async with progress_bar("seedance-2.0") as show:
        for fraction, message in {STEPS!r}:
            await show(fraction, message)

anyio.run(main)
"""


async def test_without_a_terminal_there_are_a_few_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    async with progress_bar("seedance-2.0") as show:
        await show(0.0, "Queued at sandbox, 0 s")
        for fraction, message in STEPS:
            await show(fraction, message)
        await show(1.0, "Succeeded after 20 s")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "seedance-2.0   0%  Queued at sandbox, 0 s"
    assert lines[-1] == "seedance-2.0 100%  Succeeded after 20 s"
    assert len(lines) < 9
    assert "\r" not in "".join(lines)


async def test_an_error_comes_out_of_the_bar_as_it_is() -> None:
    with pytest.raises(LookupError, match="lost"):
        async with progress_bar("seedance-2.0"):
            raise LookupError("lost")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
def test_in_a_terminal_there_is_one_bar_that_fills(tmp_path: Path) -> None:
    ended, text = at_terminal([sys.executable, "-c", SCRIPT], [], folder=tmp_path, environ=os.environ)
    assert ended == 0
    assert text.count("\n") == 1
    assert "  0% |" in text
    assert "100% |" in text
    assert "Rendering 100%, 20 s of" in text
