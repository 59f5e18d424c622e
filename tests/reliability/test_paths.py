"""No hostile path gets a byte of what lies outside to a provider, into an answer or into the database."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import pytest
from pydantic import ValidationError

from seedance_mcp.app import App, open_app
from seedance_mcp.config import Settings
from seedance_mcp.errors import MediaError, SeedanceError
from seedance_mcp.types import PurchaseTerms, VideoRequest
from tests.emulator import Emulator
from tests.media.crafting import picture

from .fault_market import settings

if sys.platform == "win32":
    pytest.skip("these paths are POSIX paths", allow_module_level=True)

from .paths_files import write_files
from .paths_hostile import GROUPS, OPENED
from .paths_world import World, build

LONG_AGO = 1_000_000_000
HUGE = 1_000_000_000
CODES = {"media", "invalid_request"}


@dataclass
class Trial:
    """One installation beside a world of secrets, with every way in for a path; `wrong` is what it did wrong."""

    world: World
    app: App
    emulator: Emulator
    wrong: list[str] = field(default_factory=list[str])

    def _ways(self, source: str) -> dict[str, Callable[[], Awaitable[object]]]:
        def bought(provider: str) -> Callable[[], Awaitable[object]]:
            return lambda: self.app.generate(
                VideoRequest.model_validate(
                    {"prompt": "a boat", "provider": provider, "first_frame": source}
                ),
                PurchaseTerms(confirmed=True),
            )

        ways = {"upload": lambda: self.app.upload(source), "ark": bought("ark"), "sandbox": bought("sandbox")}
        if "job" not in source:  # which may name a video to look at
            ways["view"] = lambda: self.app.viewing.view(source)
        return ways

    async def attempt(self, source: str, *names: str) -> None:
        """Try a path in these ways (default: all), and judge the refusals."""
        codes = CODES | {"job_not_found"} if source.startswith("job:") else CODES
        # A request trims its fields: what is hostile by a blank at its end is another path there.
        trimmed = {"ark", "sandbox"} if not source or source != source.strip() else set[str]()
        for name in names or [name for name in self._ways(source) if name not in trimmed]:
            shown = f"{name} {source[:200]!r}"
            try:
                with anyio.fail_after(20):
                    answer = await self._ways(source)[name]()
            except SeedanceError as error:
                told = f"{error.message} {error.hint}"
                if error.code not in codes:
                    self.wrong.append(f"{shown}: {error.code}: {told[:300]}")
                for private in (self.world.outside, self.world.home, self.world.state):
                    if str(private) in told and str(private) not in os.path.normpath(source):
                        self.wrong.append(f"{shown} tells of {private}: {told[:500]}")
                if not error.hint:
                    self.wrong.append(f"{shown}: no hint in {told[:300]}")
            except ValidationError:
                pass  # too long, or no text at all: such a request cannot even be written
            except Exception as error:
                self.wrong.append(f"{shown}: {type(error).__name__}: {error}"[:600])
            else:
                self.wrong.append(f"{shown} was taken: {answer}"[:600])

    async def judge(self) -> None:
        """Nothing was sent, kept, or read."""
        sent = [call.target for call in self.emulator.ledger.calls]
        assert sent == []
        jobs = [job for job in await self.app.recent(100) if job.request.first_frame]
        assert self.wrong == [], "\n".join(self.wrong)
        assert jobs == []


def secret_files(world: World) -> list[Path]:
    places = (world.outside, world.home, world.root / "allowed-evil")
    found = [
        path for place in places for path in place.rglob("*") if path.is_file() and not path.is_symlink()
    ]
    return [*found, world.state / "picture.png"]


@contextmanager
def unread(paths: list[Path], control: Path) -> Generator[None]:
    """No process reads these files; told by their times of access, where the file system keeps them."""
    for path in (*paths, control):
        os.utime(path, (LONG_AGO, path.stat().st_mtime))
    yield
    touched = [path for path in paths if path.stat().st_atime != LONG_AGO]
    control.read_bytes()
    if control.stat().st_atime != LONG_AGO:
        assert touched == []


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    world = build(tmp_path.resolve() / "w")
    monkeypatch.setenv("HOME", str(world.home))
    monkeypatch.chdir(world.root)
    yield world
    for path in world.allowed.rglob("*"):
        if path.is_file() and path.stat().st_size > HUGE:
            path.unlink()  # whoever looks through the folders of a test would never come to its end


@contextmanager
def mounted(source: Path, place: Path) -> Generator[None]:
    """Mount a folder at a second place, where that is possible."""
    place.mkdir()
    done = False
    with suppress(OSError):
        done = not subprocess.run(
            ["mount", "--bind", source, place], capture_output=True, timeout=20
        ).returncode
    try:
        yield
    finally:
        if done:
            subprocess.run(["umount", "--lazy", place], check=True, capture_output=True, timeout=20)


async def _job(app: App) -> str:
    started = await app.generate(
        VideoRequest.model_validate(
            {"prompt": "a boat", "provider": "sandbox", "resolution": "480p", "duration": 4}
        )
    )
    job = await app.wait(started.job.id, 30)
    assert job.status == "succeeded"
    return job.id


def test_there_are_enough_of_them() -> None:
    paths = [*(path for group in GROUPS.values() for path in group), *OPENED]
    assert len(set(paths)) == len(paths)
    assert len(paths) >= 300


@pytest.mark.parametrize("group", GROUPS)
async def test_a_hostile_path_is_refused_and_nothing_is_read(group: str, world: World) -> None:
    async with Emulator("ark") as emulator, open_app(installation(world, emulator)) as app:
        trial = Trial(world, app, emulator)
        database = world.allowed / "sub/deep/hard-link-to-database.png"
        database.hardlink_to(world.state / "jobs.db")
        secret, good = (os.open(path, os.O_RDONLY) for path in (world.secret, world.allowed / "good.png"))
        (world.allowed / "by-descriptor.png").symlink_to(f"/proc/self/fd/{secret}")
        (world.allowed / "by-own-descriptor.png").symlink_to(f"/dev/fd/{secret}")
        names: dict[str, object] = {"fd": secret, "good": good, "pid": os.getpid()}
        if group == "ids":
            names["job"] = await _job(app)
        try:
            with (
                mounted(world.state, world.allowed / "mounted"),
                unread(secret_files(world), world.allowed / "frame001.png"),
            ):
                for path in GROUPS[group]:
                    await trial.attempt(world.named(path, **names))
        finally:
            os.close(secret)
            os.close(good)
        await trial.judge()


async def test_a_file_that_is_no_media_leads_nowhere_else(world: World) -> None:
    write_files(world.allowed, world.secret)
    async with Emulator("ark") as emulator, open_app(installation(world, emulator)) as app:
        trial = Trial(world, app, emulator)
        with unread(secret_files(world), world.allowed / "frame001.png"):
            for number, path in enumerate(OPENED):
                await trial.attempt(world.named(path), ("upload", "ark")[number % 2])
        await trial.judge()


def _linked(target: str) -> Callable[[Path, World], None]:
    return lambda path, world: path.symlink_to(world.named(target))


def _hard_linked(target: str) -> Callable[[Path, World], None]:
    return lambda path, world: path.hardlink_to(world.named(target))


def _parent_linked(path: Path, world: World) -> None:
    twin = world.outside / path.parent.name
    picture(twin / path.name, (640, 480))
    path.parent.rmdir()
    path.parent.symlink_to(twin)


def _sparse(path: Path, _: World) -> None:
    with path.open("wb") as file:
        file.truncate(3_000_000_000_000)


BECOMES: dict[str, Callable[[Path, World], object]] = {
    "a link to a secret": _linked("{outside}/secret.png"),
    "a link to a link": _linked("{allowed}/link-to-secret.png"),
    "a link to itself": _linked("cat.png"),
    "a link to nothing": _linked("{outside}/nothing.png"),
    "a link into the state folder": _linked("{state}/picture.png"),
    "a link to a hidden picture": _linked("{allowed}/.hidden.png"),
    "a link to a device": _linked("/dev/zero"),
    "a link to an open descriptor": _linked("/proc/self/fd/0"),
    "a link to another picture": _linked("{allowed}/red.png"),
    "another name of a file of the state": _hard_linked("{state}/picture.png"),
    "another name of the job database": _hard_linked("{state}/jobs.db"),
    "another picture": lambda path, _: picture(path, (640, 480), "blue"),
    "in a folder that is a link": _parent_linked,
    "a pipe": lambda path, _: os.mkfifo(path),
    "a folder": lambda path, _: path.mkdir(),
    "empty": lambda path, _: path.touch(),
    "text": lambda path, _: path.write_text("no picture"),
    "three terabytes of nothing": _sparse,
    "gone": lambda path, _: None,
}
"""What a file that was checked and kept may have become when it is used."""


async def test_a_file_that_has_become_something_else_is_not_used(world: World) -> None:
    picture(world.allowed / "red.png", (640, 480), "green")
    async with Emulator("ark") as emulator, open_app(installation(world, emulator)) as app:
        trial = Trial(world, app, emulator)
        for number, (name, become) in enumerate(BECOMES.items()):
            path = picture(world.allowed / f"kept{number}" / "cat.png", (640, 480))
            kept = (await app.upload(str(path))).media_id
            path.unlink()
            become(path, world)
            with unread(secret_files(world), world.allowed / "frame001.png"):
                await trial.attempt(kept, "ark", "sandbox")
            assert trial.wrong == [], name
        await trial.judge()


async def test_the_video_of_a_job_that_has_become_a_link_is_not_looked_at(world: World) -> None:
    async with Emulator("ark") as emulator, open_app(installation(world, emulator)) as app:
        trial = Trial(world, app, emulator)
        job = await app.job(await _job(app))
        assert job.artifacts
        video = Path(job.artifacts.video_path)
        private = world.outside / "private.mp4"
        video.rename(private)
        for picture_of in video.parent.glob("*.png"):
            picture_of.unlink()
        video.symlink_to(private)
        with unread(secret_files(world), world.allowed / "frame001.png"):
            for source in (f"job:{job.id}", f"job:{job.id}/last_frame"):
                await trial.attempt(source, "upload", "ark", "sandbox")
            with pytest.raises(MediaError):
                await app.viewing.view(job.id)
            assert await app.videos.preview(job) is None
        await trial.judge()


def installation(world: World, emulator: Emulator) -> Settings:
    return settings(
        {
            **emulator.environment(),
            "SEEDANCE_STATE_DIR": str(world.state),
            "SEEDANCE_OUTPUT_DIR": str(world.allowed / "videos"),
            "SEEDANCE_MEDIA_DIRS": str(world.allowed),
            "SEEDANCE_PREVIEW": "0",
        },
        world.root,
    )
