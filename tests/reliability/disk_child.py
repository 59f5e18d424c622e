"""
Buys on a disk that runs full, in processes of its own: `python -m tests.reliability.disk_child`.

Takes one JSON object on standard input: `method` (`tmpfs` or `file sizes`), `folder`, `environ` of the provider,
`points` as [phase, pages, ending]. Answers with one line of JSON per point, and one for each receipt that was needed.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from seedance_mcp.app import App, open_app
from seedance_mcp.errors import SeedanceError
from seedance_mcp.jobs.buying import preflight, purchase_flow
from seedance_mcp.store.money.ledger import held
from seedance_mcp.types import JobState

from .disk_space import FileSizes, Tmpfs
from .fault_market import catalog, hurry, request, settings
from .forked import Patch
from .waiting import until

PROVIDER = "ark"
ROOM = 1024
"""Pages of the small disk."""

STRUGGLE_SECONDS = 0.6
"""How long a server tries on a full disk before it is killed, or given room again."""

POINT_SECONDS = 100.0
"""What one point may take at most, on a busy machine."""

PHASES = ("opening", "asking", "answered", "following")
"""When the disk runs full: before the server starts, before it is asked, while the purchase is under way, after it."""


class _Notes(logging.Handler):
    """Keeps what the product itself calls unexpected."""

    def __init__(self) -> None:
        super().__init__()
        self.unexpected: list[str] = []
        self.lost = False
        """Not even a receipt could be written: only the provider's list is left."""

    def emit(self, record: logging.LogRecord) -> None:
        self.lost |= "not even the receipt" in record.getMessage()
        if "nobody expected" in record.getMessage():
            self.unexpected.append(logging.Formatter().format(record))


class Point:
    """One point: a state folder, a moment, and so many pages left."""

    def __init__(
        self, order: dict[str, Any], space: Tmpfs | FileSizes, point: list[Any], notes: _Notes
    ) -> None:
        self.phase, self.pages, self.ending = point
        self.home = space.folder / f"{self.phase}-{self.pages}-{self.ending}".replace(" ", "-")
        self._environ = order["environ"]
        self._space = space
        self._notes = notes
        self._said: list[list[str]] = []
        self.asked = request(PROVIDER, prompt=f"a boat, {self.home.name}")

    async def struggle(self) -> None:
        """Run into the full disk; then either die, or get room and go on to the end."""
        if self.phase == "opening":
            self._space.leave(self.pages)
        try:
            async with self._open() as app:
                await self._buy(app)
                self._die()
                self._space.relax()
                await self.finish(app)
        except SeedanceError as error:
            self._said.append([error.code, error.hint])
            self._die()
            self._space.relax()
            await self.resume()

    async def resume(self) -> None:
        """Start again, with room."""
        async with self._open() as app:
            await self.finish(app)

    async def finish(self, app: App) -> None:
        """Ask again, as a user would, wait for everything, and print what there is."""
        await app.generate(self.asked)

        async def all_ended() -> bool:
            return not await app.unfinished()

        with anyio.move_on_after(20):
            await until(all_ended)
        jobs = await app.recent(50)
        counted = [
            await app.installation.store.read(lambda connection, job=job: held(connection, job.id)[0])
            for job in jobs
        ]
        report = {
            "point": [self.phase, self.pages, self.ending],
            "said": self._said,
            "notice": app.notice,
            "unexpected": self._notes.unexpected,
            "jobs": [
                {
                    "state": job.state,
                    "tag": job.tag,
                    "task_id": job.submission.task_id if job.submission else None,
                    "held": micros,
                    "file": bool(job.artifacts and Path(job.artifacts.video_path).is_file()),
                }
                for job, micros in zip(jobs, counted, strict=True)
            ],
        }
        print(json.dumps(report), flush=True)

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[App]:
        async with open_app(settings(self._environ, self.home)) as app:
            app.installation.__dict__["catalog"] = catalog(PROVIDER)
            yield app

    async def _buy(self, app: App) -> None:
        if self.phase == "asking":
            self._space.leave(self.pages)
        try:
            async with anyio.create_task_group() as group:
                if self.phase == "answered":
                    group.start_soon(self._fill, app, "sent_at")
                started = await app.generate(self.asked)
            if self.phase == "following":
                await self._fill(app, "accepted_at")
            await until(partial(self._answer_is_kept, app))
            with anyio.move_on_after(STRUGGLE_SECONDS):
                await app.wait(started.job.id, STRUGGLE_SECONDS)
        except* SeedanceError as errors:
            self._said += [[error.code, error.hint] for error in _leaves(errors)]

    async def _fill(self, app: App, moment: str) -> None:
        async def there() -> bool:
            return any(getattr(job, moment) is not None for job in await app.recent())

        await until(there)
        self._space.leave(self.pages)

    async def _answer_is_kept(self, app: App) -> bool:
        """The provider's answer stands in the database, or else in the receipts, or could not be put anywhere."""
        if all(job.state is not JobState.SENDING for job in await app.recent()):
            return True
        receipts = (self.home / "state" / "receipts").glob("*.receipts")
        if any(path.read_bytes().startswith(b"{") for path in receipts):
            print(json.dumps({"receipt": self.home.name}), flush=True)
            return True
        return self._notes.lost

    def _die(self) -> None:
        if self.ending == "killed":
            os._exit(9)


def _leaves(group: BaseExceptionGroup[SeedanceError]) -> list[SeedanceError]:
    found: list[SeedanceError] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


async def _bounded(work: Any) -> None:
    with anyio.fail_after(POINT_SECONDS):
        await work()


def _in_a_process(work: Any) -> int:
    """Run it in a copy of this process; how that ended."""
    sys.stdout.flush()
    child = os.fork()
    if not child:
        try:
            anyio.run(_bounded, work)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def main() -> None:
    """Play every point."""
    order = json.load(sys.stdin)
    folder = Path(order["folder"])
    space = Tmpfs(folder, ROOM) if order["method"] == "tmpfs" else FileSizes(folder)
    hurry(Patch())
    catalog(PROVIDER)
    preflight._FREE_BYTES = 0  # it would see the disk fill up; here it fills up after it has looked
    purchase_flow._ANSWER_SECONDS = 0.3
    notes = _Notes()
    logging.getLogger("seedance_mcp").addHandler(notes)
    logging.getLogger("seedance_mcp").propagate = False
    for place in order["points"]:
        point = Point(order, space, place, notes)
        point.home.mkdir()
        ended = _in_a_process(point.struggle)
        space.relax()
        if ended == 9:
            ended = _in_a_process(point.resume)
        if ended:
            print(json.dumps({"point": place, "crashed": ended}), flush=True)
        for path in sorted(point.home.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()


if __name__ == "__main__":
    main()
