"""Jobs, models, guides and the budget as resources, and the news about them."""

from __future__ import annotations

import base64
import io
import json
import sqlite3
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, MCPError
from mcp.client.subscriptions import ResourcesListChanged, ResourceUpdated
from mcp.types import (
    BlobResourceContents,
    ResourceListChangedNotification,
    ResourceUpdatedNotification,
    TextResourceContents,
)
from PIL import Image

from seedance_mcp.config import Settings
from seedance_mcp.server import create_server, updates
from seedance_mcp.store import database_file

from .asking import SMALL, content, make
from .conftest import Era


async def _text(client: Client, uri: str) -> str:
    (found,) = (await client.read_resource(uri)).contents
    assert isinstance(found, TextResourceContents)
    return found.text


async def _bytes(client: Client, uri: str) -> bytes:
    (found,) = (await client.read_resource(uri)).contents
    assert isinstance(found, BlobResourceContents)
    return base64.b64decode(found.blob)


async def test_a_job_its_picture_and_its_video_can_be_read(settings: Settings, era: Era) -> None:
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era) as client:
            job = await make(client)
            uri = f"seedance://jobs/{job['job_id']}"
            read = json.loads(await _text(client, uri))
            sheet = await _bytes(client, f"{uri}/contact-sheet")
            video = await _bytes(client, f"{uri}/video")
            listed = json.loads(await _text(client, "seedance://jobs"))
    assert read["video_path"] == job["video_path"]
    assert read["sha256"] == job["sha256"]
    assert Image.open(io.BytesIO(sheet)).format == "JPEG"
    assert video == Path(job["video_path"]).read_bytes()
    assert [one["job_id"] for one in listed["jobs"]] == [job["job_id"]]


async def test_models_guides_and_the_budget_can_be_read(settings: Settings, era: Era) -> None:
    with anyio.fail_after(20):
        async with Client(create_server(settings), mode=era) as client:
            models = json.loads(await _text(client, "seedance://models"))
            for model in models["models"]:
                assert len(await _text(client, f"seedance://guide/{model['model']}")) > 200
            assert "plan_film" in await _text(client, "seedance://guide/film")
            one = json.loads(await _text(client, "seedance://models/seedance-2.0"))
            budget = json.loads(await _text(client, "seedance://budget"))
    assert one["models"][0]["details"]["sizes"]
    assert budget["left_today_usd"] == "10"


async def test_the_newest_twenty_jobs_are_listed(settings: Settings, era: Era) -> None:
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era) as client:
            jobs: list[str] = []
            for number in range(21):
                asked = {**SMALL, "prompt": f"[sandbox:stall] {number}", "wait_seconds": 0}
                jobs.append(content(await client.call_tool("generate_video", asked))["job_id"])
            listed = [resource.uri for resource in (await client.list_resources()).resources]
            templates = (await client.list_resource_templates()).resource_templates
    fixed = [
        "seedance://jobs",
        "seedance://models",
        "seedance://budget",
        "seedance://board",
        "ui://seedance/board.html",
        "skill://direct-seedance-video/SKILL.md",
    ]
    assert listed == [*fixed, *(f"seedance://jobs/{job_id}" for job_id in reversed(jobs[1:]))]
    assert len(templates) == 11


async def test_only_the_video_that_was_saved_is_handed_over(settings: Settings, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"nobody's business")
    with anyio.fail_after(60):
        async with Client(create_server(settings)) as client:
            job = await make(client)
            video, uri = Path(job["video_path"]), f"seedance://jobs/{job['job_id']}/video"
            for put in (
                lambda: video.symlink_to(secret),
                lambda: video.write_bytes(b"another"),
                lambda: None,
            ):
                video.unlink(missing_ok=True)
                put()
                with pytest.raises(MCPError) as caught:
                    await client.read_resource(uri)
                assert caught.value.error.code == -32602
                assert caught.value.error.data["hint"]


