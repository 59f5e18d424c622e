"""
Lives that can be ended at any moment: `python -m tests.reliability.kill_child` forks them and says how they ended.

Reads one JSON object a line: what to buy where, and at which named point to be killed or stopped. Forking from a process
that has imported everything and opened nothing makes a life cost milliseconds. A life with `input` is the real server with
these lines on its stdin, until a line says whose stdin is to be closed. What a server leaves behind is forked here, too,
so it is nobody's child but this process's, and told of before the server's end is.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

import anyio

import seedance_mcp.app as app_module
from seedance_mcp.app import App, open_app
from seedance_mcp.catalog import Catalog
from seedance_mcp.config import load_settings
from seedance_mcp.errors import SeedanceError, StoreError
from seedance_mcp.jobs import JobRunner, watcher
from seedance_mcp.types import JobState, JobStatus, PurchaseTerms, VideoRequest

from . import fault_market as market
from . import film_life, film_points
from . import kill_commands as commands
from .forked import Patch, import_what_lives_need, live
from .kill_points import install

T = TypeVar("T")

PATIENCE_SECONDS = 150.0
RESCAN_SECONDS = 1.0
TIDY_SECONDS = 30.0


def main() -> None:
    """Fork a life for each line; answer with its process id, and with its end."""
    import_what_lives_need()
    with tempfile.TemporaryDirectory() as folder:
        commands.import_what_commands_need(Path(folder))
    gc.freeze()
    lives = _Lives()
    buffered = b""
    while True:
        ready, _, _ = select.select([0, lives.asked], [], [], 0.01)
        if 0 in ready:
            chunk = os.read(0, 65_536)
            if not chunk:
                break
            *lines, buffered = (buffered + chunk).split(b"\n")
            for line in lines:
                lives.told(json.loads(line))
        lives.look()
    lives.kill()


class _Lives:
    """The lives that were forked, the stdin of those that are servers, and the pipe on which these ask for more."""

    def __init__(self) -> None:
        self.asked, self._asking = os.pipe()
        os.set_blocking(self.asked, False)
        self._buffered = b""
        self._running: dict[int, int] = {}
        self._plans: dict[int, dict[str, Any]] = {}
        self._stdin: dict[int, int] = {}
        self._left = 0

    def told(self, line: dict[str, Any]) -> None:
        """Begin a life, or close the stdin of one."""
        if "close" in line:
            self._close(line["close"])
            return
        number = line["number"]
        self._plans[number] = line
        _say(number=number, pid=self._fork(number, line, _words_of(line)))

    def _fork(self, number: int, life: dict[str, Any], words: Sequence[str] | None) -> int:
        known = _catalog(Path(life["catalog"]))
        reading = None
        if words == ():
            reading, self._stdin[number] = os.pipe()
            os.write(self._stdin[number], "".join(f"{line}\n" for line in life["input"]).encode())
        pid = os.fork()
        if not pid:
            for descriptor in self._stdin.values():
                os.close(descriptor)
            folder = Path(life["folder"])
            told = partial(_told, reading, folder, partial(_life, life, folder, known, words, self._asking))
            live(folder, told)
        if reading is not None:
            os.close(reading)
        self._running[pid] = number
        return pid

    def look(self) -> None:
        """Fork what was asked for, and say who has ended: after what it has left, because it asked for that before."""
        ended: dict[int, int] = {}
        for pid in list(self._running):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                ended[pid] = os.waitstatus_to_exitcode(status)
        self._leave()
        for pid, code in ended.items():
            number = self._running.pop(pid)
            self._close(number)
            _say(number=number, ended=code)

    def _leave(self) -> None:
        try:
            self._buffered += os.read(self.asked, 65_536)
        except BlockingIOError:
            return
        *lines, self._buffered = self._buffered.split(b"\n")
        for line in lines:
            asked = json.loads(line)
            plan = self._plans[asked["by"]]
            fates: list[dict[str, Any]] = plan.get("fates", [])
            life = {**plan, "point": None, **(fates.pop(0) if fates else {})}
            self._left -= 1
            pid = self._fork(self._left, life, asked["words"])
            _say(number=self._left, pid=pid, by=asked["by"], words=" ".join(asked["words"]))

    def _close(self, number: int) -> None:
        if (descriptor := self._stdin.pop(number, None)) is not None:
            os.close(descriptor)

    def kill(self) -> None:
        """End them all."""
        for pid in self._running:
            os.kill(pid, signal.SIGKILL)


def _say(**fields: int | str) -> None:
    os.write(1, json.dumps(fields).encode() + b"\n")


@cache
def _catalog(overlay: Path) -> Catalog:
    return Catalog.load(overlay)


def _words_of(life: dict[str, Any]) -> Sequence[str] | None:
    """The words of its command line, none for the server; None: no command, but an app that buys by itself."""
    return () if "input" in life else life.get("words")


def _told(reading: int | None, folder: Path, life: Callable[[], int]) -> int:
    """Live with this pipe as stdin, and with the answers in a file."""
    if reading is not None:
        os.dup2(reading, 0)
        answers = os.open(folder / "answers.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(answers, 1)
    return life()


def _life(
    life: dict[str, Any], folder: Path, known: Catalog, words: Sequence[str] | None, asking: int
) -> int:
    market.hurry(Patch())
    commands.hurry()
    commands.ask_for_what_is_left(life["number"], asking)
    watcher._RESCAN_SECONDS = RESCAN_SECONDS
    if not life.get("leases", True):
        app_module.JobRunner = partial(JobRunner, leases=False)  # type: ignore[assignment,misc]
    reached = os.open(folder / "reached.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    counts: dict[str, int] = {}
    install(partial(_reached, life, counts, reached))
    if "film" in life:
        film_points.install(partial(_reached, life, counts, reached))
    if words is not None:
        return commands.run_command(words, life, folder, known)
    if "film" in life:
        return anyio.run(film_life.film, life, folder, known)
    return anyio.run(_buy, life, folder, known)


def _reached(life: dict[str, Any], counts: dict[str, int], log: int, name: str) -> None:
    counts[name] = counts.get(name, 0) + 1
    if name != life.get("point") or counts[name] != life.get("nth", 1):
        return
    os.write(log, f"{name}\n".encode())
    os.kill(os.getpid(), signal.SIGSTOP if life.get("stop") else signal.SIGKILL)


async def _buy(life: dict[str, Any], folder: Path, known: Catalog) -> int:
    """Ask for every order until its video is here, as a client does that never gives up; 0 when all are."""
    settings = load_settings(life["environ"], settings_file=folder / "none.toml")
    with anyio.move_on_after(PATIENCE_SECONDS):
        async with open_app(settings) as app:
            app.installation.__dict__["catalog"] = known
            for job_id, task_id in life.get("resolve", {}).items():
                await app.installation.resolve(job_id, task_id)
            async with anyio.create_task_group() as group:
                for order in life["orders"]:
                    group.start_soon(_insist, app, VideoRequest.model_validate(order))
                for asked in life.get("sets", ()):
                    group.start_soon(_insist_on_set, app, asked)
            while await _once_readable(app.unfinished):  # noqa: ASYNC110  the database rings no bell
                await anyio.sleep(0.05)
            if life.get("tidies"):
                await _tidied(folder / "videos")
            return 0
    return 71


async def _tidied(videos: Path) -> None:
    """Stay until the server has removed what dead processes left, which it does after its start, or does not."""
    with anyio.move_on_after(TIDY_SECONDS):
        while list(videos.rglob("*.part")):  # noqa: ASYNC110
            await anyio.sleep(0.05)


async def _once_readable(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask until the database can be read: a process that was stopped may hold it for longer than anybody waits."""
    while True:
        try:
            return await ask()
        except StoreError as error:
            print(f"{error.code}: {error.message}")
            await anyio.sleep(0.1)


