"""The whole way at every provider, as an assistant goes it: price, upload, video with progress, file, charge."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from pathlib import Path

import anyio
import pytest
from mcp import Client, StdioServerParameters
from mcp.types import TextResourceContents
from PIL import Image

from tests.emulator import DIALECTS, Behaviour, Emulator

from .asking import content
from .conftest import Era

WISH = {"prompt": "A red fox trots through fresh snow", "resolution": "480p", "duration": 5}


@pytest.mark.parametrize("provider", DIALECTS)
async def test_price_upload_video_file_and_charge(
    environ: dict[str, str], tmp_path: Path, era: Era, provider: str
) -> None:
    photo = tmp_path / "media" / "product.png"
    photo.parent.mkdir()
    Image.new("RGB", (864, 480), (180, 40, 40)).save(photo)
    behaviour = Behaviour(queued_seconds=0.2, running_seconds=0.6, true_size=True)
    told: list[float] = []

    async def progress(progress: float, total: float | None, message: str | None) -> None:
        told.append(progress)

    with anyio.fail_after(90):
        async with Emulator(provider, behaviour=behaviour) as emulator:
            settings = {**environ, **emulator.environment(), "SEEDANCE_CONFIRM": "off"}
            server = StdioServerParameters(
                command=sys.executable, args=["-m", "seedance_mcp"], env=settings, cwd=tmp_path
            )
            async with Client(server, mode=era) as client:
                priced = content(await client.call_tool("estimate_cost", {**WISH, "first_frame": str(photo)}))
                assert not emulator.ledger.tasks, "a price costs nothing"
                kept = content(
                    await client.call_tool("upload_media", {"source": str(photo), "provider": provider})
                )
                job = content(
                    await client.call_tool(
                        "generate_video",
                        {**WISH, "first_frame": kept["media_id"], "wait_seconds": 40},
                        progress_callback=progress,
                    )
                )
                read = await client.read_resource(f"seedance://jobs/{job['job_id']}")
                budget = await client.read_resource("seedance://budget")
            (task,) = emulator.ledger.tasks.values()
            charged = emulator.ledger.charged(task.currency)
            assert emulator.ledger.count("submit") == 1

    assert priced["provider"] == job["provider"] == provider
    assert (job["status"], job["error"]) == ("succeeded", None)
    assert told
    assert told == sorted(told)
    assert told[-1] == 1
    assert Path(job["video_path"]).stat().st_size > 1_000
    assert job["duration_seconds"] == pytest.approx(5, abs=0.3)
    counted = job["charge"] or priced["maximum"]
    assert counted["currency"] == task.currency
    if job["charge"]:
        assert abs(Decimal(counted["amount"]) - charged) < Decimal("0.000001"), "kept to the micro"
        assert Decimal(counted["usd"]) <= Decimal(priced["maximum"]["usd"])
    else:
        assert Decimal(counted["amount"]) >= charged, "without a word on the charge the most counts"
    (record, money) = (one.contents[0] for one in (read, budget))
    assert isinstance(record, TextResourceContents)
    assert isinstance(money, TextResourceContents)
    assert json.loads(record.text)["job_id"] == job["job_id"]
    assert Decimal(json.loads(money.text)["spent_today_usd"]) == Decimal(counted["usd"])
    assert emulator.key not in json.dumps([priced, kept, job]) + record.text + money.text
