"""How long a call waits, what it says meanwhile, and what its end means for the job."""

from __future__ import annotations

from itertools import pairwise

import anyio
import pytest
from mcp import Client
from mcp.types import Implementation

from seedance_mcp.config import Settings
from seedance_mcp.server import create_server
from seedance_mcp.server.hosts import waits

from .asking import SMALL, content
from .conftest import Era

STALLED = {**SMALL, "prompt": "[sandbox:stall] a fox"}


@pytest.mark.parametrize(
    ("client", "wants_progress", "generate", "check", "most"),
    [
        ("claude-ai", False, 45, 45, 55),
        ("claude-code", True, 110, 110, 110),
        ("Visual Studio Code", False, 240, 240, 280),
        ("Visual Studio Code - Insiders", False, 240, 240, 280),
        ("cursor-vscode", False, 45, 45, 55),
        ("codex-mcp-client", False, 50, 50, 280),
        ("gemini-cli-mcp-client-seedance", False, 110, 110, 550),
        ("mcp", False, 0, 4, 600),
        ("mcp", True, 25, 50, 600),
        ("mcp-something", False, 0, 25, 600),
        ("mcp-inspector", False, 45, 45, 280),
        ("Kiro", False, 0, 25, 600),
        ("Zed", True, 45, 45, 55),
        ("goose", True, 110, 110, 280),
        ("Cline", False, 45, 45, 55),
        ("Q DEV CLI", False, 45, 45, 55),
        ("somebody new", False, 0, 25, 600),
        ("somebody new", True, 25, 50, 600),
        ("", False, 0, 25, 600),
    ],
)
def test_a_call_waits_as_long_as_its_client_allows(
    client: str, wants_progress: bool, generate: float, check: float, most: float
) -> None:
    found = waits(client, wants_progress=wants_progress)
    assert (found.generate, found.check, found.most) == (generate, check, most)


async def test_an_unknown_client_gets_its_job_at_once(settings: Settings, era: Era) -> None:
    with anyio.fail_after(20):
        async with Client(create_server(settings), mode=era) as client:
            with anyio.fail_after(6):
                job = content(await client.call_tool("generate_video", STALLED))
    assert job["status"] in ("queued", "running")
    assert job["job_id"] in job["next_step"]


async def test_a_known_client_gets_the_finished_video(settings: Settings, era: Era) -> None:
    code = Implementation(name="claude-code", version="2.1.0")
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era, client_info=code) as client:
            job = content(await client.call_tool("generate_video", SMALL))
    assert job["status"] == "succeeded"


async def test_a_call_never_waits_longer_than_its_host_bears(settings: Settings) -> None:
    """GitHub Copilot gives up after 30 s: the shortest limit that is known."""
    copilot = Implementation(name="JetBrains-IU/copilot-intellij", version="1")
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode="legacy", client_info=copilot) as client:
            with anyio.fail_after(29):
                job = content(await client.call_tool("generate_video", {**STALLED, "wait_seconds": 1500}))
    assert job["status"] in ("queued", "running")


async def test_a_wait_that_runs_out_is_not_an_error(settings: Settings, era: Era) -> None:
    with anyio.fail_after(20):
        async with Client(create_server(settings), mode=era) as client:
            started = content(await client.call_tool("generate_video", {**STALLED, "wait_seconds": 0}))
            waiting = {"job_id": started["job_id"], "wait_seconds": 0.3}
            job = content(await client.call_tool("check_status", waiting))
    assert job["status"] in ("queued", "running")


async def test_progress_rises_to_the_total_and_says_what_happens(settings: Settings, era: Era) -> None:
    told: list[tuple[float, float | None, str | None]] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total, message))

    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era) as client:
            started = content(await client.call_tool("generate_video", {**SMALL, "wait_seconds": 0}))
            waiting = {"job_id": started["job_id"], "wait_seconds": 30}
            await client.call_tool("check_status", waiting, progress_callback=note)
            before = len(told)
            await client.call_tool("check_status", {})
    values = [progress for progress, _, _ in told]
    assert values == sorted(set(values))
    assert values[-1] == 1.0
    assert {total for _, total, _ in told} == {1.0}
    assert all(message and "\n" not in message for _, _, message in told)
    assert len(told) == before, "progress after the call's end"


async def test_progress_is_told_at_least_every_ten_seconds_while_nothing_happens(settings: Settings) -> None:
    told: list[float] = []
    began = 0.0

    async def note(progress: float, total: float | None, message: str | None) -> None:
        told.append(anyio.current_time())

    with anyio.fail_after(40):
        async with Client(create_server(settings)) as client:
            started = content(await client.call_tool("generate_video", {**STALLED, "wait_seconds": 0}))
            began = anyio.current_time()
            waiting = {"job_id": started["job_id"], "wait_seconds": 11}
            await client.call_tool("check_status", waiting, progress_callback=note)
            ended = anyio.current_time()
    times = [began, *told, ended]
    assert max(later - earlier for earlier, later in pairwise(times)) < 10


async def test_a_call_that_is_given_up_leaves_its_job_alone(settings: Settings, era: Era) -> None:
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era) as client:
            started = content(await client.call_tool("generate_video", {**SMALL, "wait_seconds": 0}))
            waiting = {"job_id": started["job_id"], "wait_seconds": 30}
            with anyio.CancelScope() as scope:

                async def give_up(progress: float, total: float | None, message: str | None) -> None:
                    scope.cancel()

                await client.call_tool("check_status", waiting, progress_callback=give_up)
            assert scope.cancelled_caught
            job = content(await client.call_tool("check_status", waiting))
    assert job["status"] == "succeeded"
