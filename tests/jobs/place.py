"""One video that was bought at a provider of this machine: what its job comes to when fetching it goes wrong."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import anyio

from seedance_mcp.app import App
from seedance_mcp.types import Job, JobState
from tests.emulator import Emulator
from tests.reliability.fault_market import catalog, installed, request
from tests.reliability.waiting import until


class Place:
    """A provider, and an installation that has bought one video there."""

    def __init__(self, emulator: Emulator, folder: Path) -> None:
        self.emulator, self.folder, self.job_id = emulator, folder, ""

    @contextlib.asynccontextmanager
    async def open(self, *, brief: bool = False) -> AsyncIterator[App]:
        """`brief`: the time for which the provider keeps the video is over."""
        environ = self.emulator.environment("ark")
        async with installed(environ, self.folder, catalog("ark", brief=brief)) as app:
            if not self.job_id:
                self.job_id = (await app.generate(request("ark"))).job.id
            yield app

    async def when(self, app: App, state: JobState, *, unchecked: int = 0, failures: int = 0) -> Job:
        """Return the job when it is in this state, and so many tries of each kind are counted."""

        async def so() -> bool:
            job = await app.job(self.job_id)
            return job.state is state and job.tries.unchecked >= unchecked and job.tries.failures >= failures

        with anyio.fail_after(60):
            await until(so)
        return await app.job(self.job_id)

    @property
    def downloads(self) -> int:
        """How often the video was asked for."""
        return self.emulator.ledger.count("result")
