"""The server over HTTP as the SDK's clients see it, in both protocol eras."""

from __future__ import annotations

from typing import Any

import anyio
import httpx2
import pytest
from mcp import MCPError
from mcp.client.subscriptions import ResourcesListChanged, ResourceUpdated

from seedance_mcp.config import Settings
from seedance_mcp.server.hosts import waits
from tests.server.asking import content, refusal
from tests.server.test_confirmation import YES, Person

from .conftest import Era
from .local import STALLED, bearer, called, client, post, result_of, serving, token, with_meta

DEAR = {**STALLED, "prompt": "[sandbox:stall] a dear fox"}


async def test_a_client_is_served_with_progress_in_both_eras(settings: Settings, era: Era) -> None:
    heard: list[tuple[float, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, message))

    async with serving(settings) as url, client(url, era) as assistant:
        assert assistant.server_info
        assert assistant.server_info.name == "seedance"
        capabilities = assistant.server_capabilities
        assert capabilities.resources
        assert capabilities.resources.subscribe is (era == "auto"), "only where anything would come"
        tools = (await assistant.list_tools()).tools
        assert {tool.name for tool in tools} >= {"generate_video", "check_status"}
        waited = await assistant.call_tool(
            "generate_video", {**STALLED, "wait_seconds": 1}, progress_callback=hear
        )
        assert content(waited)["status"] in ("submitting", "queued", "running")
        again = await assistant.call_tool("generate_video", STALLED)
        assert content(again)["job_id"] == content(waited)["job_id"]
        budget = await assistant.read_resource("seedance://budget")
        assert budget.contents
    assert len(heard) >= 2
    assert [value for value, _ in heard] == sorted({value for value, _ in heard})


async def test_a_person_is_asked_in_the_newer_era_and_a_token_told_in_the_older(
    dear: Settings, era: Era
) -> None:
    person = Person(YES)
    async with serving(dear) as url, client(url, era, elicitation_callback=person) as assistant:
        first = await assistant.call_tool("generate_video", DEAR)
        if era == "auto":
            assert len(person.questions) == 1
        else:
            error = refusal(first)
            assert error["code"] == "confirmation_required"
            assert error["token"]
            first = await assistant.call_tool("generate_video", {**DEAR, "confirm_token": error["token"]})
        assert content(first)["status"] in ("submitting", "queued", "running")


async def test_an_answer_counts_after_a_restart_and_only_from_who_was_asked(dear: Settings) -> None:
    mine, other = await token(dear), await token(dear, "other")
    asking = {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}}
    async with serving(dear) as url, httpx2.AsyncClient(timeout=30) as http:
        asked = result_of(
            await post(http, url, with_meta(called("generate_video", DEAR), asking), bearer(mine))
        )
    assert asked["resultType"] == "input_required"
    (question,) = asked["inputRequests"]
    answer = called(
        "generate_video",
        DEAR,
        inputResponses={question: {"action": "accept", "content": {"agree": True}}},
        requestState=asked["requestState"],
    )
    async with serving(dear) as url, httpx2.AsyncClient(timeout=30) as http:
        stolen = await post(http, url, with_meta(answer, asking), bearer(other))
        assert "Invalid or expired requestState" in stolen.text
        bought = result_of(await post(http, url, with_meta(answer, asking), bearer(mine)))
    assert bought["structuredContent"]["status"] in ("submitting", "queued", "running")


async def test_a_listener_hears_of_jobs_that_others_start(settings: Settings) -> None:
    async with (
        serving(settings) as url,
        client(url, "auto") as listener,
        client(url, "legacy") as buyer,
        listener.listen(resources_list_changed=True, resource_subscriptions=["seedance://budget"]) as news,
    ):
        await buyer.call_tool("generate_video", STALLED)
        heard: set[type[Any]] = set()
        with anyio.fail_after(20):
            async for event in news:
                heard.add(type(event))
                if heard >= {ResourceUpdated, ResourcesListChanged}:
                    break


async def test_an_older_client_cannot_subscribe_where_nothing_would_come(settings: Settings) -> None:
    async with serving(settings) as url, client(url, "legacy") as assistant:
        with pytest.warns(Warning, match="removed"), pytest.raises(MCPError, match="Method not found"):
            await assistant.subscribe_resource("seedance://budget")


async def test_a_program_that_says_no_name_is_known_by_its_user_agent(settings: Settings) -> None:
    """Older clients say their name once, in a request of its own; Codex throws an answer away over a link in it."""
    async with serving(settings) as url:
        for program, links in (("codex/0.60 (linux)", False), ("curl/8", True)):
            async with client(url, "legacy", {"User-Agent": program}) as assistant:
                result = await assistant.call_tool("generate_video", STALLED)
                assert ("resource_link" in {block.type for block in result.content}) is links


@pytest.mark.parametrize(
    ("name", "named", "wants_progress", "check"),
    [("", False, False, 4), ("curl", False, False, 4), ("claude-code", False, False, 110), ("curl", True, False, 25),
     ("curl", False, True, 50)],
)  # fmt: skip
def test_a_program_that_nobody_knows_is_waited_for_least(
    name: str, named: bool, wants_progress: bool, check: float
) -> None:
    assert waits(name, wants_progress=wants_progress, named=named).check == check


async def test_an_answer_that_was_sent_is_no_proof_that_it_was_read(settings: Settings) -> None:
    """Two conversations look alike here, so only a call that names the job shows that somebody knows how it ended."""
    failing = {**STALLED, "prompt": "[sandbox:fail] a fox"}
    async with serving(settings) as url, httpx2.AsyncClient(timeout=30) as http:
        first = result_of(await post(http, url, called("generate_video", {**failing, "wait_seconds": 20})))
        job_id = first["structuredContent"]["job_id"]
        assert first["structuredContent"]["status"] == "failed"
        for _ in range(3):
            listed = result_of(await post(http, url, called("list_models", {"model": "seedance-1.0-pro"})))
            assert "finished_meanwhile" not in listed["structuredContent"], "told once to this program"
        other = result_of(await post(http, url, called("check_status"), {"User-Agent": "another"}))
        assert job_id in str(other["structuredContent"]["finished_meanwhile"])
        await post(http, url, called("check_status", {"job_id": job_id, "wait_seconds": 0}))
        third = result_of(await post(http, url, called("check_status"), {"User-Agent": "a third"}))
        assert "finished_meanwhile" not in third["structuredContent"], "the client of this name has read it"
