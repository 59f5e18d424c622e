"""What a client of each revision of the protocol is sent: no field and no kind of content that its revision does not define."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.types import Implementation

from seedance_mcp.config import Settings
from seedance_mcp.server import create_server

from .asking import SMALL, make
from .conftest import Era
from .process import INITIALIZED, MODERN, Server, call, request, serving

OLDEST, SECOND, THIRD, FOURTH, NEWEST = "2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"
REVISIONS = (OLDEST, SECOND, THIRD, FOURTH, NEWEST)

_SINCE: dict[str, dict[str, str]] = {
    "server": {
        OLDEST: "name version",
        THIRD: "title",
        FOURTH: "description icons websiteUrl",
    },
    "capabilities": {
        OLDEST: "experimental logging prompts resources tools",
        SECOND: "completions",
        NEWEST: "extensions",
    },
    "tool": {
        OLDEST: "name description inputSchema",
        SECOND: "annotations",
        THIRD: "title outputSchema _meta",
        FOURTH: "icons",
    },
    "answer": {OLDEST: "content isError _meta", THIRD: "structuredContent", NEWEST: "resultType"},
    "text": {OLDEST: "type text annotations", THIRD: "_meta"},
    "image": {OLDEST: "type data mimeType annotations", THIRD: "_meta"},
    "resource": {
        OLDEST: "uri name description mimeType size annotations",
        THIRD: "title _meta",
        FOURTH: "icons",
    },
    "template": {
        OLDEST: "uriTemplate name description mimeType annotations",
        THIRD: "title _meta",
        FOURTH: "icons",
    },
    "prompt": {OLDEST: "name description arguments", THIRD: "title _meta", FOURTH: "icons"},
    "annotations": {OLDEST: "audience priority", THIRD: "lastModified"},
    "contents": {OLDEST: "uri mimeType text blob", THIRD: "_meta"},
    "progress": {OLDEST: "progressToken progress total", SECOND: "message", FOURTH: "_meta"},
}
"""The fields of each thing, by the revision that brought them, as the published schemas have them."""


def _check(kind: str, revision: str, *things: dict[str, Any]) -> None:
    defined = {
        field
        for since, fields in _SINCE[kind].items()
        if REVISIONS.index(since) <= REVISIONS.index(revision)
        for field in fields.split()
    }
    assert things, f"no {kind} was seen"
    for thing in things:
        assert set(thing) <= defined, f"{kind} at {revision}"


async def _open(server: Server, revision: str, name: str = "raw") -> dict[str, Any] | None:
    if revision == NEWEST:
        return None
    hello = {
        "protocolVersion": revision,
        "capabilities": {},
        "clientInfo": {"name": name, "version": "1"},
    }
    opened = (await server.ask(request(1, "initialize", hello)))["result"]
    await server.send(INITIALIZED)
    return opened


@pytest.mark.parametrize("revision", REVISIONS)
async def test_a_client_is_sent_only_what_its_revision_defines(
    environ: dict[str, str], tmp_path: Path, revision: str
) -> None:
    modern = revision == NEWEST

    async with serving(environ, tmp_path) as server:
        opened = await _open(server, revision)

        async def ask(number: int, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
            return (await server.ask(request(number, method, params, modern=modern)))["result"]

        tools = (await ask(2, "tools/list"))["tools"]
        making = call(3, "generate_video", {**SMALL, "wait_seconds": 30})
        making["params"]["_meta"] = {**(MODERN if modern else {}), "progressToken": "t"}
        progress: list[dict[str, Any]] = []
        await server.send(making)
        while (message := await server.receive()).get("id") != 3:
            progress += [message["params"]] if message["method"] == "notifications/progress" else []
        made = message["result"]
        refused = await ask(4, "tools/call", {"name": "check_status", "arguments": {"job_id": "job_none"}})
        resources = (await ask(5, "resources/list"))["resources"]
        templates = (await ask(6, "resources/templates/list"))["resourceTemplates"]
        read = await ask(7, "resources/read", {"uri": resources[-1]["uri"]})
        prompts = (await ask(9, "prompts/list"))["prompts"]
        completed = await ask(
            8,
            "completion/complete",
            {
                "ref": {"type": "ref/resource", "uri": "seedance://models/{model}"},
                "argument": {"name": "model", "value": "seedance-2"},
            },
        )

    if opened is not None:
        assert opened["protocolVersion"] == revision
        _check("server", revision, opened["serverInfo"])
        _check("capabilities", revision, opened["capabilities"])
    _check("tool", revision, *tools)
    _check("answer", revision, made, refused)
    _check("progress", revision, *progress)
    _check("text", revision, *[block for block in made["content"] if block["type"] == "text"])
    _check("image", revision, *[block for block in made["content"] if block["type"] == "image"])
    _check("resource", revision, *resources)
    _check("template", revision, *templates)
    _check("contents", revision, *read["contents"])
    _check("prompt", revision, *prompts)
    _check("annotations", revision, *[one.get("annotations", {}) for one in resources])
    assert completed["completion"]["values"]

    kinds = [block["type"] for block in made["content"]]
    new = REVISIONS.index(revision) >= REVISIONS.index(THIRD)
    assert kinds == ["text", *(["resource_link"] * 2 if new else []), "image"]
    assert ("structuredContent" in made) == new
    assert all(("outputSchema" in tool) == new for tool in tools)
    assert all(("annotations" in tool) == (revision != OLDEST) for tool in tools)
    assert {bool(one.get("message")) for one in progress} == {revision != OLDEST}
    said = made["content"][0]["text"]
    [video] = (tmp_path / "videos").glob("*.mp4")
    assert f"video_path: {video}" in said
    assert "seedance://jobs/" in resources[-1]["uri"]
    assert refused["_meta"]["seedance/error"]["code"] == "job_not_found"
    assert "structuredContent" not in refused


@pytest.mark.parametrize(
    ("name", "links"),
    [
        ("codex-mcp-client", False),
        ("Kiro", False),
        ("kiro-cli", False),
        ("claude-code", True),
        ("cursor-vscode", True),
        ("somebody new", True),
    ],
)
async def test_a_host_that_drops_answers_with_links_gets_none(
    settings: Settings, era: Era, name: str, links: bool
) -> None:
    info = Implementation(name=name, version="1")
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era, client_info=info) as client:
            job = await make(client)
            seen = await client.call_tool("view_video", {"source": job["job_id"]})
            done = await client.call_tool("check_status", {"job_id": job["job_id"]})
    for answer, most in ((done, 2), (seen, 1)):
        kinds = [block.type for block in answer.content]
        assert kinds.count("resource_link") == (most if links else 0)
        assert kinds.count("image") == 1
        assert answer.structured_content