async def _insist(app: App, order: VideoRequest) -> None:
    while True:
        try:
            started = await app.generate(order)
        except SeedanceError as error:
            print(f"{error.code}: {error.message}")
            # Where the provider did not say its price just now, it is unknown: nothing is bought, so it is asked again.
            if not error.retryable and error.code not in ("store", "budget_exceeded"):
                raise
            await anyio.sleep(0.1)
            continue
        job = await _once_readable(partial(app.wait, started.job.id, PATIENCE_SECONDS))
        if job.status is JobStatus.SUCCEEDED or job.state is JobState.UNRESOLVED:
            return
        print(f"{job.id}: {job.state} {job.error_code}: {job.error}")


async def _insist_on_set(app: App, asked: dict[str, Any]) -> None:
    """Ask for a set by its key until every video of it is here."""
    order = VideoRequest.model_validate(asked["order"])
    terms = PurchaseTerms(request_key=asked["key"], variations=asked["count"])
    while True:
        try:
            started = await app.generate(order, terms)
        except SeedanceError as error:
            print(f"{error.code}: {error.message}")
            if not error.retryable and error.code not in ("store", "budget_exceeded"):
                raise
            await anyio.sleep(0.1)
            continue
        assert started.videos
        found = await _once_readable(partial(app.sets.wait, started.videos.id, PATIENCE_SECONDS, None))
        if all(job.status is JobStatus.SUCCEEDED for job in found.jobs):
            return
        print(f"{found.id}: {[job.state for job in found.jobs]}")


if __name__ == "__main__":
    main()
