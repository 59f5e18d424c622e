"""Joins a film on a disk of its own that runs full, and tells what lies there each time; `test_full_disk` starts it."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import anyio

from seedance_mcp.films import Film
from seedance_mcp.films.film import folder_of
from tests.reliability.disk_space import PAGE, Tmpfs

from .place import Studio, opened, shot, storyboard

PAGES = 4096
SHOTS = (shot("a", says=[{"text": "Come home."}]), shot("b"))


def told(film: Film, room: int | None) -> str:
    """What came of joining, with room for so many pages (None: enough), and what lies in the film's folder."""
    folder = folder_of(film)
    made = [state.job.artifacts for state in film.shots if state.job and state.job.artifacts]
    facts = {
        "room": room,
        "status": film.status,
        "problems": film.problems,
        "files": sorted(path.name for path in folder.iterdir()) if folder.is_dir() else [],
        "jobs": len(film.jobs),
        "clips": [
            hashlib.sha256(Path(one.video_path).read_bytes()).hexdigest() == one.sha256 for one in made
        ],
    }
    return json.dumps(facts)


async def joined(studio: Studio, title: str) -> Film:
    """Have the film joined under another title, and so in another folder: its shots are there."""
    film_id = await studio.read(storyboard(*SHOTS, title=title))
    return await studio.make(film_id, await studio.app.films.plan(film_id, "animatic"))


async def main(home: Path) -> None:
    videos = home / "videos"
    videos.mkdir()
    disk = Tmpfs(videos, PAGES)
    async with opened(home) as studio:
        film = await joined(studio, "Room for all")
        print(told(film, None), flush=True)
        assert film.film_path
        needed = -(-Path(film.film_path).stat().st_size // PAGE)
        for room in (0, 1, needed // 2, needed - 1):
            disk.leave(room)
            film = await joined(studio, f"Room for {room}")
            print(told(film, room), flush=True)
            disk.relax()
        print(told(await joined(studio, f"Room for {needed - 1}"), None), flush=True)


anyio.run(main, Path(sys.argv[1]))
