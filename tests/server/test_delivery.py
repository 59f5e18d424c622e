"""A video that is not what was ordered stays a success, and is never one without a word."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from seedance_mcp.config import load_settings
from seedance_mcp.server import create_server
from tests.emulator import DIALECTS, Emulator

from .asking import content
from .conftest import Era

WISH = {
    "prompt": "A red fox trots through fresh snow",
    "resolution": "480p",
    "aspect_ratio": "16:9",
    "duration": 5,
}


async def made(client: Client, **fields: object) -> dict[str, Any]:
    return content(await client.call_tool("generate_video", {**WISH, **fields, "wait_seconds": 40}))


def about_delivery(answer: dict[str, Any]) -> list[str]:
    return [note for note in answer["notes"] if note.startswith("Not as ordered: ")]


@pytest.mark.parametrize("provider", DIALECTS)
async def test_the_file_of_every_provider_is_compared_with_the_order(
    environ: dict[str, str], tmp_path: Path, era: Era, provider: str
) -> None:
    with anyio.fail_after(90):
        async with Emulator(provider) as emulator:
            given = {**environ, **emulator.environment(), "SEEDANCE_CONFIRM": "off"}
            settings = load_settings(given, settings_file=tmp_path / "none.toml")
            async with Client(create_server(settings), mode=era) as client:
                short = await made(client)
                emulator.behaviour.true_size = True
                good = await made(client, prompt="A hare")
                later = content(await client.call_tool("check_status", {"job_id": short["job_id"]}))
    assert (short["status"], short["error"], good["status"]) == ("succeeded", None, "succeeded")
    for answer in (short, later):
        (said,) = about_delivery(answer)
        assert "ordered 5 s, 8" in said
        assert "the file has 1.0 s, 64x36" in said
        assert f"jobs show {short['job_id']} --refund-note" in said
    assert about_delivery(good) == []


@pytest.mark.parametrize("provider", ["ark", "atlas", "replicate"])
async def test_a_provider_that_names_another_model_than_was_ordered_is_told_of(
    environ: dict[str, str], tmp_path: Path, era: Era, provider: str
) -> None:
    with anyio.fail_after(90):
        async with Emulator(provider) as emulator:
            emulator.behaviour.true_size = True
            emulator.behaviour.running_seconds = 2.0
            given = {**environ, **emulator.environment(), "SEEDANCE_CONFIRM": "off"}
            settings = load_settings(given, settings_file=tmp_path / "none.toml")
            async with Client(create_server(settings), mode=era) as client:
                started = content(await client.call_tool("generate_video", {**WISH, "wait_seconds": 0}))
                (task,) = emulator.ledger.tasks.values()
                ordered, task.model = task.model, f"{task.model}-cheap"
                wait = {"job_id": started["job_id"], "wait_seconds": 40}
                done = content(await client.call_tool("check_status", wait))
    assert done["status"] == "succeeded"
    (said,) = about_delivery(done)
    assert f"ordered {ordered}; the provider says that the model is {ordered}-cheap" in said


async def test_the_terminal_and_the_refund_note_say_it_of_a_stored_job(
    environ: dict[str, str], tmp_path: Path
) -> None:
    async with Emulator("ark") as emulator:
        given = {**environ, **emulator.environment(), "SEEDANCE_CONFIRM": "off"}
        settings = load_settings(given, settings_file=tmp_path / "none.toml")
        async with Client(create_server(settings)) as client:
            short = await made(client)
            emulator.behaviour.true_size = True
            good = await made(client, prompt="A hare")

        async def command(*words: str) -> str:
            with anyio.fail_after(60):
                run = await anyio.run_process(
                    [sys.executable, "-m", "seedance_mcp", "jobs", "show", *words], env=given, cwd=tmp_path
                )
            return run.stdout.decode()

        shown = await command(short["job_id"])
        note = await command(short["job_id"], "--refund-note")
        of_the_good = await command(good["job_id"]) + await command(good["job_id"], "--refund-note")
    assert "not as ordered: ordered 5 s" in shown
    assert "--refund-note" in shown
    assert "not as ordered: ordered 5 s" in note
    assert "not as ordered" not in of_the_good
