"""Films of workers, of which some are killed or stopped at named points: each film is made once, whoever makes it."""

from __future__ import annotations

import contextlib
import hashlib
import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import anyio

from seedance_mcp.films import Film
from seedance_mcp.types import PurchaseTerms
from tests.emulator.s3_objects import ObjectStorage
from tests.emulator.s3_objects import running as storing
from tests.films.place import storyboard
from tests.reliability.film_points import POINTS, WORKERS_POINTS
from tests.reliability.kill_judge import prompt_of
from tests.reliability.kill_zygote import Life

from .server import Server
from .worker_kill import PATIENCE_SECONDS, Play, playing

_MOST_ORDERS = 3
_NOT_THEIRS = ("plan", "order")
ALL = tuple(point for point in (*POINTS, *WORKERS_POINTS) if not point.endswith(_NOT_THEIRS))
"""The points that a worker gets to that makes a film."""


class FilmPlay:
    """A database, a provider, an object store and a replica; workers with one output folder for all."""

    def __init__(self, play: Play, storage: ObjectStorage) -> None:
        self.play, self.storage = play, storage
        self.videos = play.team.folder / "videos"
        self.films: list[str] = []
        self._workers = 0

    async def order(self) -> str:
        """Order a film of two shots."""
        number, films = len(self.films), self.play.replica.films
        shots = [{"id": name, "seconds": 2, "prompt": f"a boat named {name} of {number}"} for name in "ab"]
        film_id = (await films.take(storyboard(*shots), None)).id
        await films.make(film_id, (await films.plan(film_id)).token, PurchaseTerms())
        self.films.append(film_id)
        self.play.outcome.videos += len(shots)
        return film_id

    async def work(self, **plan: object) -> Life:
        """Start a worker on a machine of its own; `plan` as in `worker_child`."""
        self._workers += 1
        name = f"worker-{self._workers}"
        environ = self.play.team.environ(
            name, SEEDANCE_OUTPUT_DIR=str(self.videos), **self.storage.environment()
        )
        return await self.play.source.start(
            words=["work"], environ=environ, folder=str(self.play.team.folder / name), hurried=True, **plan
        )

    async def stopped_at(self, point: str) -> Life:
        """Start a worker that stops at a point, and wait until it has."""
        life = await self.work(point=point, stop=True)
        reached = self.play.team.folder / f"worker-{self._workers}" / "reached.txt"
        with anyio.fail_after(PATIENCE_SECONDS):
            while not (reached.exists() and reached.read_text()):  # noqa: ASYNC110  no other process rings a bell here
                await anyio.sleep(0.02)
        return life

    async def killed_at(self, point: str) -> None:
        """Let a worker be killed at a point."""
        life = await self.work(point=point)
        with anyio.fail_after(PATIENCE_SECONDS):
            await life.over.wait()
        assert life.facts["ended"] == -signal.SIGKILL, point
        self.play.outcome.kills += 1

    async def ended(self, film_id: str) -> Film:
        """Wait until a film is there; a shot that was proved not to be bought is ordered anew, as whoever wants it does."""
        films = self.play.replica.films
        film = await films.wait(film_id, PATIENCE_SECONDS)
        for _ in range(_MOST_ORDERS):
            if film.status != "stopped" or film.problems:
                break
            await films.make(film_id, (await films.plan(film_id)).token, PurchaseTerms())
            film = await films.wait(film_id, PATIENCE_SECONDS)
        return film

    def judge(self, film: Film) -> None:
        """See that a film is there once: in the folder of all, and in the object store."""
        say = self.play.outcome.violations.append
        if film.status != "succeeded" or film.problems or film.cut is None:
            say(f"{film.id} is {film.status}: {film.problems}")
            return
        for file in film.cut.files:
            (path,) = [*self.videos.rglob(file.name)] or [Path("/nowhere")]
            held = [one.body for name, one in self.storage.objects.items() if name.endswith(f"/{file.name}")]
            bodies = [path.read_bytes() if path.is_file() else b"", *held]
            if [hashlib.sha256(body).hexdigest() for body in bodies] != [file.sha256] * 2:
                say(f"{file.name} is not there, or is another file")

    def left(self, film: Film) -> set[str]:
        """Name the films that lie in the folder of one, and in the object store, beside the one that it is."""
        assert film.cut is not None
        stored = {name.rpartition("/")[2] for name in self.storage.objects if film.id in name}
        found = {
            path.name for path in self.videos.rglob("film-*.mp4") if film.id in path.parent.name
        } | stored
        return {name for name in found if name.endswith(".mp4")} - {film.cut.files[0].name}


@contextlib.asynccontextmanager
async def film_playing(server: Server, folder: Path) -> AsyncIterator[FilmPlay]:
    """Play in this folder; judged at the end."""
    async with storing(ObjectStorage()) as storage, playing(server, folder) as play:
        played = FilmPlay(play, storage)
        yield played
        made = Counter(prompt_of(task.body) for task in play.team.emulator.tasks.values())
        if len(made) != 2 * len(played.films):
            play.outcome.violations.append(f"{len(made)} shots were bought for {len(played.films)} films")
