"""What is offered to who types an argument of a prompt, or the open part of an address of a resource."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from mcp import Client, MCPError
from mcp.types import Completion, PromptReference, ResourceTemplateReference, TextContent

from seedance_mcp.catalog import Catalog
from seedance_mcp.config import Settings
from seedance_mcp.errors import ConfigError
from seedance_mcp.server import create_server
from seedance_mcp.server.assembly import assemble

from .asking import SMALL, content, make
from .conftest import Era

CATALOG = Catalog.load()


@asynccontextmanager
async def connected(settings: Settings, era: Era = "auto") -> AsyncIterator[Client]:
    """A client of the real server."""
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era) as client:
            yield client


async def completed(
    client: Client, where: str, argument: str, typed: str = "", known: dict[str, str] | None = None
) -> Completion:
    """What is offered; `where` is the name of a prompt or the address of a resource."""
    reference = (
        ResourceTemplateReference(type="ref/resource", uri=where)
        if "://" in where
        else PromptReference(type="ref/prompt", name=where)
    )
    answer = await client.complete(reference, {"name": argument, "value": typed}, context_arguments=known)
    return answer.completion


async def values(
    client: Client, where: str, argument: str, typed: str = "", known: dict[str, str] | None = None
) -> list[str]:
    """The values that are offered."""
    return (await completed(client, where, argument, typed, known)).values


async def test_names_of_models_and_providers_are_completed(settings: Settings, era: Era) -> None:
    async with connected(settings, era) as client:
        assert await values(client, "direct_video", "model") == list(CATALOG.models)
        assert await values(client, "seedance://guide/{model}", "model") == list(CATALOG.models)
        assert set(await values(client, "storyboard", "provider")) == set(CATALOG.providers)
        fast = await completed(client, "direct_video", "model", " SEEDANCE-2.0-F")
        assert (fast.values, fast.total, fast.has_more) == (["seedance-2.0-fast"], 1, False)
        assert await values(client, "direct_video", "model", "fast") == []


async def test_only_models_that_can_do_it_are_offered(settings: Settings, era: Era) -> None:
    able = [name for name, model in CATALOG.models.items() if "edit" in model.modes]
    async with connected(settings, era) as client:
        assert await values(client, "edit_video", "model") == able
        sold = await values(client, "direct_video", "model", known={"provider": "ark"})
        assert sold == [offer.model.id for offer in CATALOG.offers(provider="ark")]
        sellers = await values(client, "direct_video", "provider", known={"model": "seedance-1.0-lite"})
        assert set(sellers) == {offer.provider.name for offer in CATALOG.offers(model="seedance-1.0-lite")}


async def test_what_was_filled_in_before_narrows_the_values(settings: Settings, era: Era) -> None:
    model = CATALOG.models["seedance-2.0-mini"]
    known = {"model": model.id, "provider": "sandbox", "resolution": "720p"}
    async with connected(settings, era) as client:
        assert await values(client, "direct_video", "resolution", known=known) == list(model.resolutions)
        assert await values(client, "direct_video", "aspect_ratio", "1", known) == ["16:9", "1:1"]
        durations = await values(client, "direct_video", "duration", known=known)
        assert durations == [str(n) for n in range(model.durations.min, model.durations.max + 1)]
        assert "4k" in await values(client, "direct_video", "resolution")
        silent = {"model": "seedance-1.0-pro"}
        assert "adaptive" not in await values(client, "direct_video", "aspect_ratio", known=silent)
        assert await values(client, "direct_video", "duration", known={"model": "nothing"}) == []


async def test_what_can_be_anything_has_no_values(settings: Settings, era: Era) -> None:
    async with connected(settings, era) as client:
        for prompt, argument in (
            ("direct_video", "idea"),
            ("storyboard", "seconds"),
            ("edit_video", "other"),
        ):
            offered = await completed(client, prompt, argument, "a")
            assert (offered.values, offered.total) == ([], 0)


async def test_a_reference_to_what_there_is_not_is_an_error(settings: Settings, era: Era) -> None:
    async with connected(settings, era) as client:
        for where in ("no_prompt", "seedance://nothing/{model}", "skill://x", "file:///etc/{model}"):
            with pytest.raises(MCPError) as caught:
                await completed(client, where, "model")
            assert caught.value.error.code == -32602
            assert "There are: " in caught.value.error.message


async def test_completions_work_while_the_settings_are_wrong(settings: Settings, era: Era) -> None:
    with anyio.fail_after(30):
        async with Client(assemble(settings, ConfigError("wrong")), mode=era) as client:
            assert await values(client, "direct_video", "model", "seedance-2.5") == ["seedance-2.5"]
            assert await values(client, "edit_video", "video") == []


async def test_jobs_are_completed_and_a_prompt_takes_the_file_of_one(settings: Settings) -> None:
    async with connected(settings) as client:
        made = (await make(client))["job_id"]
        stalled = {**SMALL, "prompt": "[sandbox:stall]", "wait_seconds": 0}
        running = content(await client.call_tool("generate_video", stalled))["job_id"]
        assert set(await values(client, "seedance://jobs/{job_id}", "job_id", "JOB_")) == {made, running}
        assert await values(client, "edit_video", "video") == [made]
        assert await values(client, "animate_image", "image", made[:10]) == [made]
        [message] = (await client.get_prompt("animate_image", {"image": made})).messages
        assert isinstance(message.content, TextContent)
        assert f'"job:{made}/last_frame"' in message.content.text
        with pytest.raises(MCPError) as caught:
            await client.get_prompt("animate_image", {"image": running})
        assert caught.value.error.code == -32602
