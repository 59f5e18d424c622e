"""What an answer says of a video or a film, to who sits at another machine and to who sits at this one."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from mcp import Client, MCPError
from mcp.types import BlobResourceContents

from seedance_mcp.config import Settings
from tests.server.asking import SMALL, content
from tests.server.conftest import Era

from .local import PUBLIC, bearer, behind_a_proxy, client, serving, token


@pytest.mark.parametrize("era", ["auto", "legacy"])
async def test_who_is_elsewhere_is_told_of_resources_and_of_no_file_of_the_server(
    settings: Settings, era: Era
) -> None:
    text = await token(settings, person="ann")
    async with (
        serving(settings, behind_a_proxy()) as url,
        client(url, era, {**PUBLIC, **bearer(text)}) as connected,
    ):
        made = await connected.call_tool("generate_video", {**SMALL, "wait_seconds": 60})
        job = content(made)
        assert job["status"] == "succeeded"
        job_id = job["job_id"]
        seen = await connected.call_tool("view_video", {"source": job_id})
        told = [made, seen, await connected.call_tool("check_status", {})]
        told += [await connected.call_tool("estimate_cost", SMALL)]
        read = await connected.read_resource(f"seedance://jobs/{job_id}")
        video = f"seedance://jobs/{job_id}/video"
        assert (await connected.read_resource(video)).contents
    links = [str(block.uri) for block in made.content if block.type == "resource_link"]
    assert links == [f"seedance://jobs/{job_id}", video]
    assert [str(block.uri) for block in seen.content if block.type == "resource_link"] == [video]
    assert job["video_url"] is None
    assert video in job["next_step"]
    assert job["video_path"] not in job["next_step"]
    for answer in (*told, read):
        assert "file:" not in answer.model_dump_json()
    placeholder = [note for note in job["notes"] if "This is a placeholder" in note]
    assert "drawn by the server" in placeholder[0]
    assert "in the settings file of the server" in placeholder[0]


async def test_a_film_is_given_to_who_is_elsewhere_as_a_resource(settings: Settings, era: Era) -> None:
    ann, bea = await token(settings, person="ann"), await token(settings, person="bea")
    shots = [{"seconds": 2, "prompt": "a harbour"}]
    board = {"title": "Lantern", "model": "seedance-1.0-pro", "resolution": "480p", "shots": shots}
    async with (
        serving(settings, behind_a_proxy()) as url,
        client(url, era, {**PUBLIC, **bearer(ann)}) as connected,
        client(url, era, {**PUBLIC, **bearer(bea)}) as hers,
    ):
        planned = content(
            await connected.call_tool("plan_film", {"storyboard": board, "quality": "animatic"})
        )
        film_id = planned["film_id"]
        wanted = {"film_id": film_id, "plan": planned["plan"], "wait_seconds": 40}
        made = await connected.call_tool("create_film", wanted)
        film, video = content(made), f"seedance://films/{film_id}/video"
        assert film["status"] == "succeeded"
        seen = await connected.call_tool("view_video", {"source": film_id})
        whole = await read(connected, video)
        parts = await read(connected, f"{video}/0")
        with pytest.raises(MCPError, match="has no part 900"):
            await read(connected, f"{video}/900")
        with pytest.raises(MCPError, match="There is no film"):
            await read(hers, video)
    assert whole == Path(film["film_path"]).read_bytes()
    assert parts == whole[: len(parts)]
    assert f"Give the person the film: it is the resource {video}" in film["next_step"]
    assert film["film_path"] not in film["next_step"]
    assert video in [str(block.uri) for block in made.content if block.type == "resource_link"]
    assert [str(block.uri) for block in seen.content if block.type == "resource_link"] == [video]


async def read(connected: Client, uri: str) -> bytes:
    """What a resource holds."""
    (found,) = (await connected.read_resource(uri)).contents
    assert isinstance(found, BlobResourceContents)
    return base64.b64decode(found.blob)


async def test_who_is_here_is_told_of_the_file(settings: Settings) -> None:
    async with serving(settings) as url, client(url, "auto") as connected:
        made = await connected.call_tool("generate_video", {**SMALL, "wait_seconds": 60})
    job = content(made)
    assert job["next_step"].startswith(f"Show the person the video at {job['video_path']}.")
    assert job["video_url"].startswith("file:")
    assert Path(job["video_path"]).as_uri() in [b.uri for b in made.content if b.type == "resource_link"]
