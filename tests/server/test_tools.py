"""What each tool answers, in both protocol eras."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.types import ImageContent, Implementation, ResourceLink
from PIL import Image

from seedance_mcp.config import Settings, load_settings
from seedance_mcp.server import create_server

from .asking import SMALL, content, make, refusal, text
from .conftest import Era


async def test_a_video_is_made_and_saved(settings: Settings, era: Era) -> None:
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era) as client:
            started = content(await client.call_tool("generate_video", {**SMALL, "wait_seconds": 0}))
            assert started["job_id"] in started["next_step"]
            result = await client.call_tool("check_status", {"job_id": started["job_id"], "wait_seconds": 30})
    job = content(result)
    assert job["job_id"] == started["job_id"]
    assert (job["status"], job["provider"], job["placeholder"]) == ("succeeded", "sandbox", True)
    assert (job["progress"], job["error"], job["deduplicated"]) == (1.0, None, False)
    assert job["estimate"] == {"amount": "0", "currency": "USD", "usd": "0"}
    assert "finished_meanwhile" not in job
    assert Path(job["video_path"]).is_file()
    assert job["duration_seconds"] == pytest.approx(2, abs=0.1)
    assert any("ARK_API_KEY" in note for note in job["notes"])


async def test_the_text_alone_says_everything_that_the_structured_content_says(
    settings: Settings, era: Era
) -> None:
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era) as client:
            job = await make(client)
            for tool, arguments in (
                ("check_status", {"job_id": job["job_id"]}),
                ("estimate_cost", SMALL),
                ("list_models", {}),
                ("list_models", {"model": "seedance-2.0"}),
                ("view_video", {"source": job["job_id"]}),
            ):
                result = await client.call_tool(tool, arguments)
                said = " ".join(text(result).split())
                missing = [leaf for leaf in _leaves(content(result)) if leaf not in said]
                assert missing == [], tool


async def test_a_finished_job_comes_with_links_and_one_small_picture(settings: Settings, era: Era) -> None:
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era) as client:
            job = await make(client)
            result = await client.call_tool("check_status", {"job_id": job["job_id"]})
    links = [block.uri for block in result.content if isinstance(block, ResourceLink)]
    assert links == [f"seedance://jobs/{job['job_id']}", Path(job["video_path"]).as_uri()]
    (picture,) = [block for block in result.content if isinstance(block, ImageContent)]
    assert picture.mime_type == "image/jpeg"
    assert len(base64.b64decode(picture.data)) < 60_000
    assert picture.data[:40] not in str(result.structured_content)


async def test_the_picture_can_be_switched_off(environ: dict[str, str]) -> None:
    settings = load_settings({**environ, "SEEDANCE_PREVIEW": "0"})
    with anyio.fail_after(60):
        async with Client(create_server(settings)) as client:
            job = await make(client)
            result = await client.call_tool("check_status", {"job_id": job["job_id"]})
    assert [block.type for block in result.content] == ["text", "resource_link", "resource_link"]


async def test_the_same_request_again_is_the_same_job(settings: Settings, era: Era) -> None:
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era) as client:
            asked = {**SMALL, "prompt": "[sandbox:stall]", "wait_seconds": 0}
            first = content(await client.call_tool("generate_video", asked))
            again = content(await client.call_tool("generate_video", asked))
            other = content(await client.call_tool("generate_video", {**asked, "allow_duplicate": True}))
    assert (first["deduplicated"], again["deduplicated"], other["deduplicated"]) == (False, True, False)
    assert again["job_id"] == first["job_id"] != other["job_id"]


async def test_without_an_id_the_recent_jobs_and_the_budget_are_told(settings: Settings, era: Era) -> None:
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era) as client:
            asked = {**SMALL, "wait_seconds": 0}
            jobs = [
                content(await client.call_tool("generate_video", {**asked, "prompt": prompt}))["job_id"]
                for prompt in ("[sandbox:stall] one", "[sandbox:stall] two", "[sandbox:stall] three")
            ]
            result = await client.call_tool("check_status", {"limit": 2})
    listed = content(result)
    assert [job["job_id"] for job in listed["jobs"]] == [jobs[2], jobs[1]]
    assert listed["budget"] == {
        "spent_today_usd": "0",
        "reserved_usd": "0",
        "left_today_usd": "10",
        "max_per_job_usd": "3",
    }
    assert jobs[2] in text(result)
    assert jobs[0] not in text(result)


async def test_an_estimate_compares_offers_and_spends_nothing(settings: Settings, era: Era) -> None:
    with anyio.fail_after(20):
        async with Client(create_server(settings), mode=era) as client:
            asked = {"prompt": "A fox", "model": "seedance-2.0", "duration": 5}
            estimate = content(await client.call_tool("estimate_cost", asked))
            jobs = content(await client.call_tool("check_status", {}))["jobs"]
    assert estimate["provider"] == "sandbox"
    assert estimate["estimate"] == {"amount": "0", "currency": "USD", "usd": "0"}
    assert estimate["settings"]["duration"] == 5
    elsewhere = [offer for offer in estimate["offers"] if offer["provider"] != "sandbox"]
    prices = [float(offer["usd"]) for offer in elsewhere if offer["usd"] is not None]
    assert prices == sorted(prices)
    assert min(prices) > 0
    assert not any(offer["ready"] for offer in elsewhere)
    assert jobs == []


async def test_a_picture_becomes_a_media_id_that_a_request_can_use(
    settings: Settings, era: Era, tmp_path: Path
) -> None:
    picture = tmp_path / "media" / "fox.png"
    picture.parent.mkdir()
    Image.new("RGB", (640, 360), "orange").save(picture)
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era) as client:
            uploaded = content(await client.call_tool("upload_media", {"source": str(picture)}))
            assert (uploaded["kind"], uploaded["width"], uploaded["height"]) == ("image", 640, 360)
            assert "sandbox/seedance-2.0" in uploaded["usable_with"]
            job = await make(client, first_frame=uploaded["media_id"])
    assert job["status"] == "succeeded"


@pytest.mark.parametrize("source", ["https://media.invalid/fox.png", "asset://fox-1"])
async def test_an_address_that_nobody_has_looked_at_is_not_called_usable(
    settings: Settings, source: str
) -> None:
    with anyio.fail_after(30):
        async with Client(create_server(settings)) as client:
            answered = await client.call_tool("upload_media", {"source": source})
    headline, kept = text(answered).splitlines()[0], content(answered)
    assert headline.startswith(f"{kept['media_id']} is kept as image, not looked at; ")
    assert "usable" not in headline
    [note] = kept["notes"]
    assert "is passed to the provider as it is. What is behind it was not looked at" in note


@pytest.mark.parametrize("nothing", ["", "  ", '""'])
@pytest.mark.parametrize("tool", ["upload_media", "view_video"])
async def test_a_path_that_is_empty_is_no_folder(settings: Settings, tool: str, nothing: str) -> None:
    with anyio.fail_after(30):
        async with Client(create_server(settings)) as client:
            refused = refusal(await client.call_tool(tool, {"source": nothing}))
    assert refused["code"] == "media"
    assert refused["message"] == "No file was named: the path is empty."


async def test_models_are_listed_and_one_is_explained(settings: Settings, era: Era) -> None:
    with anyio.fail_after(20):
        async with Client(create_server(settings), mode=era) as client:
            everything = content(await client.call_tool("list_models", {}))
            one = content(await client.call_tool("list_models", {"model": "seedance-2.0"}))
            sold = content(await client.call_tool("list_models", {"provider": "sandbox"}))
    assert len(everything["models"]) > 5
    assert [provider["provider"] for provider in everything["providers"] if provider["ready"]] == ["sandbox"]
    assert [model["model"] for model in one["models"]] == ["seedance-2.0"]
    assert one["models"][0]["details"]["guide"] == "seedance://guide/seedance-2.0"
    assert {offer["provider"] for model in sold["models"] for offer in model["offers"]} == {"sandbox"}


async def test_a_video_is_shown_and_measured(settings: Settings, era: Era) -> None:
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era) as client:
            job = await make(client)
            result = await client.call_tool("view_video", {"source": job["job_id"], "frames": 4})
            by_path = content(await client.call_tool("view_video", {"source": job["video_path"]}))
    seen = content(result)
    assert (seen["facts"]["width"], seen["facts"]["height"]) == (job["width"], job["height"])
    assert seen["facts"]["frames"] == 48
    assert Path(seen["sheet"]).is_file()
    (picture,) = [block for block in result.content if isinstance(block, ImageContent)]
    assert (
        base64.b64decode(picture.data) == Path(seen["sheet"]).read_bytes()
        or by_path["sheet"] == seen["sheet"]
    )
    assert by_path["facts"] == seen["facts"]


async def test_takes_are_shown_side_by_side(settings: Settings, era: Era) -> None:
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era) as client:
            one, two = await make(client), await make(client, prompt="a blue fox")
            asked = {"source": one["job_id"], "compare": [two["job_id"]], "start": 1, "frames": 3}
            result = await client.call_tool("view_video", asked)
            same = await client.call_tool("view_video", {**asked, "compare": [one["video_path"]]})
    seen = content(result)
    assert seen["video_path"] == one["video_path"]
    assert Path(seen["sheet"]).name == f"{Path(one['video_path']).stem}-compare.jpg"
    [other] = seen["others"]
    assert (other["letter"], other["source"], other["video_path"]) == ("B", two["job_id"], two["video_path"])
    assert other["facts"]["frames"] == 48
    (picture,) = [block for block in result.content if isinstance(block, ImageContent)]
    assert len(base64.b64decode(picture.data)) <= 150_000
    assert seen["image"]["tokens"] <= 1_600
    assert text(result).splitlines()[0].endswith("see it as A beside B.")
    assert refusal(same)["code"] == "invalid_request"


async def test_where_nothing_is_drawn_there_is_no_picture(settings: Settings, era: Era) -> None:
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era) as client:
            job = await make(client)  # by a model without sound
            looked = [
                await client.call_tool("view_video", {"source": job["job_id"], "show": show})
                for show in ("sound", "cuts")
            ]
    for result in looked:
        seen = content(result)
        assert seen["sheet"] is None
        assert "image" not in seen
        assert "nothing is drawn" in seen["notes"][0]
        assert not [block for block in result.content if isinstance(block, ImageContent)]


async def test_cancelling_says_what_became_of_it(settings: Settings, era: Era) -> None:
    with anyio.fail_after(30):
        async with Client(create_server(settings), mode=era) as client:
            asked = {**SMALL, "prompt": "[sandbox:stall]", "wait_seconds": 0}
            job_id = content(await client.call_tool("generate_video", asked))["job_id"]
            cancelled = content(await client.call_tool("cancel_job", {"job_id": job_id}))
            waiting = {"job_id": job_id, "wait_seconds": 20}
            after = content(await client.call_tool("check_status", waiting))
    assert cancelled["job_id"] == job_id
    assert cancelled["notes"][0]
    assert (after["status"], after["video_path"]) == ("cancelled", None)


async def test_a_job_that_fails_is_an_answer_and_not_an_error(settings: Settings, era: Era) -> None:
    with anyio.fail_after(30):
        async with Client(create_server(settings), mode=era) as client:
            job = await make(client, prompt="[sandbox:moderate] a fox")
    assert job["status"] == "failed"
    assert job["error"]["code"] == "content_rejected"
    assert job["error"]["hint"] == job["next_step"]
    assert job["error"]["retryable"] is False


async def test_every_tool_tells_once_what_finished_meanwhile(settings: Settings, era: Era) -> None:
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era) as client:
            asked = {**SMALL, "wait_seconds": 0}
            job_id = content(await client.call_tool("generate_video", asked))["job_id"]
            other = Implementation(name="another-assistant", version="1")
            async with Client(create_server(settings), mode=era, client_info=other) as waiting:
                await waiting.call_tool("check_status", {"job_id": job_id, "wait_seconds": 30})
            result = await client.call_tool("list_models", {})
            again = content(await client.call_tool("list_models", {}))
    (told,) = content(result)["finished_meanwhile"]
    assert (told["job_id"], told["status"]) == (job_id, "succeeded")
    assert told["video_path"] in text(result)
    assert "finished_meanwhile" not in again


def _leaves(value: Any) -> list[str]:
    """Every fact in structured content, as it may stand in a text. Yes and no have many words."""
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in _leaves(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item)]
    return [] if value is None or isinstance(value, bool) else [" ".join(str(value).split())]
