"""The disk runs full while a film is joined, for real: there is no half film, what was made is kept, and it says so."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.reliability.disk_space import apart

CHILD = "tests.films.full_disk_child"
FILES = [f"film-animatic.{ending}" for ending in ("jpg", "mp4", "srt", "vtt")]


def test_a_disk_that_runs_full_while_joining_leaves_no_half_film(tmp_path: Path) -> None:
    before = apart()
    if before is None:
        pytest.skip("mounting a file system is not allowed here, not even in a namespace of our own")
    done = subprocess.run(
        [*before, sys.executable, "-m", CHILD, str(tmp_path)],
        capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    first, *full, last = [json.loads(line) for line in done.stdout.splitlines()]
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
