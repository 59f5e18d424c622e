"""The sweep at the end of a session finds a key wherever a server could have written it, and is not held up."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.sweep import sweep

OTHER = "a-secret-that-the-sweep-of-this-session-does-not-know"
SECRETS = (OTHER.encode(),)


@pytest.mark.parametrize("name", ["server.log", "receipts/one.log", "videos/film.json", "stderr"])
def test_a_key_in_a_file_is_found_and_the_file_named(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\0" * 300_000 + b"Authorization: Bearer " + OTHER.encode() + b"\n" + b"\0" * 300_000)
    (found,) = sweep(tmp_path, SECRETS)
    assert name in found
    assert "Bearer" in found


def test_a_key_at_the_end_of_a_large_film_is_found(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(bytes(2_000_000) + OTHER.encode() + bytes(100))
    assert len(sweep(tmp_path, SECRETS)) == 1


def test_a_key_in_a_database_is_found(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "jobs.db")) as database, database:
        database.execute("CREATE TABLE jobs (document)")
        database.execute("INSERT INTO jobs VALUES (?)", (f'{{"error": "key {OTHER} refused"}}',))
    assert len(sweep(tmp_path, SECRETS)) == 1


def test_settings_that_a_test_wrote_may_hold_a_key(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(f'ark_api_key = "{OTHER}"')
    assert sweep(tmp_path, SECRETS) == []


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such files there")
def test_pipes_links_and_files_of_terabytes_do_not_hold_it_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.log")
    (tmp_path / "zero.log").symlink_to("/dev/zero")
    with (tmp_path / "huge.log").open("wb") as file:
        file.truncate(3_000_000_000_000)
    try:
        assert sweep(tmp_path, SECRETS) == []
    finally:
        (tmp_path / "huge.log").unlink()


def test_a_key_that_is_left_behind_fails_the_run(tmp_path: Path) -> None:
    root = Path(__file__).parents[1]
    (tmp_path / "test_planted.py").write_text(
        "from tests.emulator.server import KEY\n"
        "def test_that_leaves_a_key(tmp_path):\n"
        "    (tmp_path / 'server.log').write_text('Bearer ' + KEY)\n"
    )
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "--rootdir", tmp_path),
            *("--basetemp", tmp_path / "session", tmp_path / "test_planted.py"),
        ],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    (tmp_path / "session/test_that_leaves_a_key0/server.log").unlink()
    assert run.returncode == 1, run.stdout
    assert "test_that_leaves_a_key0/server.log" in run.stdout
    assert "1 passed, 1 error" in run.stdout
