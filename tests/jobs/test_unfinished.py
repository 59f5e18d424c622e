"""Which unfinished files are removed: one's own dead processes' at once, those of others only when nobody can be writing."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import anyio
import pytest

from seedance_mcp.app import open_app
from seedance_mcp.config import load_settings
from seedance_mcp.jobs.local_files.parts import part_path
from seedance_mcp.jobs.local_files.unfinished import Leftovers, Writer, unfinished_file, writer_of
from seedance_mcp.store.database import open_store

HERE, ELSEWHERE = "a" * 16, "b" * 16
ONE, TWO, DEAD = "1" * 16, "2" * 16, "d" * 16
JOB = "job_AbCdEfGhIjKlMnOpQrStUv"
DAY, HOUR = 86_400.0, 3600.0
WRITER = Writer(installation=HERE, instance=ONE, alive=lambda instance: instance != DEAD)

STRANGERS = (
    f"{JOB}.{ELSEWHERE}.{DEAD}.part",
    f"{JOB}.{DEAD}.part",
    f"{JOB}.ab_12xyz.json.part",
    f".{DEAD}.unfinished",
    f".{ELSEWHERE}.{DEAD}.01234567.unfinished",
)
"""What another installation left, or an earlier version."""


class World:
    """A folder, and two clocks that can be set; times of files are the system's own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.ahead = self.up = 0.0
        self.leftovers = Leftovers(
            folder, WRITER, clock=lambda: time.time() + self.ahead, uptime=lambda: self.up
        )

    def put(self, *names: str, content: bytes = b"x") -> None:
        for name in names:
            (self.folder / name).write_bytes(content)

    def passes(self, seconds: float) -> None:
        """Let time go by on both clocks."""
        self.ahead += seconds
        self.up += seconds

    @property
    def names(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}


@pytest.fixture
def world(output_dir: Path) -> World:
    return World(output_dir)


def test_what_the_dead_of_this_installation_left_goes_at_once_and_nothing_else(world: World) -> None:
    gone = {
        f"{JOB}.{HERE}.{DEAD}.part",
        f"{JOB}.{HERE}.{DEAD}.part.json",
        f"job_{'-' * 22}.{HERE}.{DEAD}.part",
        f"job_{'n' * 22}.{HERE}.{DEAD}.part.json",
        f".{HERE}.{DEAD}.01234567.unfinished",
    }
    stays = {
        f"{JOB}.{HERE}.{ONE}.part",
        f"{JOB}.{HERE}.{ONE}.part.json",
        f"{JOB}.{HERE}.{TWO}.part",
        f".{HERE}.{TWO}.01234567.unfinished",
        f"{JOB}.{HERE}.{DEAD}.mp4",
        f"{JOB}.{HERE}.{DEAD}.part.bak",
        f"x{JOB}.{HERE}.{DEAD}.part",
        f"{JOB}.{HERE}.short.part",
        f"{HERE}.{DEAD}.part",
        f".{HERE}.{DEAD}.unfinished",
        "holiday.part",
        "holiday.json.part",
        ".holiday.unfinished",
        "clip.mp4",
        "clip.json",
        *STRANGERS,
    }
    world.put(*gone, *stays)
    (world.folder / f"job_{'f' * 22}.{HERE}.{DEAD}.part").mkdir()
    assert world.leftovers.sweep() == len(gone)
    assert {path.name for path in world.folder.iterdir() if path.is_file()} == stays
    assert world.leftovers.sweep() == 0


def test_what_others_left_goes_when_it_is_old_and_was_watched_for_an_hour(world: World) -> None:
    world.put(*STRANGERS, f"{STRANGERS[0]}.json", "holiday.part")
    world.passes(30 * DAY - HOUR)
    assert world.leftovers.sweep() == 0
    world.passes(HOUR)
    assert world.leftovers.sweep() == len(STRANGERS) + 1
    assert world.names == {"holiday.part"}


def test_a_clock_that_was_set_forward_removes_nothing_of_others(world: World) -> None:
    world.put(*STRANGERS)
    world.ahead = 365 * DAY
    for _ in range(3):
        assert world.leftovers.sweep() == 0
        world.passes(HOUR / 4)
    assert world.names == set(STRANGERS)


def test_a_file_that_changes_is_being_written_however_old_it_looks(world: World) -> None:
    name = STRANGERS[0]
    world.put(name)
    world.ahead = 365 * DAY
    for size in range(2, 12):
        assert world.leftovers.sweep() == 0
        world.passes(HOUR - 1)
        world.put(name, content=b"x" * size)
    assert world.names == {name}


