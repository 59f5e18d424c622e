"""Replicas that reserve, wait and answer, and workers that buy for them: what each takes, refuses and leaves."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
import httpx2
import psycopg
import pytest
from mcp.client.subscriptions import ResourceUpdated

from seedance_mcp import cli
from seedance_mcp.app import App, Role, open_app
from seedance_mcp.errors import InvalidRequest, MediaError
from seedance_mcp.jobs.buying import order_taking, purchase_flow
from seedance_mcp.jobs.results import object_copies
from seedance_mcp.store import budget
from seedance_mcp.types import ExpectedFile, Job, JobState, PurchaseTerms, Scope, VideoRequest
from tests.emulator import Emulator
from tests.emulator.s3_objects import ObjectStorage, running
from tests.over_http.local import called, client, post, result_of, with_meta
from tests.reliability import fault_market as market
from tests.reliability.waiting import until
from tests.server.asking import content

from .roles import PATIENCE, Team, jobs
from .server import SEES_ALL
from .test_purchases import is_in, moves

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

WISH = {"prompt": "A red fox", "resolution": "480p", "duration": 5, "provider": "ark"}


@asynccontextmanager
async def machine(emulator: Emulator, url: str, folder: Path, role: Role, **more: str) -> AsyncIterator[App]:
    """A machine of its own with one role."""
    environ = {**emulator.environment("ark"), "SEEDANCE_DATABASE_URL": url, **more}
    async with open_app(market.settings(environ, folder), role=role) as app:
        app.__dict__["catalog"] = market.catalog("ark")
        yield app


async def ordered(replica: App, prompt: str = "a paper boat") -> Job:
    return (await replica.generate(market.request("ark", prompt=prompt))).job


@pytest.fixture
def asks_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """No call of a replica waits long for a worker."""
    monkeypatch.setattr(purchase_flow, "_ANSWER_SECONDS", 0.05)


async def test_what_one_replica_asked_is_answered_at_another(url: str, tmp_path: Path) -> None:
    asking = {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}}
    always = {"SEEDANCE_CONFIRM": "ask", "SEEDANCE_CONFIRM_ABOVE_USD": "0.01"}
    with anyio.fail_after(PATIENCE):
        async with contextlib.AsyncExitStack() as stack:
            team = Team(await stack.enter_async_context(Emulator("ark")), url, tmp_path)
            first = await stack.enter_async_context(team.replica("a", **always))
            second = await stack.enter_async_context(team.replica("b", **always))
            http = await stack.enter_async_context(httpx2.AsyncClient(timeout=30))
            wish = {**WISH, "wait_seconds": 0}
            asked = result_of(await post(http, first.said, with_meta(called("generate_video", wish), asking)))
            (question,) = asked["inputRequests"]
            answer = called(
                "generate_video",
                wish,
                inputResponses={question: {"action": "accept", "content": {"agree": True}}},
                requestState=asked["requestState"],
            )
            bought = result_of(await post(http, second.said, with_meta(answer, asking)))
    assert bought["structuredContent"]["status"] == "submitting"


@posix
async def test_calls_at_two_replicas_are_bought_by_workers_and_heard_of_at_both(
    url: str, tmp_path: Path
) -> None:
    """As they are run; the replicas never speak to the provider, nor keep a file."""
    heard: list[object] = []
    told: dict[str, list[tuple[float, str]]] = {"auto": [], "legacy": []}
    with anyio.fail_after(PATIENCE):
        async with contextlib.AsyncExitStack() as stack:
            emulator = await stack.enter_async_context(Emulator("ark"))
            team = Team(emulator, url, tmp_path)
            first = await stack.enter_async_context(team.replica("a"))
            second = await stack.enter_async_context(team.replica("b"))
            workers = [await stack.enter_async_context(team.worker(name)) for name in ("w1", "w2")]
            listener = await stack.enter_async_context(client(second.said, "auto"))
            listening = anyio.Event()

            async def listen() -> None:
                async with listener.listen(resource_subscriptions=["seedance://jobs"]) as news:
                    listening.set()
                    async for event in news:
                        heard.append(event)  # noqa: PERF401  while it goes on, others look

            async def buy(era: str) -> dict[str, object]:
                async def hear(progress: float, total: float | None, message: str | None) -> None:
                    told[era].append((progress, message or ""))

                async with client(first.said, era) as assistant:  # type: ignore[arg-type]
                    asked = {**WISH, "prompt": f"A red fox, {era}", "wait_seconds": 60}
                    return content(await assistant.call_tool("generate_video", asked, progress_callback=hear))

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(listen)
                await listening.wait()
                answers = [await buy(era) for era in told]
                tasks.cancel_scope.cancel()
            for one in (*workers, first, second):
                one.process.terminate()
            assert [await one.process.wait() for one in (*workers, first, second)] == [0, 0, 0, 0]
    assert [answer["status"] for answer in answers] == ["succeeded", "succeeded"]
    assert ResourceUpdated(uri="seedance://jobs") in heard
    for era, updates in told.items():
        assert len({message for _, message in updates}) > 1, era
        assert updates == sorted(updates, key=lambda update: update[0])
    assert emulator.ledger.count("submit") == 2
    for answer in answers:
        assert Path(str(answer["video_path"])).parent.parent.name in ("w1", "w2")
    assert not list((tmp_path / "a").rglob("*.mp4")) + list((tmp_path / "b").rglob("*.mp4"))
    owners = {job["owner"] for job in jobs(url)}
    assert "workers" not in owners


@posix
async def test_a_worker_that_is_told_to_end_finishes_its_purchase_and_takes_no_other(
    url: str, tmp_path: Path, asks_briefly: None
) -> None:
    with anyio.fail_after(PATIENCE):
        async with Emulator("ark") as emulator:
            team = Team(emulator, url, tmp_path)
            emulator.fail("late", "submit", seconds=2.0)
            async with (
                machine(emulator, url, tmp_path / "replica", Role.REPLICA) as replica,
                team.worker("w1", SEEDANCE_LOG_LEVEL="info") as worker,
            ):
                first = await ordered(replica)
                await until(lambda: _bought(emulator))
                worker.process.terminate()
                await until(lambda: _has_said(worker.folder, "Stopping"))
                second = await ordered(replica, "a paper plane")
                assert await worker.process.wait() == 0
                assert (await replica.job(first.id)).state in (JobState.ACCEPTED, JobState.REMOTE_DONE)
                assert (await replica.job(second.id)).state is JobState.RESERVED
                assert emulator.ledger.count("submit") == 1
                _, words = await replica.cancel(second.id)
                assert "nothing was bought" in words


async def _bought(emulator: Emulator) -> bool:
    return bool(emulator.ledger.tasks)


async def _has_said(folder: Path, words: str) -> bool:
    return words in (folder / "log.txt").read_text()


@pytest.mark.parametrize("words", [["work"], ["serve", "--no-buy", "--port", "0"]])
def test_both_roles_are_refused_where_the_database_is_a_file(
    words: list[str],
    environ: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environ.items():
        monkeypatch.setitem(os.environ, name, value)
    assert cli.run(words) == 2
    said = capsys.readouterr().err
    assert "error [config]: Without SEEDANCE_DATABASE_URL" in said
    assert "hint: " in said


async def test_a_file_of_the_replica_is_refused_there_with_what_to_do(url: str, tmp_path: Path) -> None:
    picture = tmp_path / "replica" / "media" / "fox.png"
    picture.parent.mkdir(parents=True)
    _draw(picture)
    async with (
        Emulator("ark") as emulator,
        machine(emulator, url, tmp_path / "replica", Role.WHOLE) as whole,
        machine(emulator, url, tmp_path / "replica", Role.REPLICA) as replica,
    ):
        kept = await whole.upload(str(picture))
        linked = await replica.upload("https://example.com/fox.png")
        for source in (str(picture), picture.as_uri(), kept.media_id):
            with pytest.raises((InvalidRequest, MediaError), match="is on another machine") as refused:
                await replica.generate(market.request("ark", first_frame=source))
            assert "https URL" in refused.value.hint
        with pytest.raises(MediaError, match="is on another machine"):
            await replica.upload(str(picture))
        assert (await replica.estimate(market.request("ark", first_frame=linked.media_id))).estimate
        assert await replica.unfinished() == []


async def test_a_video_in_a_shared_folder_is_continued_at_a_replica_without_a_store(
    url: str, tmp_path: Path
) -> None:
    shared = {"SEEDANCE_OUTPUT_DIR": str(tmp_path / "shared")}
    with anyio.fail_after(PATIENCE):
        async with (
            Emulator("ark") as emulator,
            machine(emulator, url, tmp_path / "replica", Role.REPLICA, **shared) as replica,
            machine(emulator, url, tmp_path / "w1", Role.WORKER, **shared),
        ):
            emulator.behaviour.true_size = True
            short = market.request("ark", duration=2, resolution="480p")
            made = await replica.wait((await replica.generate(short)).job.id, PATIENCE)
            assert made.artifacts
            emulator.behaviour.true_size = False
            wish = market.request("ark", prompt="it sails on", first_frame=f"job:{made.id}/last_frame")
            continued = await replica.wait((await replica.generate(wish)).job.id, PATIENCE)
            assert continued.state is JobState.DONE
            Path(made.artifacts.video_path).unlink()
            for source in (f"job:{made.id}", f"job:{made.id}/last_frame"):
                with pytest.raises(InvalidRequest, match="no object store") as refused:
                    await replica.generate(market.request("ark", first_frame=source))
                assert "SEEDANCE_OBJECT_STORE" in refused.value.hint
        assert emulator.ledger.count("submit") == 2


def _draw(path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (640, 360), "orange").save(path)


async def test_a_worker_reads_an_order_as_the_person_whose_order_it_is(url: str, tmp_path: Path) -> None:
    """An order that names the file of somebody else, as one from a server with a fault would, is not bought with it."""
    picture = tmp_path / "fox.png"
    _draw(picture)
    content = picture.read_bytes()
    expected = ExpectedFile(
        mime_type="image/png", bytes=len(content), sha256=hashlib.sha256(content).hexdigest()
    )
    with anyio.fail_after(PATIENCE):
        async with contextlib.AsyncExitStack() as stack:
            emulator = await stack.enter_async_context(Emulator("ark"))
            storage = await stack.enter_async_context(running(ObjectStorage()))
            named = storage.environment()
            replica = await stack.enter_async_context(
                machine(emulator, url, tmp_path / "one", Role.REPLICA, **named)
            )
            ann = replica.for_person(Scope(person="ann"))
            orders: list[tuple[str, str]] = []
            for prompt in ("a boat", "a ship"):
                upload = await ann.upload(expected)
                assert upload.put is not None
                async with httpx2.AsyncClient() as http:
                    put = await http.put(upload.put.url, content=content, headers=dict(upload.put.headers))
                assert put.status_code == 200
                asked = market.request("ark", prompt=prompt, first_frame=upload.media_id)
                orders.append(((await ann.generate(asked)).job.id, upload.media_id))
            with psycopg.connect(url, options=SEES_ALL) as connection:
                changed = connection.execute("UPDATE media SET person = 'bea' WHERE id = %s", [orders[1][1]])
                assert changed.rowcount == 1
            await stack.enter_async_context(machine(emulator, url, tmp_path / "two", Role.WORKER, **named))
            own, other = [await ann.wait(job_id, PATIENCE) for job_id, _ in orders]
    assert (own.state, other.state) == (JobState.DONE, JobState.NOT_SENT)
    assert "There is no upload" in str(other)
    assert emulator.ledger.count("submit") == 1


async def test_an_order_waits_for_a_worker_with_the_key_it_was_reserved_with(
    url: str, tmp_path: Path, asks_briefly: None
) -> None:
    with anyio.fail_after(PATIENCE):
        async with (
            Emulator("ark") as emulator,
            machine(emulator, url, tmp_path / "replica", Role.REPLICA) as replica,
            machine(emulator, url, tmp_path / "whole", Role.WHOLE) as whole,
            machine(emulator, url, tmp_path / "w1", Role.WORKER, ARK_API_KEY="another-key-1234567890"),
        ):
            heard: list[str] = []

            async def hear(update: object) -> None:
                heard.append(str(update))

            job = await ordered(replica)
            await replica.wait(job.id, 1.0, hear)
            assert "Waiting for a worker" in heard[0]
            assert await is_in(replica, job.id, JobState.RESERVED), (
                "neither whole processes nor others take it"
            )
            async with machine(emulator, url, tmp_path / "w2", Role.WORKER):
                assert (await replica.wait(job.id, PATIENCE)).state is JobState.DONE
            assert len(await whole.history(job.id)) == 5
        assert emulator.ledger.count("submit") == 1


async def test_an_order_that_nobody_took_for_an_hour_is_not_bought(
    url: str, tmp_path: Path, asks_briefly: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_taking, "_LATEST_SECONDS", 0.0)
    with anyio.fail_after(PATIENCE):
        async with (
            Emulator("ark") as emulator,
            machine(emulator, url, tmp_path / "replica", Role.REPLICA) as replica,
        ):
            job = await ordered(replica)
            async with machine(emulator, url, tmp_path / "w1", Role.WORKER):
                ended = await replica.wait(job.id, PATIENCE)
            assert ended.state is JobState.NOT_SENT
            assert "No worker has taken the order" in (ended.error or "")
            assert (await replica.budget()).spent_today_usd == 0
        assert emulator.ledger.count("submit") == 0


async def test_what_waited_while_spending_was_stopped_is_not_bought_when_it_is_allowed(
    url: str, tmp_path: Path, asks_briefly: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database was restored: what waits in it may have been sent in what was lost."""
    with anyio.fail_after(PATIENCE):
        async with (
            Emulator("ark") as emulator,
            machine(emulator, url, tmp_path / "replica", Role.REPLICA) as replica,
        ):
            job = await ordered(replica)
            await replica._store.write(budget.stop_spending)
            looked = anyio.Event()
            look = order_taking.OrderTaker._take

            async def take(taker: order_taking.OrderTaker, job_id: str) -> None:
                await look(taker, job_id)
                looked.set()

            monkeypatch.setattr(order_taking.OrderTaker, "_take", take)
            async with machine(emulator, url, tmp_path / "w1", Role.WORKER):
                await looked.wait()
                assert await is_in(replica, job.id, JobState.RESERVED)
                assert await replica.installation.allow_spending()
                assert await is_in(replica, job.id, JobState.NOT_SENT)
                again = await replica.generate(
                    VideoRequest.model_validate({**WISH, "prompt": "another boat"}), PurchaseTerms()
                )
                assert (await replica.wait(again.job.id, PATIENCE)).state is JobState.DONE
        assert emulator.ledger.count("submit") == 1
    assert moves(url)[:3] == ["reserved", "not_sent", "reserved"]


