"""Settings that are wrong: the server starts all the same, and every tool says what is wrong."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from .process import INITIALIZED, Server, call, initialize, request, serving

NAMELESS = ("unshare", "--user", "--map-user=54321", "--")
"""Runs a command for a user that no database knows; whose files these are stays as it is."""


async def _open(server: Server) -> None:
    await server.ask(initialize())
    await server.send(INITIALIZED)


async def told(environ: dict[str, str], folder: Path, *, before: Sequence[str] = ()) -> tuple[str, str]:
    """What a tool of a real server answers, in words, and what the server says on stderr."""
    async with serving(environ, folder, before=before) as server:
        await _open(server)
        tools = await server.ask(request(2, "tools/list"))
        assert len(tools["result"]["tools"]) == 10
        answers: list[Any] = [
            await server.ask(call(number, tool, arguments))
            for number, (tool, arguments) in enumerate(
                [("list_models", {}), ("check_status", {}), ("generate_video", {"prompt": "a fox"})], start=3
            )
        ]
        await server.stdin.aclose()
        await server.rest()
    words = {answer["result"]["content"][0]["text"] for answer in answers}
    assert len(words) == 1, "every tool answers with the same reason"
    assert all(answer["result"]["isError"] for answer in answers)
    return words.pop(), server.stderr.decode()


def file_of_settings(folder: Path) -> Path:
    """Where the server looks for its settings file in this test."""
    if sys.platform == "win32":
        return folder / "home" / "AppData" / "Local" / "seedance-mcp" / "config.toml"
    part = "Library/Application Support" if sys.platform == "darwin" else ".config"
    return folder / "home" / part / "seedance-mcp" / "config.toml"


async def test_a_server_with_wrong_settings_starts_and_tells_all_of_them(
    environ: dict[str, str], tmp_path: Path
) -> None:
    wrong = {
        "SEEDANCE_STATE_DIR": "${workspaceFolder}/state",
        "SEEDANCE_MAX_USD_PER_DAY": "nan",
        "SEEDANCE_ARK_BASE_URL": "http://canary-4711@relay.example",
        "SEEDANCE_S3_SECRET_ACCESS_KEY": "canary 4711",
    }
    words, log = await told({**environ, **wrong}, tmp_path)
    assert words.startswith("Error (config): ")
    for name in wrong:
        assert name in words
        assert name in log
    assert "canary" not in words + log
    assert not [path for path in tmp_path.rglob("*") if "workspaceFolder" in path.name]


@pytest.mark.skipif(sys.platform == "win32", reason="the settings file lies elsewhere")
async def test_a_settings_file_in_utf_16_is_told(environ: dict[str, str], tmp_path: Path) -> None:
    file = file_of_settings(tmp_path)
    file.parent.mkdir(parents=True)
    file.write_bytes('SEEDANCE_MAX_USD_PER_DAY = "2"\n'.encode("utf-16"))
    words, _ = await told(environ, tmp_path)
    assert str(file) in words
    assert "UTF-8" in words


@pytest.mark.skipif(sys.platform == "win32", reason="the settings file lies elsewhere")
async def test_a_settings_file_with_a_byte_order_mark_is_read(
    environ: dict[str, str], tmp_path: Path
) -> None:
    file = file_of_settings(tmp_path)
    file.parent.mkdir(parents=True)
    file.write_text('SEEDANCE_MAX_USD_PER_DAY = "2"\n', encoding="utf-8-sig")
    async with serving(environ, tmp_path) as server:
        await _open(server)
        answer = await server.ask(call(2, "check_status", {}))
    assert answer["result"]["structuredContent"]["budget"]["left_today_usd"] == "2"


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> Sequence[str]:
    """A user without a name and without a home; skips the test where there can be none."""
    if shutil.which(NAMELESS[0]) is None or subprocess.run([*NAMELESS, "true"], check=False).returncode:
        pytest.skip("no user without a name can be had here")
    monkeypatch.delenv("HOME")
    return NAMELESS


async def test_without_a_home_the_folders_that_have_no_default_are_told(
    environ: dict[str, str], tmp_path: Path, nobody: Sequence[str]
) -> None:
    given = {name: value for name, value in environ.items() if not name.endswith("_DIR")}
    words, _ = await told(given, tmp_path, before=nobody)
    assert "SEEDANCE_OUTPUT_DIR" in words
    assert "SEEDANCE_STATE_DIR" in words
    assert "home folder" in words
    assert [path.name for path in tmp_path.iterdir()] == ["home"], "nothing is made in the working folder"


async def test_without_a_home_a_server_whose_folders_are_set_works(
    environ: dict[str, str], tmp_path: Path, nobody: Sequence[str]
) -> None:
    async with serving(environ, tmp_path, before=nobody) as server:
        await _open(server)
        arguments = {"prompt": "a fox", "resolution": "480p", "duration": 4, "wait_seconds": 50}
        answer = await server.ask(call(2, "generate_video", arguments))
    assert answer["result"]["structuredContent"]["status"] == "succeeded"
