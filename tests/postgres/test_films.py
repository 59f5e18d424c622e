"""Films where several machines share the database: made by the one that ordered them or by workers, and told of by all."""

from __future__ import annotations

import hashlib
import os
import sys
import wave
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import psycopg
import pytest
from PIL import Image

from seedance_mcp.app import App, Role, open_app
from seedance_mcp.config import load_settings
from seedance_mcp.errors import InvalidRequest
from seedance_mcp.films import FilmUpdate
from seedance_mcp.types import JobState, PurchaseTerms
from tests.emulator import Emulator
from tests.emulator.s3_objects import Held, ObjectStorage, running
from tests.films.place import Studio, environment, opened, shot, states, storyboard
from tests.over_http.local import Era, client
from tests.reliability.waiting import until
from tests.server.asking import content

from .roles import PATIENCE, Team
from .server import Server, as_superuser

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="each machine is a folder of POSIX")

_MAKER = """
import sys, anyio
from seedance_mcp.app import open_app
from seedance_mcp.config import load_settings
from seedance_mcp.types import PurchaseTerms

async def main(film_id, plan):
    async with open_app(load_settings()) as app:
        await app.films.make(film_id, plan, PurchaseTerms())
        await app.films.wait(film_id, 60)

anyio.run(main, *sys.argv[1:])
"""


@asynccontextmanager
async def machine(
    folder: Path,
    url: str,
    emulator: Emulator | None = None,
    *,
    watch: bool = True,
    storage: ObjectStorage | None = None,
) -> AsyncGenerator[Studio]:
    """A machine of its own: with its own state, videos and documents."""
    folder.mkdir(exist_ok=True)
    more = storage.environment() if storage is not None else {}
    async with opened(folder, emulator, watch=watch, SEEDANCE_DATABASE_URL=url, **more) as studio:
        yield studio


@asynccontextmanager
async def team(
    folder: Path, url: str, emulator: Emulator, role: Role, *, storage: ObjectStorage | None = None
) -> AsyncGenerator[App]:
    """A server that does not buy, or a worker, on a machine of its own."""
    folder.mkdir(exist_ok=True)
    more = storage.environment() if storage is not None else {}
    given = {**environment(folder), **emulator.environment(), "SEEDANCE_DATABASE_URL": url, **more}
    settings = load_settings(given, settings_file=folder / "none.toml")
    async with open_app(settings, role=role) as app:
        yield app


async def test_a_film_is_planned_made_joined_and_shown(url: str, tmp_path: Path) -> None:
    async with machine(tmp_path / "one", url) as studio:
        film_id = await studio.read(storyboard())
        film = await studio.make(film_id, await studio.app.films.plan(film_id, "animatic"))
        assert (film.status, film.problems, states(film)) == (
            "succeeded",
            (),
            {"a": "current", "b": "current"},
        )
        assert film.film_path is not None
        assert Path(film.film_path).is_relative_to(tmp_path / "one" / "videos")
        assert (await studio.app.films.plan(film_id, "animatic")).rows == ()


async def test_a_shot_that_the_database_kept_from_being_sent_is_made_again(url: str, tmp_path: Path) -> None:
    """The connection is lost once, by the very statement that would have noted that the purchase goes out."""
    async with Emulator("ark") as emulator, machine(tmp_path / "one", url, emulator) as studio:
        film_id = await studio.read(storyboard(shot("a"), shot("b")))
        plan = await studio.app.films.plan(film_id)
        with psycopg.connect(as_superuser(url), autocommit=True) as connection:
            connection.execute("CREATE SEQUENCE cuts")
            connection.execute("GRANT USAGE ON cuts TO PUBLIC")
            connection.execute(
                "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                " IF nextval('cuts') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;"
                " RETURN NEW; END $$"
            )
            connection.execute(
                "CREATE TRIGGER zz_cut BEFORE UPDATE ON jobs FOR EACH ROW"
                " WHEN (OLD.state = 'reserved' AND NEW.state = 'sending') EXECUTE FUNCTION cut()"
            )
        film = await studio.make(film_id, plan)
        assert (film.status, film.problems, len(studio.bodies)) == ("succeeded", (), 2)
        ends = [job.state for job in await studio.app.recent()]
        assert (ends.count(JobState.DONE), JobState.NOT_SENT in ends) == (2, True)


