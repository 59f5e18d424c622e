"""The skills: what a host is told of them, and that it is what it then reads."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
import yaml
from mcp import Client, MCPError
from mcp.types import EmptyResult, Request, RequestParams, TextResourceContents
from pydantic import ConfigDict

from seedance_mcp.catalog import Catalog
from seedance_mcp.config import Settings
from seedance_mcp.errors import ConfigError
from seedance_mcp.server import create_server
from seedance_mcp.server.assembly import assemble

from .conftest import Era

ENTRY = "skill://direct-seedance-video/SKILL.md"
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class Params(RequestParams):
    """Any parameters."""

    model_config = ConfigDict(extra="allow")


class Anything(EmptyResult):
    """A result of a method that the SDK does not know."""

    model_config = ConfigDict(extra="allow")


async def ask(client: Client, method: str, **params: Any) -> dict[str, Any]:
    """Call a method of the extension; its result as it came."""
    request = Request[Params, str](method=method, params=Params(**params))
    answer = await client.session.send_request(request, Anything)
    return answer.model_dump(by_alias=True, exclude_none=True)


async def read(client: Client, uri: str) -> TextResourceContents:
    """Read a file of a skill."""
    [contents] = (await client.read_resource(uri)).contents
    assert isinstance(contents, TextResourceContents)
    return contents


@asynccontextmanager
async def connected(settings: Settings, era: Era) -> AsyncIterator[Client]:
    """A client of the real server."""
    with anyio.fail_after(20):
        async with Client(create_server(settings), mode=era) as client:
            yield client


async def test_every_file_of_a_listed_skill_is_read_as_its_digest_says(settings: Settings, era: Era) -> None:
    async with connected(settings, era) as client:
        [skill] = (await ask(client, "skills/list"))["skills"]
        for file in skill["resources"]:
            contents = await read(client, file["uri"])
            raw = contents.text.encode()
            assert (file["digest"], file["size"]) == (f"sha256:{hashlib.sha256(raw).hexdigest()}", len(raw))
            assert contents.mime_type == "text/markdown"
        again = (await ask(client, "skills/get", uri=skill["uri"]))["skill"]
    assert skill["uri"] == skill["resources"][0]["uri"] == ENTRY
    assert again == skill


async def test_what_is_told_of_a_skill_is_what_it_begins_with(settings: Settings, era: Era) -> None:
    async with connected(settings, era) as client:
        [skill] = (await ask(client, "skills/list"))["skills"]
        text = (await read(client, skill["uri"])).text
        [listed] = [one for one in (await client.list_resources()).resources if one.uri == skill["uri"]]
    told = skill["frontmatter"]
    assert yaml.safe_load(text.split("---\n")[1]) == told
    assert NAME.fullmatch(told["name"])
    assert skill["uri"] == f"skill://{told['name']}/SKILL.md"
    assert (listed.name, listed.description) == (told["name"], told["description"])
    assert len(told["name"]) <= 64
    assert len(told["description"]) <= 1024
    assert len(text.splitlines()) < 500
    assert len(text) / 4 < 5000


async def test_every_link_in_a_skill_leads_to_a_file_or_a_resource_that_is_there(settings: Settings) -> None:
    async with connected(settings, "auto") as client:
        [skill] = (await ask(client, "skills/list"))["skills"]
        texts = [(await read(client, file["uri"])).text for file in skill["resources"]]
        tools = {
            tool.name: set(tool.input_schema["properties"]) for tool in (await client.list_tools()).tools
        }
        prompts = {prompt.name for prompt in (await client.list_prompts()).prompts}
    root = skill["uri"].removesuffix("SKILL.md")
    linked = {root + path for text in texts for path in re.findall(r"references/[\w.-]+\.md", text)}
    assert linked == {file["uri"] for file in skill["resources"]} - {skill["uri"]}
    named = {word for text in texts for word in re.findall(r"`([a-z]+_[a-z_]+)`", text)}
    arguments = set().union(*tools.values())
    assert named - tools.keys() - arguments - prompts <= {
        "approval_required",
        "confirmation_required",
        "video_path",
        "omni_reference_task_type",
    }
    told = {tool for tool in tools if any(f"`{tool}`" in text for text in texts)}
    assert set(tools) - told == {"cancel_job"}


async def test_the_guides_of_all_models_are_in_the_skill_as_the_resources_have_them(
    settings: Settings,
) -> None:
    async with connected(settings, "auto") as client:
        for model in Catalog.load().models.values():
            guide = await read(client, f"seedance://guide/{model.id}")
            path = f"skill://direct-seedance-video/references/{model.prompting.guide}.md"
            assert (await read(client, path)).text == guide.text


async def test_a_skill_that_does_not_exist_is_refused(settings: Settings, era: Era) -> None:
    async with connected(settings, era) as client:
        for uri in ("skill://nothing/SKILL.md", ENTRY.removesuffix("/SKILL.md"), "seedance://models"):
            with pytest.raises(MCPError) as caught:
                await ask(client, "skills/get", uri=uri)
            assert caught.value.error.code == -32602
            assert ENTRY in caught.value.error.data["hint"]


async def test_each_era_is_told_what_it_defines(settings: Settings, era: Era) -> None:
    """A client of the handshake era sees no declaration, which has no place there, and finds the skill in the list."""
    async with connected(settings, era) as client:
        listed = await ask(client, "skills/list")
        declared = client.server_capabilities.extensions
        instructions = client.instructions or ""
    assert ENTRY in instructions
    if era == "auto":
        assert declared is not None
        assert declared["io.modelcontextprotocol/skills"] == {}
        assert (listed["resultType"], listed["cacheScope"]) == ("complete", "public")
        assert listed["ttlMs"] > 0
    else:
        assert declared is None
        assert set(listed) == {"skills"}


async def test_the_skill_can_be_read_while_the_settings_are_wrong(settings: Settings, era: Era) -> None:
    with anyio.fail_after(20):
        async with Client(assemble(settings, ConfigError("wrong")), mode=era) as client:
            assert (await read(client, ENTRY)).text.startswith("---\n")
            assert [skill["uri"] for skill in (await ask(client, "skills/list"))["skills"]] == [ENTRY]
