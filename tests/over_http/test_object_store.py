"""A finished video over HTTP: it is in the object store besides, and each answer brings a link of its own to it."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client

from seedance_mcp import store
from seedance_mcp.app import App, open_app
from seedance_mcp.config import Settings, load_settings
from seedance_mcp.errors import ConfigError
from seedance_mcp.jobs.results import object_copies
from seedance_mcp.server import create_server
from seedance_mcp.server.http.serving import serve_http
from seedance_mcp.types import Job
from tests.emulator.s3 import secrets_in
from tests.emulator.s3_objects import ObjectStorage, Trouble, running
from tests.server.asking import SMALL
from tests.sweep import sweep
from tests.test_app import made, request

from .local import HERE, called, post, result_of, serving

MAKE = called("generate_video", {**SMALL, "wait_seconds": 60})


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let failed tries be repeated without a pause, and look for what is owed all the time."""
    monkeypatch.setattr(object_copies, "_LOOK_SECONDS", 0.02)
    monkeypatch.setattr(object_copies, "_FIRST_PAUSE", 0.0)


@asynccontextmanager
async def stored(
    environ: Mapping[str, str], tmp_path: Path
) -> AsyncGenerator[tuple[ObjectStorage, Settings]]:
    """An object store, and settings that name it; the test has a minute."""
    with anyio.fail_after(60):
        async with running(ObjectStorage()) as storage:
            yield (
                storage,
                load_settings({**environ, **storage.environment()}, settings_file=tmp_path / "no.toml"),
            )


async def status(http: httpx2.AsyncClient, url: str, job_id: str) -> dict[str, Any]:
    """What a call over HTTP is told of a job."""
    answer = result_of(await post(http, url, called("check_status", {"job_id": job_id})))
    return answer["structuredContent"]


async def linked(http: httpx2.AsyncClient, url: str, job_id: str) -> dict[str, Any]:
    """The same, once there is a link."""
    while True:
        told = await status(http, url, job_id)
        if "X-Amz-Signature" in str(told["video_url"]):
            return told


async def in_store(app: App, job: Job) -> str | None:
    """Wait until the first try is over; why it failed, if it did."""
    assert app.runner.copies is not None
    copy = await app.runner.copies.settled(job, 20)
    assert copy is not None
    return copy.error


async def test_an_answer_over_http_brings_a_link_that_anyone_can_fetch_from(
    environ: dict[str, str], tmp_path: Path
) -> None:
    async with stored(environ, tmp_path) as (storage, settings), httpx2.AsyncClient(timeout=60) as http:
        async with serving(settings) as url:
            job_id = result_of(await post(http, url, MAKE))["structuredContent"]["job_id"]
            told = await linked(http, url, job_id)
            fetched = await http.get(told["video_url"])
            assert fetched.content == Path(told["video_path"]).read_bytes()
            assert fetched.headers["Content-Disposition"] == f'attachment; filename="{job_id}.mp4"'
            assert f"/team/videos/out/default/{job_id}.mp4?" in told["video_url"]
            assert told["url_expires_at"] > told["finished_at"]
            assert told["next_step"].startswith("Give the person the link in video_url")
            assert told["video_path"] not in told["next_step"]
            storage.clock = lambda: time.time() + 3700
            assert (await http.get(told["video_url"])).status_code == 403, "it ends after an hour"
            listed = result_of(await post(http, url, called("check_status")))
            assert secrets_in(str(listed["structuredContent"])) == [], (
                "the link is in the job's own answer alone"
            )
        assert sweep(tmp_path, [b"X-Amz-Signature"]) == [], "no link is kept"
        async with Client(create_server(settings)) as client:
            here = (await client.call_tool("check_status", {"job_id": job_id})).structured_content
        assert secrets_in(str(here)) == [], "on stdin and stdout nothing has changed"
        assert here is not None
        assert here["next_step"].startswith("Show the person the video at")