@pytest.mark.parametrize(
    "uri",
    [
        "seedance://jobs/job_nothing",
        "seedance://jobs/job_nothing/video",
        "seedance://jobs/a/b/c",
        "seedance://models/seedance-9",
        "seedance://guide/../../models",
        "seedance://nothing",
        "skill://direct-seedance-video",
        "skill://direct-seedance-video/references/../SKILL.md",
        "file:///etc/passwd",
    ],
)
async def test_what_does_not_exist_is_refused(settings: Settings, era: Era, uri: str) -> None:
    with anyio.fail_after(20):
        async with Client(create_server(settings), mode=era) as client:
            with pytest.raises(MCPError) as caught:
                await client.read_resource(uri)
    assert caught.value.error.code == -32602
    assert caught.value.error.data["uri"] == uri


async def test_a_job_without_a_video_has_no_picture(settings: Settings, era: Era) -> None:
    with anyio.fail_after(20):
        async with Client(create_server(settings), mode=era) as client:
            asked = {**SMALL, "prompt": "[sandbox:stall]", "wait_seconds": 0}
            job_id = content(await client.call_tool("generate_video", asked))["job_id"]
            for part in ("video", "contact-sheet"):
                with pytest.raises(MCPError) as caught:
                    await client.read_resource(f"seedance://jobs/{job_id}/{part}")
                assert "has no video" in caught.value.error.message


async def test_a_listener_hears_of_new_and_of_changed_jobs(settings: Settings) -> None:
    with anyio.fail_after(60):
        async with (
            Client(create_server(settings)) as client,
            client.listen(resources_list_changed=True, resource_subscriptions=["seedance://budget"]) as news,
        ):
            await client.call_tool("generate_video", {**SMALL, "wait_seconds": 0})
            heard: set[object] = set()
            async for event in news:
                heard.add(event)
                if len(heard) == 2:
                    break
    assert heard == {ResourcesListChanged(), ResourceUpdated(uri="seedance://budget")}


async def test_what_cannot_be_read_now_is_told_when_it_can(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The database is away whenever clients are to be told of a change, until the last one."""
    away, failures = True, 0

    class Failing(database_file.SqliteConnection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:  # pyright: ignore[reportIncompatibleMethodOverride]
            nonlocal failures
            if away and sql.startswith("SELECT id, person FROM jobs WHERE id IN"):
                failures += 1
                raise sqlite3.OperationalError("database is locked")
            return super().execute(sql, *values)

    monkeypatch.setattr(database_file, "SqliteConnection", Failing)
    monkeypatch.setattr(updates, "_STORE_PAUSE_SECONDS", 0.01)
    with anyio.fail_after(60):
        async with (
            Client(create_server(settings)) as client,
            client.listen(resources_list_changed=True) as news,
        ):
            await make(client)
            away = False
            async for event in news:
                assert event == ResourcesListChanged()
                break
    assert failures
    told = [one for one in caplog.records if one.name == updates.__name__]
    assert [(one.levelname, one.exc_info) for one in told] == [("WARNING", None)]


@pytest.mark.filterwarnings("ignore:resources/(un)?subscribe is removed")
async def test_a_subscriber_of_the_older_protocol_hears_until_it_leaves(settings: Settings) -> None:
    heard: list[object] = []
    finished, listed = anyio.Event(), anyio.Event()

    async def note(message: object) -> None:
        heard.append(message)
        if isinstance(message, ResourceListChangedNotification):
            listed.set()
        if isinstance(message, ResourceUpdatedNotification):
            finished.set()

    with anyio.fail_after(60):
        async with Client(create_server(settings), mode="legacy", message_handler=note) as client:
            asked = {**SMALL, "prompt": "[sandbox:stall]", "wait_seconds": 0}
            job_id = content(await client.call_tool("generate_video", asked))["job_id"]
            await listed.wait()
            uri = f"seedance://jobs/{job_id}"
            await client.subscribe_resource(uri)
            await client.call_tool("cancel_job", {"job_id": job_id})
            await finished.wait()
            await client.unsubscribe_resource(uri)
    updated = {item.params.uri for item in heard if isinstance(item, ResourceUpdatedNotification)}
    assert updated == {uri}
