"""An installation in which one thing goes wrong: the real server before a client, a provider on this machine, real files."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.types import CallToolResult, TextContent

from seedance_mcp import app as app_module
from seedance_mcp.app import App, open_app
from seedance_mcp.cli.doctor.checkup import examine
from seedance_mcp.config import Settings
from seedance_mcp.jobs import watcher
from seedance_mcp.server import create_server
from seedance_mcp.types import JobState
from tests.emulator import Behaviour, Emulator

from .fault_market import NO_LIMIT, hurry, request, settings
from .waiting import until

PATIENCE = 40.0
"""Seconds that anything may take here at most, on a slow machine."""

RELAY = """
[providers.relay]
like = "ark"
title = "Relay"
base_url = "https://relay.example/api/v3"
key_variables = ["RELAY_KEY"]
key_page = "https://relay.example/keys"
verified = 2026-11-20
sources = ["https://relay.example/docs"]
"""


@dataclass
class Scene:
    """
    The installation in `folder`, and the provider `emulator` that it buys from.

    `variables` are settings beside the usual ones; `app` and `client` are there while the server runs.
    """

    folder: Path
    emulator: Emulator
    patch: pytest.MonkeyPatch
    variables: dict[str, str] = field(default_factory=dict)
    relay: bool = False
    app: App | None = None
    client: Client | None = None

    @property
    def settings(self) -> Settings:
        """The settings as they are now."""
        overlay = self.folder / "catalog.toml"
        lines = "\n".join(f"limits.{kind} = {NO_LIMIT}" for kind in ("submit", "read", "list"))
        quiet = f"[providers.ark]\nnet_max_seconds = 0.3\nlist_lag_seconds = 0.3\n{lines}\n"
        overlay.write_text(quiet + (RELAY if self.relay else ""), encoding="utf-8")
        environ = {
            **self.emulator.environment("ark"),
            "SEEDANCE_CATALOG": str(overlay),
            "SEEDANCE_RELAY_BASE_URL": self.emulator.base_url("ark"),
            "RELAY_KEY": self.emulator.key,
            **self.variables,
        }
        return settings(environ, self.folder)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Run the server, with a client before it, from when its app is open."""
        is_open = anyio.Event()

        @contextlib.asynccontextmanager
        async def opened(*given: Any, **named: Any) -> AsyncIterator[App]:
            async with open_app(*given, **named) as app:
                self.app = app
                is_open.set()
                yield app

        self.patch.setattr(app_module, "open_app", opened)
        async with Client(create_server(self.settings), mode="auto") as client:
            self.client = client
            with anyio.fail_after(10):
                await is_open.wait()
            yield
        self.app = self.client = None

    @contextlib.asynccontextmanager
    async def earlier(self) -> AsyncIterator[App]:
        """An installation that ran before, and has ended when the server starts."""
        async with open_app(self.settings, watch=True) as app:
            yield app

    async def start(self, prompt: str, **fields: Any) -> str:
        """Ask the server for a video; its job."""
        wish = request("ark", prompt=prompt, **fields).model_dump(exclude_none=True, exclude_defaults=True)
        shown = await self._call("generate_video", {**wish, "wait_seconds": 0})
        assert not shown.is_error, text(shown)
        assert shown.structured_content
        return shown.structured_content["job_id"]

    async def delivered(self, job_id: str) -> None:
        """Wait until the server says that the job's video is there, and see that it is."""
        shown = await self._call("check_status", {"job_id": job_id, "wait_seconds": PATIENCE})
        assert not shown.is_error, text(shown)
        assert shown.structured_content
        assert shown.structured_content["status"] == "succeeded", text(shown)
        assert Path(shown.structured_content["video_path"]).is_file()

    async def state(self, job_id: str, state: JobState) -> None:
        """Wait until the job is there."""
        app = self.app
        assert app

        async def there() -> bool:
            return (await app.job(job_id)).state is state

        await until(there)

    async def says(self, words: str, job_id: str | None) -> None:
        """Wait until `check_status` of a job, or of all, says these words."""

        async def said() -> bool:
            return words in text(await self._call("check_status", {"job_id": job_id, "wait_seconds": 0}))

        await until(said)

    async def doctor_says(self, words: str) -> None:
        """See that `doctor` warns with these words."""
        findings = [finding async for finding in examine(self.settings, network=False)]
        warned = [f"{one.text} {one.hint}" for one in findings if one.verdict in ("warning", "problem")]
        assert any(words in warning for warning in warned), warned

    def execute(self, statement: str, *values: Any) -> None:
        """Change the database behind everybody's back."""
        with contextlib.closing(sqlite3.connect(self.folder / "state" / "jobs.db")) as connection, connection:
            connection.execute(statement, values)

    async def _call(self, tool: str, arguments: dict[str, Any]) -> CallToolResult:
        assert self.client
        given = {name: value for name, value in arguments.items() if value is not None}
        shown = await self.client.call_tool(tool, given)
        assert isinstance(shown, CallToolResult)
        return shown


def text(shown: CallToolResult) -> str:
    """What a client reads that looks at text alone."""
    return "\n".join(block.text for block in shown.content if isinstance(block, TextContent))


@contextlib.asynccontextmanager
async def scene(folder: Path, patch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    """An installation and its provider, that wait for nothing."""
    hurry(patch)
    patch.setattr(watcher, "_RESCAN_SECONDS", 0.2)
    patch.setattr(watcher, "_LATE_SECONDS", 0.2)
    with anyio.fail_after(2 * PATIENCE):
        async with Emulator("ark", behaviour=Behaviour()) as emulator:
            yield Scene(folder=folder, emulator=emulator, patch=patch)