async def test_two_processes_of_a_machine_that_make_the_same_plan_buy_each_row_once(
    url: str, tmp_path: Path
) -> None:
    async with Emulator("ark") as emulator, machine(tmp_path / "one", url, emulator) as studio:
        film_id = await studio.read(storyboard(shot("a"), shot("b"), shot("c")))
        token = (await studio.app.films.plan(film_id)).token
        async with await _making(tmp_path / "one", url, emulator, film_id, token) as other:
            await studio.app.films.make(film_id, token, PurchaseTerms())
            film = await studio.ended(film_id)
            with anyio.fail_after(60):
                assert await other.wait() == 0
        assert (film.status, film.problems, len(studio.bodies)) == ("succeeded", (), 3)


async def test_two_machines_that_order_the_same_plan_buy_each_row_once_and_one_makes_it(
    url: str, tmp_path: Path
) -> None:
    """With folders of their own, and each with the document: whoever is first has the film."""
    async with (
        Emulator("ark") as emulator,
        machine(tmp_path / "one", url, emulator) as one,
        machine(tmp_path / "two", url, emulator) as two,
    ):
        film_id = await one.read(storyboard())
        await copied(one, two, film_id, storyboard())
        plan = await two.app.films.plan(film_id)
        assert (await one.app.films.plan(film_id)).token == plan.token
        async with anyio.create_task_group() as tasks:
            for studio in (one, two):
                tasks.start_soon(studio.make, film_id, plan)
        seen = [await studio.app.films.find(film_id) for studio in (one, two)]
        assert ([film.status for film in seen], len(one.bodies)) == (["succeeded", "succeeded"], 2)
        assert sorted(film.film_path is None for film in seen) == [False, True]
        assert len([*tmp_path.rglob("film-final.mp4")]) == 1


async def test_a_film_whose_buyer_is_killed_between_two_shots_is_finished_on_its_machine(
    url: str, tmp_path: Path
) -> None:
    async with Emulator("ark") as emulator:
        emulator.behaviour.true_size = True
        emulator.behaviour.running_seconds = 1.0
        async with machine(tmp_path / "one", url, emulator, watch=False) as studio:
            film_id = await studio.read(
                storyboard(shot("a"), shot("b", continues="last_frame"), model="seedance-1.0-pro")
            )
            token = (await studio.app.films.plan(film_id)).token

            async def accepted() -> bool:
                return any(job.state is JobState.ACCEPTED for job in await studio.app.unfinished())

            async with await _making(tmp_path / "one", url, emulator, film_id, token) as maker:
                with anyio.fail_after(30):
                    await until(accepted)
                maker.kill()
            assert len(studio.bodies) == 1
        async with machine(tmp_path / "one", url, emulator) as later:
            film = await later.ended(film_id)
            assert (film.status, film.problems, len(later.bodies)) == ("succeeded", (), 2)


async def test_another_machine_leaves_a_film_alone_and_shows_it(url: str, tmp_path: Path) -> None:
    """Whose document it may even have, at another place and without its picture."""
    async with Emulator("ark") as emulator:
        async with (
            machine(tmp_path / "one", url, emulator, watch=False) as one,
            machine(tmp_path / "two", url, emulator) as two,
        ):
            Image.new("RGB", (640, 360), "red").save(tmp_path / "one" / "mira.png")
            cast = {"mira": {"looks": "a woman", "images": ["mira.png"]}}
            document = storyboard(
                shot("a", prompt="@mira waves", seconds=4),
                shot("b", seconds=4),
                cast=cast,
                model="seedance-2.0",
            )
            film_id = await one.read(document)
            plan = await one.app.films.plan(film_id)
            await one.app.films.make(film_id, plan.token, PurchaseTerms())
            await copied(one, two, film_id, document)
            for _ in range(2):
                await two.app.films.advance()
            seen = await two.app.films.find(film_id)
            assert (seen.status, states(seen), two.bodies) == ("making", {"a": "making", "b": "making"}, [])
            assert [problem[:32] for problem in seen.problems] == ["It is made by another machine on"]
        async with (
            machine(tmp_path / "one", url, emulator) as one,
            machine(tmp_path / "two", url, emulator, watch=False) as two,
        ):
            film = await one.ended(film_id)
            assert (film.status, film.problems, len(one.bodies)) == ("succeeded", (), 2)
            await copied(two, one, film_id, document)
            seen = await two.app.films.find(film_id)
            assert (seen.status, states(seen), seen.film_path) == (
                "succeeded",
                {"a": "current", "b": "current"},
                None,
            )
            assert [str(film.film_path) in problem for problem in seen.problems] == [True]


