"""A purchase whose answer was lost, on a machine whose clocks can be set, and what its provider's list says about it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio

from seedance_mcp.store import Store
from seedance_mcp.store.machine import machine_time
from seedance_mcp.types import Job, JobState
from tests.emulator import Behaviour

from .fault_market import Shop, opened, request
from .waiting import until


@dataclass
class Machine:
    """A server whose purchase has lost its answer, and whose looks at the list fail for now."""

    shop: Shop
    job_id: str

    @property
    def store(self) -> Store:
        return self.shop.app.installation.store

    def set_clock(self, ahead: float) -> None:
        """Set the clock on the wall: so far ahead of the true time."""
        self.store.clock = lambda: time.time() + ahead

    def sleep(self, seconds: float) -> None:
        """The machine was asleep for so long: the provider's clock has gone on, and what counts sleep as well."""
        self.shop.emulator.behaviour.clock_apart += seconds
        self.store.running = lambda: machine_time.running() + seconds

    def stop_the_quiet_period(self) -> None:
        """Let no time pass for it."""
        shown = self.store.uptime()
        self.store.uptime = lambda: shown

    def restart(self) -> None:
        """The machine was started anew, and nobody can tell how long it was off."""
        self.store.start = "another start"

    async def job(self) -> Job:
        return await self.shop.app.job(self.job_id)

    async def asked(self, times: int) -> None:
        """See so many whole lists more than now, none of them lost."""
        calls = self.shop.emulator.ledger.calls
        before = sum(call.name == "list" and call.fault is None for call in calls)

        async def often() -> bool:
            return sum(call.name == "list" and call.fault is None for call in calls) >= before + times

        await until(often)

    async def ends(self, *states: JobState) -> Job:
        async def there() -> bool:
            return (await self.job()).state in states

        await until(there)
        return await self.job()


@asynccontextmanager
async def lost(
    name: str, folder: Path, *, ahead: float = 0.0, bought: bool = True, impatient: bool = False
) -> AsyncIterator[Machine]:
    """Buy with a clock so far ahead; the answer is lost, and the list cannot be had until the faults are cleared."""
    with anyio.fail_after(40):
        async with opened(name, folder, Behaviour(), impatient=impatient) as shop:
            shop.app.installation.store.clock = lambda: time.time() + ahead
            shop.emulator.fail("lost", "submit", accepted=bought)
            shop.emulator.fail("lost", "list", times=None)
            started = await shop.app.generate(request(name))
            machine = Machine(shop, started.job.id)
            await machine.ends(JobState.UNKNOWN)
            yield machine