async def test_a_store_that_is_down_loses_nothing_and_is_tried_until_it_is_back(
    environ: dict[str, str], tmp_path: Path
) -> None:
    async with stored(environ, tmp_path) as (storage, settings), httpx2.AsyncClient(timeout=60) as http:
        storage.trouble = [Trouble(kind="500")] * 1000
        async with serving(settings) as url:
            job_id = result_of(await post(http, url, MAKE))["structuredContent"]["job_id"]
            told = await status(http, url, job_id)
            assert told["status"] == "succeeded"
            assert Path(told["video_path"]).exists()
            assert "X-Amz" not in str(told["video_url"])
            (note,) = (note for note in told["notes"] if "object store" in note)
            assert "is not in the object store yet" in note
            assert "The last try failed: The object store is busy (HTTP 500, InternalError)." in note
        storage.trouble = []
        async with serving(settings) as url:  # another process goes on with it
            told = await linked(http, url, job_id)
        assert (await http.get(told["video_url"])).content == Path(told["video_path"]).read_bytes()
        assert len(storage.objects) == 1


async def test_only_a_copy_that_was_read_back_right_is_told_of(
    environ: dict[str, str], tmp_path: Path
) -> None:
    """The store harms what is put first and does not answer to it, cuts off the second look at it, and refuses the third."""
    async with stored(environ, tmp_path) as (storage, settings):

        def harm_once(body: bytes) -> bytes:
            storage.spoil = bytes
            return body[:-1]

        storage.spoil = harm_once
        storage.trouble = [
            Trouble(kind="lost"),
            Trouble(kind="cut", method="GET"),
            Trouble(kind="500", method="GET"),
        ]
        async with open_app(settings) as app:
            job = await made(app, request())
            while await in_store(app, job):
                pass
        assert job.artifacts is not None
        assert [held.body for held in storage.objects.values()] == [
            Path(job.artifacts.video_path).read_bytes()
        ]
        assert storage.trouble == []
        assert storage.count("DELETE") == 1, "what came to harm"
        assert storage.count("PUT") == 2, "what is there is not sent again to be read back"


async def test_a_video_that_is_gone_from_the_disk_is_told_and_takes_no_turn_from_others(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stored(environ, tmp_path) as (storage, settings):
        elsewhere = load_settings(environ, settings_file=tmp_path / "no.toml")
        async with open_app(elsewhere) as app:
            gone, kept = await made(app, request()), await made(app, request("another fox"))
        assert gone.artifacts is not None
        Path(gone.artifacts.video_path).unlink()
        async with open_app(settings, watch=False) as app:
            copies, database = app.runner.copies, app.installation.store  # pyright: ignore[reportPrivateUsage]
            assert copies is not None
            place = f"{storage.origin}/team/videos/"
            database.write_now(partial(store.object_copies.owe, place=place, now=database.clock()))
            claim = partial(store.object_copies.claim, place=place, now=database.clock())
            for runner in (database.ownership.instance, "a-process-that-is-gone"):
                assert database.write_now(partial(claim, by=runner, is_free=lambda _: False)) is not None
            assert await copies.put_next(), "what this process has claimed and dropped is its own to take up"
            assert await copies.put_next(), "and so is what a process had claimed that has died"
            done, failed = await copies.find(kept), await copies.find(gone)
            assert done is not None
            assert done.stored_at is not None
            assert failed is not None
            assert failed.tries == 1
        async with open_app(settings) as app:  # videos of before the store was set are put there as well
            assert await in_store(app, kept) is None
            old = load_settings(
                {**environ, **storage.environment("other")}, settings_file=tmp_path / "no.toml"
            )
        monkeypatch.setattr(store.object_copies, "_NEW_SECONDS", 0.0)
        async with open_app(old) as app:
            assert await in_store(app, kept) is None, "one of long ago is put there when it is asked for"
            storage.objects.popitem()
        async with open_app(settings) as app:
            assert "Its file cannot be read" in (await in_store(app, gone) or "")
        assert [path.rpartition("/")[2] for path in storage.objects] == [f"{kept.id}.mp4"]


async def test_a_store_that_cannot_be_used_keeps_serve_from_starting(
    environ: dict[str, str], tmp_path: Path
) -> None:
    environ = {**environ, "SEEDANCE_OBJECT_STORE": "s3://team"}
    settings = load_settings(environ, settings_file=tmp_path / "no.toml")
    with pytest.raises(ConfigError, match="SEEDANCE_S3_ACCESS_KEY_ID is not set"):
        await serve_http(settings, HERE, tell=lambda _: None)