def test_a_note_stays_as_long_as_its_part(world: World) -> None:
    """The note is written once, at the beginning; the part grows."""
    part = STRANGERS[0]
    world.put(f"{part}.json")
    world.ahead = 365 * DAY
    world.leftovers.sweep()
    world.passes(2 * HOUR)
    world.put(part)
    assert world.leftovers.sweep() == 0
    assert world.names == {part, f"{part}.json"}


@pytest.mark.parametrize("seconds", [0.0, -1.0, 4_000_000_000.0])
def test_a_time_that_lies_removes_nothing_that_is_not_old(world: World, seconds: float) -> None:
    """A synchronising program sets the time of the original; other file systems show none, or one to come."""
    world.put(*STRANGERS)
    for name in STRANGERS:
        os.utime(world.folder / name, (seconds, seconds))
    for _ in range(30):
        assert world.leftovers.sweep() == 0
        world.passes(HOUR)
    assert world.names == set(STRANGERS)


def test_a_file_that_vanishes_and_a_folder_that_is_not_there_are_nothing_to_sweep(tmp_path: Path) -> None:
    assert World(tmp_path / "a").leftovers.sweep() == 0
    nowhere = Leftovers(tmp_path / "none", WRITER, clock=time.time, uptime=time.monotonic)
    assert nowhere.sweep() == 0


@pytest.mark.skipif(os.name != "posix", reason="Windows lets few make links")
def test_a_link_is_no_leftover(world: World, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("keep me")
    (world.folder / f"{JOB}.{HERE}.{DEAD}.part").symlink_to(precious)
    assert world.leftovers.sweep() == 0
    assert len(world.names) == 1


def test_two_installations_leave_each_others_downloads_alone(tmp_path: Path, output_dir: Path) -> None:
    """Neither knows the processes of the other, so to each the other's look dead."""
    output_dir.mkdir()
    stores = [open_store(tmp_path / name) for name in ("one", "other")]
    try:
        assert len({store.installation for store in stores}) == 2
        for store in stores:
            part_path(output_dir, JOB, writer_of(store)).write_bytes(b"half")
            unfinished_file(output_dir, writer_of(store)).write_bytes(b"half")
        assert len(list(output_dir.iterdir())) == 4
        for store in stores:
            leftovers = Leftovers(output_dir, writer_of(store), clock=store.clock, uptime=store.uptime)
            assert leftovers.sweep() == 0
            assert part_path(output_dir, JOB, writer_of(store)).read_bytes() == b"half"
        assert len(list(output_dir.iterdir())) == 4
    finally:
        for store in stores:
            store.close()


def test_an_installation_is_the_same_at_every_start_and_a_copy_is_another(tmp_path: Path) -> None:
    seen = list[str]()
    for _ in range(2):
        store = open_store(tmp_path / "state")
        seen.append(store.installation)
        store.close()
    shutil.copytree(tmp_path / "state", tmp_path / "copy")
    copy = open_store(tmp_path / "copy")
    copy.close()
    assert seen[0] == seen[1] != copy.installation
    assert len(copy.installation) == 16


def test_what_a_process_of_the_same_installation_left_is_taken_over_after_its_death(
    tmp_path: Path, output_dir: Path
) -> None:
    output_dir.mkdir()
    first = open_store(tmp_path / "state")
    part_path(output_dir, JOB, writer_of(first)).write_bytes(b"half")
    note = part_path(output_dir, JOB, writer_of(first))
    note.with_name(f"{note.name}.json").write_text("{}")
    second = open_store(tmp_path / "state")
    assert not part_path(output_dir, JOB, writer_of(second)).exists()
    first.close()
    assert part_path(output_dir, JOB, writer_of(second)).read_bytes() == b"half"
    second.close()


async def test_a_running_server_removes_its_own_dead_ones_part_and_leaves_a_strangers(
    environ: dict[str, str], tmp_path: Path, output_dir: Path
) -> None:
    settings = load_settings(environ, settings_file=tmp_path / "none.toml")
    store = open_store(settings.state_dir)
    store.close()
    output_dir.mkdir()
    own = output_dir / f"{JOB}.{store.installation}.{DEAD}.part"
    for path in (own, *(output_dir / name for name in STRANGERS)):
        path.write_bytes(b"half")
        os.utime(path, (0, 0))
    with anyio.fail_after(30):
        async with open_app(settings):
            while own.exists():  # noqa: ASYNC110  a folder rings no bell
                await anyio.sleep(0.02)
    assert {path.name for path in output_dir.iterdir()} == set(STRANGERS)
