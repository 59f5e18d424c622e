"""A new file is whole or not there, and what processes that died have left is removed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from seedance_mcp.config import NewFile, write_whole


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "home")


def test_a_file_takes_the_place_of_another_only_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "film.srt"
    target.write_bytes(b"earlier")
    with NewFile(target) as file:
        file.write(b"new")
        assert target.read_bytes() == b"earlier"
        file.write(b" and whole")
        file.name_it()
    assert target.read_bytes() == b"new and whole"
    assert names(tmp_path) == ["film.srt"]


def test_what_is_not_finished_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "made" / "film.srt"
    with NewFile(target) as file:
        file.write(b"half")
    assert names(target.parent) == []


@pytest.mark.skipif(sys.platform == "win32", reason="it keeps open files from being removed by itself")
def test_what_the_dead_have_left_is_removed_and_not_what_is_being_made(tmp_path: Path) -> None:
    import fcntl

    dead, living, other = (
        tmp_path / f".{name}.unfinished" for name in ("film.srt.1", "film.srt.2", "film.vtt.1")
    )
    for path in (dead, living, other):
        path.write_bytes(b"half")
    with living.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        write_whole(tmp_path / "film.srt", b"whole")
    assert names(tmp_path) == sorted([living.name, other.name, "film.srt"])
