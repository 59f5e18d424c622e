"""What an assistant is told of a job that was bought with another key: whose it is, and what a person can do."""

from __future__ import annotations

import hashlib
from pathlib import Path

import anyio
import pytest
from mcp import Client
from mcp.types import TextResourceContents

from seedance_mcp.config import Settings
from seedance_mcp.server import create_server
from tests.emulator import Behaviour, Emulator
from tests.emulator.server import KEY
from tests.reliability import fault_market as market

from .asking import content, text
from .conftest import Era

THEIRS = "another-key-9876543210"
OURS = hashlib.sha256(KEY.encode()).hexdigest()[:8]


def settings(emulator: Emulator, folder: Path, key: str) -> Settings:
    return market.settings(emulator.environment(key=key), folder)


@pytest.mark.parametrize("lost", [False, True])
async def test_every_answer_about_such_a_job_names_its_key(tmp_path: Path, era: Era, lost: bool) -> None:
    wish = market.request("ark").model_dump(exclude_defaults=True)
    with anyio.fail_after(60):
        async with Emulator("ark", behaviour=Behaviour(running_seconds=3600)) as emulator:
            theirs = emulator.add_account(THEIRS)
            if lost:
                emulator.fail("lost", "submit")
                emulator.fail("lost", "list", times=None)
            async with Client(create_server(settings(emulator, tmp_path, KEY)), mode=era) as client:
                job = content(await client.call_tool("generate_video", {**wish, "wait_seconds": 0}))
            assert all(OURS not in note for note in job.get("notes", []))
            emulator.faults.clear()
            told: list[str] = []
            async with Client(create_server(settings(emulator, tmp_path, THEIRS)), mode=era) as client:
                job_id = {"job_id": job["job_id"]}
                for tool, arguments in (
                    ("check_status", {**job_id, "wait_seconds": 0.2}),
                    ("check_status", {}),
                    ("generate_video", {**wish, "wait_seconds": 0}),
                    ("cancel_job", job_id),
                ):
                    result = await client.call_tool(tool, arguments)
                    told += [text(result), str(content(result))]
                    assert "Such a job usually takes" not in told[-1]
                again = content(await client.call_tool("generate_video", {**wish, "wait_seconds": 0}))
                for uri in (f"seedance://jobs/{job['job_id']}", "seedance://jobs"):
                    [resource] = (await client.read_resource(uri)).contents
                    assert isinstance(resource, TextResourceContents)
                    told.append(resource.text)
    assert (again["job_id"], again["deduplicated"]) == (job["job_id"], True)
    assert again["status"] == ("unknown" if lost else "queued")
    assert "same-account" in again["next_step"]
    assert "Do not submit it again" in again["next_step"]
    for words in told:
        assert f"{OURS}…" in words
        assert "looks for" not in words  # nobody here may
        assert KEY not in words
        assert THEIRS not in words
    assert theirs.calls == []


async def test_progress_says_that_a_job_waits_for_its_key(tmp_path: Path, era: Era) -> None:
    messages: list[str | None] = []

    async def progress(progress: float, total: float | None, message: str | None) -> None:
        messages.append(message)

    with anyio.fail_after(60):
        async with Emulator("ark", behaviour=Behaviour(running_seconds=3600)) as emulator:
            emulator.add_account(THEIRS)
            wish = market.request("ark").model_dump(exclude_defaults=True)
            async with Client(create_server(settings(emulator, tmp_path, KEY)), mode=era) as client:
                job = content(await client.call_tool("generate_video", {**wish, "wait_seconds": 0}))
            async with Client(create_server(settings(emulator, tmp_path, THEIRS)), mode=era) as client:
                asked = {"job_id": job["job_id"], "wait_seconds": 0.5}
                await client.call_tool("check_status", asked, progress_callback=progress)
    assert messages
    assert set(messages) == {"Waiting for the key that it was bought with"}
