"""The state folder or its database is removed or replaced under a running server: it says so, and buys nothing."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from mcp import Client

from seedance_mcp.config import load_settings
from seedance_mcp.server import create_server
from tests.emulator import Emulator

from .asking import SMALL, refusal
from .conftest import Era

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows lets nobody remove what a program has open"
)


def _database(state: Path) -> None:
    for path in state.glob("jobs.db*"):
        path.unlink()


def _another_database(state: Path) -> None:
    copy = state / "copy.db"
    shutil.copyfile(state / "jobs.db", copy)
    copy.replace(state / "jobs.db")


MISHAPS: dict[str, tuple[Callable[[Path], object], str]] = {
    "folder removed": (shutil.rmtree, "was removed while the server was running"),
    "folder renamed": (
        lambda state: state.rename(state.with_name("elsewhere")),
        "was removed while the server was running",
    ),
    "database removed": (_database, "was removed while the server was running"),
    "database put back from a copy": (_another_database, "was replaced by another file"),
}


@pytest.mark.parametrize("mishap", MISHAPS)
async def test_a_state_that_was_removed_under_the_server_is_named_and_nothing_is_bought(
    environ: dict[str, str], tmp_path: Path, era: Era, mishap: str
) -> None:
    remove, words = MISHAPS[mishap]
    with anyio.fail_after(40):
        async with Emulator("ark") as emulator:
            given = {**environ, **emulator.environment(), "SEEDANCE_CONFIRM": "off"}
            settings = load_settings(given, settings_file=tmp_path / "no.toml")
            async with Client(create_server(settings), mode=era) as client:
                await client.call_tool("check_status", {})
                remove(settings.state_dir)
                asked = {**SMALL, "provider": "ark", "wait_seconds": 0}
                for tool, arguments in (("generate_video", asked), ("check_status", {})):
                    said = refusal(await client.call_tool(tool, arguments))
                    assert said["code"] == "store"
                    assert words in said["message"]
                    assert "restart the server" in said["hint"]
                    assert said["retryable"] is False
            assert not emulator.ledger.count("submit")
