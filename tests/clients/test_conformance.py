"""
The protocol's own conformance suite, in both of its lines, against the real server and against one with its fixtures.

What the real server fails and why is in `conformance.toml`. A check that fails and is not there fails the test, and so does
one that is there and passes.
"""

from __future__ import annotations

import json
import re
import socket
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import anyio
import pytest
import uvicorn
from mcp.server import MCPServer

from seedance_mcp.config import load_settings
from seedance_mcp.server import create_server

from .fixture_server import fixture_server
from .packages import node22

pytestmark = pytest.mark.timeout(400)

_DATA = tomllib.loads(Path(__file__).with_name("conformance.toml").read_text(encoding="utf-8"))
PATTERNS = [pattern for entry in _DATA["expected"] for pattern in entry["checks"]]
FIXTURES = set(_DATA["fixture"]["scenarios"])
RUNS = {
    "0.2": ("conformance-0.2", "--suite", "all"),
    "0.2 as of 2025-11-25": ("conformance-0.2", "--requirements", "2025-11-25"),
    "0.1": ("conformance-0.1", "--suite", "all"),
}
"""Every scenario in the newest revision that it knows; in the older era those that this requires; in the released line all."""


@asynccontextmanager
async def _served(server: MCPServer[Any]) -> AsyncIterator[str]:
    """Serve over HTTP on this machine, until the end; the address."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    running = uvicorn.Server(uvicorn.Config(server.streamable_http_app(), log_level="critical"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(running.serve, [listener])
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
        finally:
            running.should_exit = True
            running.force_exit = True


async def _checked(packages: Path, address: str, run: str, folder: Path) -> dict[str, bool]:
    """Play one run; of each check, as `scenario/check`, whether it failed."""
    package, *words = RUNS[run]
    script = packages / "node_modules" / package / "dist" / "index.js"
    command = [node22(packages), str(script), "server", "--url", address, *words, "-o", str(folder)]
    with anyio.fail_after(120):
        await anyio.run_process(command, check=False)
    found: dict[str, bool] = {}
    for file in folder.glob("server-*/checks.json"):
        [scenario] = re.findall(r"^server-(.+)-\d{4}-\d\d-\d\dT", file.parent.name)
        for check in json.loads(file.read_text(encoding="utf-8")):
            if check["status"] in ("SUCCESS", "FAILURE"):
                name = f"{scenario}/{check['id']}"
                found[name] = found.get(name, False) or check["status"] == "FAILURE"
    assert len(found) > 30, "the suite did not run"
    return found


@pytest.mark.parametrize("run", RUNS)
async def test_the_product_fails_only_what_is_expected(
    packages: Path, environ: dict[str, str], tmp_path: Path, run: str
) -> None:
    server = create_server(load_settings(environ, settings_file=tmp_path / "no.toml"))
    async with _served(server) as address:
        checks = await _checked(packages, address, run, tmp_path / "results")
    matches = {pattern: [check for check in checks if fnmatchcase(check, pattern)] for pattern in PATTERNS}
    excused = {check for found in matches.values() for check in found}
    assert [check for check, failed in checks.items() if failed and check not in excused] == []
    better = [
        pattern for pattern, found in matches.items() if found and not any(checks[check] for check in found)
    ]
    assert better == [], "this passes, and conformance.toml says that it fails"
    if run == "0.2":
        assert [check for check in checks if check.startswith("sep-2640-skills-manifest/")]


@pytest.mark.parametrize("run", RUNS)
async def test_what_the_tool_factory_makes_passes(packages: Path, tmp_path: Path, run: str) -> None:
    async with _served(fixture_server()) as address:
        checks = await _checked(packages, address, run, tmp_path / "results")
    wanted = {check: failed for check, failed in checks.items() if check.split("/")[0] in FIXTURES}
    played = {check.split("/")[0] for check in wanted}
    newer = {scenario for scenario in FIXTURES if scenario.startswith(("input-required", "tasks-"))}
    assert played == (FIXTURES if run == "0.2" else FIXTURES - newer)
    assert [check for check, failed in wanted.items() if failed] == []
