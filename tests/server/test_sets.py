"""Several videos of one request as an assistant sees them."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from mcp import Client
from mcp.types import BlobResourceContents, ImageContent
from PIL import Image

from seedance_mcp.config import load_settings
from seedance_mcp.server import create_server

from .asking import SMALL, content, priced, refusal, text


async def test_a_set_is_priced_asked_about_made_and_looked_at_as_one(
    environ: dict[str, str], tmp_path: Path
) -> None:
    settings = load_settings(priced({**environ, "SEEDANCE_CONFIRM_ABOVE_USD": "0.5"}, tmp_path, "0.15"))
    asked = {**SMALL, "variations": 2}
    async with Client(create_server(settings)) as client:
        price = await client.call_tool("estimate_cost", asked)
        assert content(price)["total"]["count"] == 2
        assert content(price)["total"]["estimate"]["usd"] == "0.6"
        assert content(price)["estimate"]["usd"] == "0.3"
        assert "total:" in text(price)
        assert "all together may cost 0.60 USD" in text(price)

        question = refusal(await client.call_tool("generate_video", asked))
        assert "Make 2 videos of this for at most 0.60 USD in all, 2 times 0.30 USD?" in question["message"]
        made = content(
            await client.call_tool(
                "generate_video", {**asked, "confirm_token": question["token"], "wait_seconds": 30}
            )
        )
        again = content(await client.call_tool("generate_video", {**asked, "wait_seconds": 0}))
        answer = await client.call_tool("check_status", {"job_id": made["set_id"], "wait_seconds": 30})
        found = content(answer)
        seen = await client.call_tool("view_video", {"source": made["set_id"], "frames": 3})
        alone = await client.read_resource(f"seedance://jobs/{found['job_id']}/contact-sheet")
        one = content(await client.call_tool("check_status", {"job_id": found["variations"][1]["job_id"]}))
        plain = content(await client.call_tool("check_status", {}))

    assert [variation["number"] for variation in found["variations"]] == [1, 2]
    assert {variation["status"] for variation in found["variations"]} == {"succeeded"}
    assert len({variation["seed"] for variation in found["variations"]}) == 2
    assert all(Path(variation["video_path"]).exists() for variation in found["variations"])
    assert text(answer).startswith("2 videos of one request: 2 succeeded.")
    assert (found["total"]["count"], found["total"]["estimate"]["usd"]) == (2, "0.6")
    assert found["total"]["charge"]["usd"] == "0"
    assert found["job_id"] == found["variations"][0]["job_id"]
    (shown,) = [block for block in answer.content if isinstance(block, ImageContent)]
    (sheet,) = [part for part in alone.contents if isinstance(part, BlobResourceContents)]
    assert _shape(shown.data) < _shape(sheet.blob) < 3, (
        "two rows of frames are less wide than the sheet of one video"
    )
    assert [other["source"] for other in content(seen)["others"]] == [found["variations"][1]["job_id"]]
    assert one["job_id"] == found["variations"][1]["job_id"]
    assert one["set_id"] == again["set_id"] == made["set_id"]
    assert again["deduplicated"]
    assert not found.get("finished_meanwhile")
    assert {job["set_id"] for job in plain["jobs"]} == {made["set_id"]}


async def test_a_number_of_variations_that_is_none_is_refused(environ: dict[str, str]) -> None:
    async with Client(create_server(load_settings(environ))) as client:
        for count in (1, 7):
            error = refusal(await client.call_tool("generate_video", {**SMALL, "variations": count}))
            assert "variations" in error["problems"][0]


def _shape(picture: str) -> float:
    with Image.open(io.BytesIO(base64.b64decode(picture))) as image:
        return image.width / image.height


async def test_a_set_is_asked_to_stop_as_a_whole(environ: dict[str, str]) -> None:
    asked = {**SMALL, "prompt": "[sandbox:stall]", "variations": 2, "wait_seconds": 0}
    async with Client(create_server(load_settings(environ))) as client:
        made = content(await client.call_tool("generate_video", asked))
        stopped = content(await client.call_tool("cancel_job", {"job_id": made["set_id"]}))
        found = content(
            await client.call_tool("check_status", {"job_id": made["set_id"], "wait_seconds": 20})
        )
        again = content(await client.call_tool("cancel_job", {"job_id": made["set_id"]}))
    assert [note[:9] for note in stopped["notes"] if note.startswith("Number")] == ["Number 1:", "Number 2:"]
    assert {variation["status"] for variation in found["variations"]} == {"cancelled"}
    assert "All of them had ended; nothing was changed." in again["notes"]
