"""The board at a machine where no video was saved: it plays and draws what the object store has, and nothing else."""

from __future__ import annotations

import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from seedance_mcp.app import Role
from seedance_mcp.config import load_settings
from seedance_mcp.types import PurchaseTerms
from tests.emulator import Emulator
from tests.emulator.s3_objects import Held, ObjectStorage, running
from tests.films.place import environment, storyboard
from tests.over_http.local import serving, token
from tests.over_http.test_board import browser

from .test_films import team

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="each machine is a folder of POSIX")


async def test_the_board_shows_videos_and_films_of_other_machines_from_the_object_store(
    url: str, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        emulator = await stack.enter_async_context(Emulator("ark"))
        storage = await stack.enter_async_context(running(ObjectStorage()))
        async with team(tmp_path / "work", url, emulator, Role.WORKER, storage=storage) as worker:
            async with team(tmp_path / "one", url, emulator, Role.REPLICA, storage=storage) as replica:
                film_id = (await replica.films.take(storyboard(), None)).id
                plan = await replica.films.plan(film_id)
                await replica.films.make(film_id, plan.token, PurchaseTerms())
                film = await replica.films.wait(film_id, 60)
            assert worker.runner.copies is not None
            for job in film.jobs.values():
                kept = await worker.runner.copies.settled(job, 30)
                assert kept is not None
                assert kept.stored_at is not None
            saved = {job.id: Path(job.artifacts.video_path) for job in film.jobs.values() if job.artifacts}
            whole = {job_id: path.read_bytes() for job_id, path in saved.items()}
            assert film.cut is not None
            (joined,) = [*(tmp_path / "work").rglob(film.cut.files[0].name)]
            content = joined.read_bytes()
        (tmp_path / "work").rename(tmp_path / "unplugged")
        first, second = sorted(whole)
        (broken,) = [name for name in storage.objects if name.endswith(f"{second}.mp4")]
        body = storage.objects[broken].body
        storage.objects[broken] = Held(content_type="video/mp4", body=body[:-1] + bytes([body[-1] ^ 1]))
        given = {
            **environment(tmp_path / "board"),
            **emulator.environment(),
            **storage.environment(),
            "SEEDANCE_DATABASE_URL": url,
        }
        settings = load_settings(given, settings_file=tmp_path / "none.toml")
        text = await token(settings)
        at = await stack.enter_async_context(serving(settings, board=True))
        person = await stack.enter_async_context(browser(at))
        await person.sign_in(text)
        media = {card["job_id"]: card["media"] for card in (await person.board())["jobs"]}
        part = await person.http.get(media[first], headers={**person.own, "Range": "bytes=10-99"})
        assert (part.status_code, part.content) == (206, whole[first][10:100])
        poster = await person.get(f"/api/jobs/{first}/poster")
        assert (poster.status_code, poster.content[:2]) == (200, b"\xff\xd8")
        refused = await person.http.get(media[second], headers=person.own)
        assert (refused.status_code, "is not the video that was saved" in refused.text) == (404, True)
        shown = (await person.get(f"/api/films?open={film_id}")).json()["film"]
        played = await person.http.get(shown["joined"]["media"], headers=person.own)
        assert (played.status_code, played.content) == (200, content)
        assert storage.origin not in str(shown) + refused.text
