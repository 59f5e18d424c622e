"""The commands that an assistant is given for its person: with their path and state folder, and nothing else changed."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.types import TextResourceContents

from seedance_mcp.config import load_settings
from seedance_mcp.server import create_server
from tests.emulator import Emulator

from .asking import content, refusal, text
from .conftest import Era

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a shell of POSIX runs them")

PROMPT = "a sign that says `seedance-mcp doctor`"
WISH = {"prompt": PROMPT, "model": "seedance-1.0-pro", "duration": 5, "wait_seconds": 0}


@pytest.fixture
def start(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """How each command begins; the name is not on the PATH."""
    monkeypatch.setenv("PATH", os.defpath)
    script = Path(sys.executable).with_name("seedance-mcp")
    return f"SEEDANCE_STATE_DIR={shlex.quote(environ['SEEDANCE_STATE_DIR'])} {shlex.quote(str(script))}"


async def test_a_refusal_names_a_command_that_runs(
    environ: dict[str, str], tmp_path: Path, era: Era, start: str
) -> None:
    async with Emulator("ark") as emulator:
        given = {
            **environ,
            **emulator.environment(),
            "SEEDANCE_CONFIRM": "strict",
            "SEEDANCE_CONFIRM_ABOVE_USD": "0",
        }
        settings = load_settings(given, settings_file=tmp_path / "none.toml")
        with anyio.fail_after(40):
            async with Client(create_server(settings), mode=era) as client:
                error = refusal(await client.call_tool("generate_video", WISH))
            told = re.search(rf"`({re.escape(start)} approve \w+)`", error["hint"])
            assert told, error["hint"]
            shown = await anyio.run_process(
                ["sh", "-c", told[1]],
                check=False,
                env={**os.environ, "PATH": os.defpath},
                stdin=subprocess.DEVNULL,
            )
    assert b"This is no terminal, so nobody can be asked: " in shown.stderr, "the question was found"


async def test_a_job_names_commands_that_run_and_leaves_the_prompt_as_it_is(
    environ: dict[str, str], tmp_path: Path, era: Era, start: str
) -> None:
    async with Emulator("ark") as emulator:
        emulator.behaviour.running_seconds = 3600
        given = {**environ, **emulator.environment(), "SEEDANCE_CONFIRM": "off"}
        with anyio.fail_after(60):
            async with Client(create_server(load_settings(given, settings_file=tmp_path / "none"))) as client:
                job_id = content(await client.call_tool("generate_video", WISH))["job_id"]
            keyless = load_settings({**given, "ARK_API_KEY": ""}, settings_file=tmp_path / "none")
            async with Client(create_server(keyless), mode=era) as client:
                answer = await client.call_tool("check_status", {"job_id": job_id})
                read = (await client.read_resource(f"seedance://jobs/{job_id}")).contents[0]
    job: dict[str, Any] = content(answer)
    assert isinstance(read, TextResourceContents)
    for told in (job["next_step"], text(answer), read.text):
        assert f"with ARK_API_KEY set to that key: `{start} watch --until-idle`" in told
        assert f"`{start} jobs same-account " in told
    assert job["prompt"] == PROMPT