@pytest.mark.parametrize("copy", ["right", "wrong", "none"])
async def test_clips_of_another_machine_are_joined_from_the_object_store_by_their_hash(
    copy: str, url: str, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        emulator = await stack.enter_async_context(Emulator("ark"))
        storage = await stack.enter_async_context(running(ObjectStorage()))
        async with machine(tmp_path / "one", url, emulator, storage=storage) as one:
            film_id = await one.read(storyboard())
            film = await one.make(film_id, await one.app.films.plan(film_id))
            assert one.app.runner.copies is not None
            for job in film.jobs.values():
                kept = await one.app.runner.copies.settled(job, 30)
                assert kept is not None
                assert kept.stored_at is not None
        (tmp_path / "one").rename(tmp_path / "unplugged")
        if copy == "wrong":
            for path, held in storage.objects.items():
                body = held.body[:-1] + bytes([held.body[-1] ^ 1])
                storage.objects[path] = Held(content_type=held.content_type, body=body)
        two = await stack.enter_async_context(
            machine(tmp_path / "two", url, emulator, storage=storage if copy != "none" else None)
        )
        two.path.with_suffix(".film").write_text(f"{film_id}\n")
        assert await two.read(storyboard()) == film_id
        plan = await two.app.films.plan(film_id)
        assert plan.rows == ()
        if copy == "right":
            made = await two.make(film_id, plan)
            assert (made.status, made.problems, len(two.bodies)) == ("succeeded", (), 2)
            assert made.film_path is not None
            assert film.film_path is not None
            assert Path(made.film_path).is_relative_to(tmp_path / "two")
        else:
            said = "is not the video that was saved" if copy == "wrong" else "Without an object store"
            assert [said in problem for problem in plan.problems] == [True, True]
            assert not [*(tmp_path / "two" / "videos").rglob("*.mp4")]


async def test_a_clip_that_comes_to_the_object_store_late_is_waited_for(url: str, tmp_path: Path) -> None:
    """The other machine has saved the shot, where this one sees no file, and copies it only now."""
    async with AsyncExitStack() as stack:
        emulator = await stack.enter_async_context(Emulator("ark"))
        emulator.behaviour.running_seconds = 2.0
        storage = await stack.enter_async_context(running(ObjectStorage()))
        async with machine(tmp_path / "one", url, emulator, watch=False, storage=storage) as one:
            film_id = await one.read(storyboard(shot("a")))
            token = (await one.app.films.plan(film_id)).token
            async with await _making(tmp_path / "one", url, emulator, film_id, token) as maker:

                async def accepted() -> bool:
                    return any(job.state is JobState.ACCEPTED for job in await one.app.unfinished())

                with anyio.fail_after(30):
                    await until(accepted)
                maker.kill()

            async def saved() -> bool:
                return not await one.app.unfinished()

            async with machine(tmp_path / "two", url, emulator):
                with anyio.fail_after(60):
                    await until(saved)
        videos, unplugged = tmp_path / "one" / "videos", tmp_path / "unplugged"
        videos.rename(unplugged)
        one = await stack.enter_async_context(
            machine(tmp_path / "one", url, emulator, watch=False, storage=storage)
        )
        for _ in range(2):
            await one.app.films.advance()
        assert (await one.app.films.find(film_id)).status == "joining"
        unplugged.rename(videos)
        async with machine(tmp_path / "two", url, emulator, storage=storage) as two:
            (job,) = (await two.app.films.find(film_id)).jobs.values()
            assert two.app.runner.copies is not None
            kept = await two.app.runner.copies.settled(job, 30)
            assert kept is not None
            assert kept.stored_at is not None
        videos.rename(unplugged)

        async def joined() -> bool:
            await one.app.films.advance()
            return not (await one.app.films.find(film_id)).is_busy

        with anyio.fail_after(60):
            await until(joined)
        film = await one.app.films.find(film_id)
        assert (film.status, film.problems, len(one.bodies)) == ("succeeded", (), 1)


async def test_a_film_ordered_where_nobody_buys_is_made_by_a_worker_and_read_everywhere(
    url: str, tmp_path: Path
) -> None:
    """Each machine with folders of its own: clips, film, captions and sheet come from the object store."""
    async with AsyncExitStack() as stack:
        emulator = await stack.enter_async_context(Emulator("ark"))
        emulator.behaviour.true_size = True
        storage = await stack.enter_async_context(running(ObjectStorage()))
        one, two, worker = [
            await stack.enter_async_context(team(tmp_path / name, url, emulator, role, storage=storage))
            for name, role in (("one", Role.REPLICA), ("two", Role.REPLICA), ("work", Role.WORKER))
        ]
        document = storyboard(
            shot("a", says=[{"text": "Ahoy."}]),
            shot("b", continues="last_frame"),
            model="seedance-1.0-pro",
        )
        film_id = (await one.films.take(document, None)).id
        plan = await one.films.plan(film_id)
        assert (await two.films.plan(film_id)).token == plan.token
        await one.films.make(film_id, plan.token, PurchaseTerms())
        told: list[str] = []

        async def report(update: FilmUpdate) -> None:
            told.append(update.words)

        film = await two.films.wait(film_id, 60, report)
        assert (film.status, film.problems, states(film)) == (
            "succeeded",
            (),
            {"a": "current", "b": "current"},
        )
        assert (len(emulator.tasks), len(told) > 1, film.film_path) == (2, True, None)
        assert film.cut is not None
        assert [Path(file.name).suffix for file in film.cut.files] == [".mp4", ".srt", ".vtt", ".jpg"]
        made = await worker.films.find(film_id)
        assert made.film_path is not None
        link = two.films.link(film)
        assert link is not None
        async with httpx2.AsyncClient() as http:
            fetched = await http.get(link.url)
        assert fetched.content == Path(made.film_path).read_bytes()
        assert hashlib.sha256(fetched.content).hexdigest() == film.cut.files[0].sha256
        here = await one.films.fetched(await one.films.find(film_id))
        assert here.film_path is not None
        assert Path(here.film_path).is_relative_to(tmp_path / "one")
        assert Path(here.film_path).read_bytes() == fetched.content
        assert [Path(name).suffix for name in here.captions] == [".srt", ".vtt"]
        assert (await one.films.plan(film_id)).rows == ()


async def test_assistants_order_a_film_at_one_server_and_look_at_it_at_another(
    url: str, tmp_path: Path
) -> None:
    """As they are run: two servers that do not buy, and a worker; nothing of the film lies where the servers are."""
    with anyio.fail_after(PATIENCE):
        async with AsyncExitStack() as stack:
            emulator = await stack.enter_async_context(Emulator("ark"))
            storage = await stack.enter_async_context(running(ObjectStorage()))
            members, given = Team(emulator, url, tmp_path), storage.environment()
            first = await stack.enter_async_context(members.replica("a", **given))
            second = await stack.enter_async_context(members.replica("b", **given))
            await stack.enter_async_context(members.worker("w", None, **given))
            eras: tuple[Era, ...] = ("auto", "legacy")
            for era in eras:
                ordering = await stack.enter_async_context(client(first.said, era))
                reading = await stack.enter_async_context(client(second.said, era))
                document = storyboard(shot("a", prompt=f"a boat, {era}"))
                plan = content(await ordering.call_tool("plan_film", {"storyboard": document}))
                named = {"film_id": plan["film_id"], "plan": plan["plan"], "wait_seconds": 0}
                assert content(await ordering.call_tool("create_film", named))["status"] == "making"
                asked = {"job_id": plan["film_id"], "wait_seconds": 60}
                answer = await reading.call_tool("check_status", asked)
                film = content(answer)
                assert (film["status"], film["film_path"]) == ("succeeded", None)
                assert film["next_step"].startswith("Give the person the link in film_url")
                async with httpx2.AsyncClient() as anyone:
                    video = await anyone.get(film["film_url"])
                assert (video.status_code, video.content[4:8]) == (200, b"ftyp")
                assert [block.type for block in answer.content].count("image") == 1, "its sheet"
                seen = await reading.call_tool("view_video", {"source": plan["film_id"]})
                assert [block.type for block in seen.content].count("image") == 1
    assert emulator.ledger.count("submit") == 2


async def test_a_film_that_names_files_of_a_machine_cannot_be_ordered_where_nobody_buys(
    url: str, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        emulator = await stack.enter_async_context(Emulator("ark"))
        one = await stack.enter_async_context(machine(tmp_path / "one", url, emulator, watch=False))
        replica = await stack.enter_async_context(team(tmp_path / "two", url, emulator, Role.REPLICA))
        with wave.open(str(tmp_path / "one" / "tide.wav"), "wb") as sound:
            sound.setparams((1, 2, 8000, 8000, "NONE", "not compressed"))
            sound.writeframes(bytes(16_000))
        film_id = await one.read(storyboard(shot("a"), music={"file": "tide.wav"}))
        plan = await one.app.films.plan(film_id)
        assert (len(plan.rows), plan.problems) == (1, ())
        with pytest.raises(InvalidRequest, match=r"music\.file: tide\.wav is on another machine"):
            await replica.films.make(film_id, (await replica.films.plan(film_id)).token, PurchaseTerms())
        assert (await replica.films.find(film_id)).status == "planned"
        assert (await replica.budget()).reserved_usd == 0


async def test_a_film_of_workers_is_cancelled_at_any_server(url: str, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        emulator = await stack.enter_async_context(Emulator("ark"))
        emulator.behaviour.running_seconds = 30.0
        one, two, _ = [
            await stack.enter_async_context(team(tmp_path / name, url, emulator, role))
            for name, role in (("one", Role.REPLICA), ("two", Role.REPLICA), ("work", Role.WORKER))
        ]
        film_id = (await one.films.take(storyboard(shot("a"), shot("b")), None)).id
        plan = await one.films.plan(film_id)
        await one.films.make(film_id, plan.token, PurchaseTerms())

        async def bought() -> bool:
            return len(emulator.tasks) == 2

        with anyio.fail_after(30):
            await until(bought)
        film, words = await two.films.cancel(film_id)
        assert (film.status, "Nothing more is bought for this film" in words) == ("cancelled", True)


async def copied(one: Studio, two: Studio, film_id: str, document: dict[str, Any]) -> None:
    """Let another machine have a film's document and id; it does not see the disk on which the first one has them."""
    one.path.unlink()
    two.path.with_suffix(".film").write_text(f"{film_id}\n")
    assert await two.read(document) == film_id


async def _making(folder: Path, url: str, emulator: Emulator, film_id: str, plan: str) -> anyio.abc.Process:
    """Start a process on a machine that makes a film."""
    environ = {**os.environ, **environment(folder), **emulator.environment(), "SEEDANCE_DATABASE_URL": url}
    return await anyio.open_process([sys.executable, "-c", _MAKER, film_id, plan], env=environ)


async def test_a_film_ordered_before_a_back_up_is_not_bought_after_it_is_restored(
    postgres: Server, url: str, tmp_path: Path
) -> None:
    """It was made in what was lost. Whoever allows spending again does so while nothing runs, or before a worker looks."""
    async with Emulator("ark") as emulator:
        async with team(tmp_path / "one", url, emulator, Role.REPLICA) as replica:
            film_id = (await replica.films.take(storyboard(), None)).id
            plan = await replica.films.plan(film_id)
            await replica.films.make(film_id, plan.token, PurchaseTerms())
        back_up = postgres.copy(url)
        async with (
            team(tmp_path / "one", url, emulator, Role.REPLICA) as replica,
            team(tmp_path / "work", url, emulator, Role.WORKER),
        ):
            film = await replica.films.wait(film_id, 60)
        assert (film.status, len(emulator.tasks)) == ("succeeded", 2)
        async with team(tmp_path / "one", back_up, emulator, Role.REPLICA) as replica:
            assert await replica.installation.allow_spending()
            film = await replica.films.find(film_id)
            assert film.status == "stopped"
            assert (await replica.budget()).reserved_usd == 0
            async with team(tmp_path / "work", back_up, emulator, Role.WORKER) as worker:
                await worker.films.advance()
                assert len(emulator.tasks) == 2
                plan = await replica.films.plan(film_id)
                await replica.films.make(film_id, plan.token, PurchaseTerms())
                await replica.films.wait(film_id, 60)
        assert len(emulator.tasks) == 4, "asked for anew"
