"""A local video at a provider that reads only URLs, as an assistant gets it there; and nothing tells the keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio

from tests.emulator import Behaviour, Emulator
from tests.emulator.s3 import Store, running, secrets_in
from tests.media import planting

from .process import INITIALIZED, call, initialize, serving

WISH = {"prompt": "the same at night", "provider": "ark", "model": "seedance-2.0", "duration": 5}


async def test_price_upload_and_video_by_a_bucket_with_the_log_wide_open(
    environ: dict[str, str], tmp_path: Path
) -> None:
    film = tmp_path / "media" / "holiday.mp4"
    film.parent.mkdir()
    planting.mp4(film, size=(864, 480), seconds=3)
    more = {"SEEDANCE_CONFIRM": "off", "SEEDANCE_LOG_LEVEL": "debug"}
    said: list[Any] = []
    async with running(Store()) as bucket, Emulator("ark", behaviour=Behaviour()) as emulator:
        settings = {**environ, **emulator.environment(), **bucket.environment(), **more}
        async with serving(settings, tmp_path) as server:

            async def use(number: int, tool: str, **arguments: Any) -> dict[str, Any]:
                said.append(await server.ask(call(number, tool, arguments)))
                found: dict[str, Any] = said[-1]["result"]["structuredContent"]
                return found

            said.append(await server.ask(initialize()))
            await server.send(INITIALIZED)
            priced = await use(2, "estimate_cost", **WISH, reference_videos=[str(film)])
            kept = await use(3, "upload_media", source=str(film))
            made = await use(
                4, "generate_video", **WISH, reference_videos=[kept["media_id"]], wait_seconds=30
            )
            with anyio.fail_after(30):
                while made["status"] not in ("succeeded", "failed"):
                    made = await use(5, "check_status", job_id=made["job_id"], wait_seconds=10)
            await server.stdin.aclose()
            await server.process.wait()
        log = server.stderr.decode()
    assert (made["status"], made["error"]) == ("succeeded", None)
    assert any("by way of the bucket clips" in note for note in priced["notes"])
    assert "ark/seedance-2.0" in kept["usable_with"]
    assert "To ark, byteplus, runcomfy it goes by way of the bucket clips." in kept["next_step"]
    assert bucket.count("PUT") == 1
    assert "DEBUG" in log
    assert secrets_in(log + json.dumps(said)) == []
