"""The disk runs full while a film is joined, for real: there is no half film, what was made is kept, and it says so."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.reliability.disk_space import apart

CHILD = "tests.films.full_disk_child"
IDS = """
import json
import sys
from pathlib import Path

import anyio

from tests.films.place import opened, storyboard
from tests.reliability.disk_space import Tmpfs


async def play(folder: Path) -> None:
    (folder / "board").mkdir()
    disk = Tmpfs(folder / "board", 8)
    async with opened(folder, watch=False) as studio:
        studio.path = folder / "board" / "film.json"
        studio.path.write_text(json.dumps(storyboard()))
        disk.leave(0)
        ids = [await studio.read(), await studio.read()]
        disk.relax()
        ids.append(await studio.read())
        ids.append((folder / "board" / "film.film").read_text().strip())
    print(*ids)


anyio.run(play, Path(sys.argv[1]))
"""
FILES = [f"film-animatic.{ending}" for ending in ("jpg", "mp4", "srt", "vtt")]


def on_disk_of_its_own(*words: str) -> str:
    """Run Python where it may mount file systems that only it sees; what it printed."""
    before = apart()
    if before is None:
        pytest.skip("mounting a file system is not allowed here, not even in a namespace of our own")
    command = [*before, sys.executable, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def test_a_disk_that_runs_full_while_joining_leaves_no_half_film(tmp_path: Path) -> None:
    told = on_disk_of_its_own("-m", CHILD, str(tmp_path))
    first, *full, last = [json.loads(line) for line in told.splitlines()]
    assert len(full) == 4
    for report in (first, *full, last):
        assert (report["jobs"], report["clips"]) == (2, [True, True]), report
    for report in (first, last):
        assert (report["status"], report["problems"], report["files"]) == ("succeeded", [], FILES)
    for report in full:
        assert report["status"] == "stopped", report
        assert report["files"] == [], report
        (problem,) = report["problems"]
        assert problem.startswith("The film was not joined: "), report
        assert "disk is full" in problem or "No space left on device" in problem, report
        assert "space" in problem.lower() or "room" in problem.lower(), report


def test_a_film_keeps_its_id_when_there_is_room_beside_its_document_at_last(tmp_path: Path) -> None:
    told = on_disk_of_its_own("-c", IDS, str(tmp_path))
    ids = told.split()
    assert len(ids) == 4
    assert len(set(ids)) == 1
