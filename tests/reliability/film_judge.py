"""What may not have come of a film, whatever died while it was made: the installation compared with the provider's ledger."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from seedance_mcp.store import unbalanced_days
from seedance_mcp.store.database_file import SqliteConnection
from tests.emulator.ledger import Task

from .film_life import SHOTS

BUSY_SECONDS = 60.0


@contextlib.contextmanager
def _database(folder: Path) -> Iterator[SqliteConnection]:
    with contextlib.closing(
        sqlite3.connect(folder / "state" / "jobs.db", timeout=BUSY_SECONDS, factory=SqliteConnection)
    ) as database:
        yield database


def money(folder: Path) -> tuple[int, int]:
    """What all orders of an installation may cost, and what counts now by ledger and holds together, in micro-USD."""
    if not (folder / "state" / "jobs.db").exists():
        return 0, 0
    with _database(folder) as database:
        (agreed,) = database.execute("SELECT COALESCE(SUM(usd_micros), 0) FROM takes").fetchone()
        (spent,) = database.execute("SELECT COALESCE(SUM(usd_micros), 0) FROM ledger").fetchone()
        (held,) = database.execute(
            "SELECT COALESCE(SUM(COALESCE(left_micros, usd_micros)), 0) FROM takes JOIN film_orders USING (film_id, plan)"
            " WHERE ended_at IS NULL AND job_id IS NULL"
        ).fetchone()
    return agreed, spent + held


def judge(folder: Path, tasks: Sequence[Task], outcome: Any, say: Callable[[str], None]) -> None:
    """Compare an installation whose film is finished with what the provider took; what is wrong goes into the outcome."""
    with _database(folder) as database:
        jobs = {
            row[0]: json.loads(row[1]) for row in database.execute("SELECT id, document FROM jobs").fetchall()
        }
        rows = database.execute(
            "SELECT shot, number, request_key, job_id FROM takes ORDER BY shot, number"
        ).fetchall()
        keys = dict(database.execute("SELECT job_id, key FROM key_jobs").fetchall())
        orders = [row[0] for row in database.execute("SELECT ended FROM film_orders ORDER BY seq")]
        states = {row[0] for row in database.execute("SELECT DISTINCT to_state FROM events")}
        verdict = database.execute("PRAGMA integrity_check").fetchone()[0]
        unbalanced = unbalanced_days(database)
    outcome.shots += len(tasks)
    owners = Counter(job["submission"]["task_id"] for job in jobs.values() if job.get("submission"))
    bought = Counter(
        keys.get(job_id)
        for job_id, job in jobs.items()
        if job["state"] not in ("not_sent", "rejected", "absent")
    )
    outcome.double += max(0, len(tasks) - len(SHOTS)) + sum(max(0, count - 1) for count in bought.values())
    if len(tasks) != len(SHOTS):
        say(f"{len(tasks)} purchases of {len(SHOTS)} shots")
    if any(owners[task.id] != 1 for task in tasks):
        say(f"the tasks belong to {[owners[task.id] for task in tasks]} jobs")
    made = {shot: jobs.get(job_id) for shot, _, _, job_id in rows}
    for shot, number, key, job_id in rows:
        job = jobs.get(job_id)
        given_up = job is None or job["state"] == "absent"
        # Another take is due only to one that was proved not to be bought, or whose order had ended before it was.
        if number < max(taken for name, taken, *_ in rows if name == shot) and not given_up:
            say(f"shot {shot} was bought anew though its take {number} is {job and job['state']}")
        if not given_up and (bought[key] != 1 or keys.get(job_id) != key):
            say(f"shot {shot} has {bought[key]} jobs by its key")
    if orders[-1:] != ["done"] or set(orders) - {"done", "stopped"}:
        say(f"its orders ended {orders}")
    if len(orders) > 1 and not states & {"absent", "unresolved"}:
        say(f"{len(orders)} orders though nothing was refused")
    lost = [shot for shot, job in made.items() if job is None or not _is_here(job)]
    outcome.lost += len(lost)
    if lost:
        say(f"the videos of {lost} are not here: {[job and job['state'] for job in made.values()]}")
    if verdict != "ok" or unbalanced:
        say(f"the database says {verdict}, unbalanced are {unbalanced}")
    _joined(folder / "videos", say)
    log = (folder / "log.txt").read_text(encoding="utf-8", errors="replace")
    if "Traceback" in log or "nobody expected" in log or "nobody planned" in log:
        say(log[-3000:])


def _is_here(job: dict[str, Any]) -> bool:
    if job["state"] != "done" or not job["artifacts"]:
        return False
    path = Path(job["artifacts"]["video_path"])
    return path.is_file() and sha256(path.read_bytes()).hexdigest() == job["artifacts"]["sha256"]


def _joined(videos: Path, say: Callable[[str], None]) -> None:
    """There is one film, whole, with a chapter for each shot and its captions, and nothing unfinished."""
    import av

    films = list(videos.glob("*/film-final.mp4"))
    if len(films) != 1:
        say(f"{len(films)} films were joined")
        return
    with av.open(str(films[0])) as container:
        chapters = [chapter["metadata"]["title"] for chapter in container.chapters()]
        frames = sum(1 for packet in container.demux(video=0) if packet.size)
    if chapters != list(SHOTS) or frames < len(SHOTS) * 40:
        say(f"the film has the chapters {chapters} and {frames} frames")
    captions = films[0].with_suffix(".srt")
    if not captions.is_file() or "It floats." not in captions.read_text(encoding="utf-8"):
        say("the film has no captions")
    kinds = (".mp4", ".json", ".jpg", ".png", ".srt", ".vtt", ".unfinished", ".joining")
    left = [str(path) for path in videos.rglob("*") if path.is_file() and path.suffix not in kinds]
    if left:
        say(f"{left} were left behind")