async def test_a_set_and_a_refusal_at_a_replica_are_told_as_if_it_bought_itself(
    url: str, tmp_path: Path
) -> None:
    with anyio.fail_after(PATIENCE):
        async with (
            Emulator("ark") as emulator,
            machine(emulator, url, tmp_path / "replica", Role.REPLICA) as replica,
            machine(emulator, url, tmp_path / "w1", Role.WORKER),
        ):
            started = await replica.generate(
                market.request("ark"), PurchaseTerms(variations=3, request_key="three-boats")
            )
            assert started.videos
            await until(partial(_all_done, replica, [job.id for job in started.videos.jobs]))
            emulator.fail("status", "submit", status=400, accepted=False)
            refused = await replica.generate(market.request("ark", prompt="what is not allowed"))
            assert refused.job.state is JobState.REJECTED
        assert len(emulator.tasks) == 3


async def _all_done(app: App, job_ids: list[str]) -> bool:
    return all([await is_in(app, job_id, JobState.DONE) for job_id in job_ids])


async def test_what_lies_in_the_object_store_goes_into_a_video_wherever_it_was_made(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upload of a caller, and the last frame and whole video of a job that another machine saved."""
    monkeypatch.setattr(object_copies, "_LOOK_SECONDS", 0.05)
    picture = tmp_path / "fox.png"
    _draw(picture)
    content = picture.read_bytes()
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(anyio.fail_after(PATIENCE))
        emulator = await stack.enter_async_context(Emulator("ark"))
        emulator.behaviour.true_size = True
        storage = await stack.enter_async_context(running(ObjectStorage()))
        given = storage.environment()
        replica = await stack.enter_async_context(
            machine(emulator, url, tmp_path / "replica", Role.REPLICA, **given)
        )
        async with machine(emulator, url, tmp_path / "w1", Role.WORKER, **given) as worker:
            short = market.request("ark", duration=2, resolution="480p")
            made = await replica.wait((await replica.generate(short)).job.id, PATIENCE)
            assert made.state is JobState.DONE
            assert worker.runner.copies is not None
            copy = await worker.runner.copies.settled(made, PATIENCE)
            assert copy is not None
            assert copy.stored_at
        (tmp_path / "w1").rename(tmp_path / "gone")
        expected = ExpectedFile(
            mime_type="image/png", bytes=len(content), sha256=hashlib.sha256(content).hexdigest()
        )
        uploaded = await replica.upload(expected)
        assert uploaded.put is not None
        async with httpx2.AsyncClient() as http:
            put = await http.put(uploaded.put.url, content=content, headers=dict(uploaded.put.headers))
            assert put.status_code == 200, put.text
        await stack.enter_async_context(machine(emulator, url, tmp_path / "w2", Role.WORKER, **given))
        emulator.behaviour.true_size = False
        for source in (uploaded.media_id, f"job:{made.id}/last_frame"):
            started = await replica.generate(market.request("ark", first_frame=source))
            assert (await replica.wait(started.job.id, PATIENCE)).state is JobState.DONE
    assert emulator.ledger.count("submit") == 3


async def test_each_machine_copies_the_videos_that_it_has(url: str, tmp_path: Path) -> None:
    with anyio.fail_after(PATIENCE):
        async with contextlib.AsyncExitStack() as stack:
            emulator = await stack.enter_async_context(Emulator("ark"))
            storage = await stack.enter_async_context(running(ObjectStorage()))
            given = storage.environment()
            machines = [
                await stack.enter_async_context(machine(emulator, url, tmp_path / name, Role.WHOLE, **given))
                for name in ("one", "two")
            ]
            for number in range(6):
                app = machines[number % 2]
                job = await app.wait((await ordered(app, f"boat {number}")).id, PATIENCE)
                assert app.runner.copies is not None
                copy = await app.runner.copies.settled(job, PATIENCE)
                assert copy is not None
                assert (copy.tries, copy.error) == (0, None)
