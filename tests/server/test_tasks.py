"""Videos as tasks of the protocol, for clients that take them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, MCPError
from mcp.client import ClientRequestContext, advertise
from mcp.types import (
    CallToolResult,
    ElicitRequestParams,
    ElicitResult,
    Implementation,
    Result,
    SubscriptionFilter,
    SubscriptionsListenRequest,
    SubscriptionsListenRequestParams,
)

from seedance_mcp.config import Settings, load_settings
from seedance_mcp.server import create_server
from tests.emulator import Behaviour, Emulator
from tests.emulator.server import KEY
from tests.reliability import fault_market as market

from .asking import SMALL, content, make, priced, text
from .tasking import TASKS, TakesTasks, ask, ended, start

STALLED = {**SMALL, "prompt": "[sandbox:stall] a fox"}


def _client(settings: Settings, **more: Any) -> Client:
    return Client(create_server(settings), extensions=[TakesTasks()], **more)


@pytest.mark.parametrize("host", ["an-assistant", "codex-mcp-client"])  # of which the one throws links away
async def test_a_task_comes_to_what_check_status_answers(settings: Settings, host: str) -> None:
    with anyio.fail_after(60):
        async with _client(settings, client_info=Implementation(name=host, version="1")) as client:
            made = await client.call_tool("generate_video", {**SMALL, "wait_seconds": 50})
            told = await client.call_tool("check_status", {"job_id": content(made)["job_id"]})
    assert content(made)["status"] == "succeeded"
    assert Path(content(made)["video_path"]).is_file()
    assert made.structured_content == told.structured_content
    assert made.content == told.content
    assert [block.type for block in made.content][-1] == "image"
    assert ("resource_link" in [block.type for block in made.content]) == (host == "an-assistant")


async def test_a_task_is_a_job_that_any_server_knows_from_the_first_moment(settings: Settings) -> None:
    with anyio.fail_after(60):
        async with _client(settings) as client:
            handle = await start(client, **STALLED)
            first = await ask(client.session, "get", handle.task_id)
            again = await start(client, **STALLED)
        async with _client(settings) as another:
            later = await ask(another.session, "get", handle.task_id)
            job = content(
                await another.call_tool("check_status", {"job_id": handle.task_id, "wait_seconds": 0})
            )
    assert first.keys() == {
        "resultType", "taskId", "status", "statusMessage", "createdAt", "lastUpdatedAt", "ttlMs", "pollIntervalMs", "_meta"
    }  # fmt: skip
    assert (first["resultType"], first["taskId"], first["status"]) == ("complete", handle.task_id, "working")
    assert (first["createdAt"], first["pollIntervalMs"]) == (handle.created_at, 50)
    assert (handle.ttl_ms, handle.status) == (None, "working")
    assert handle.status_message.startswith("no provider of real videos has a usable key, ")
    assert (again.task_id, later["taskId"], job["job_id"]) == (handle.task_id,) * 3
    assert "Nothing was made now" in again.status_message


async def test_a_task_that_is_cancelled_ends_so_and_again_changes_nothing(settings: Settings) -> None:
    with anyio.fail_after(60):
        async with _client(settings) as client:
            handle = await start(client, **STALLED)
            answered = await ask(client.session, "update", handle.task_id, inputResponses={"unknown": {}})
            for _ in range(2):
                cancelled = await ask(client.session, "cancel", handle.task_id)
                end = await ended(client.session, handle.task_id)
                assert (end["status"], "result" in end) == ("cancelled", False)
    assert {name for name in (*answered, *cancelled) if name != "_meta"} == {"resultType"}


@pytest.mark.parametrize(
    ("marker", "code"), [("fail", "generation_failed"), ("moderate", "content_rejected")]
)
async def test_a_job_without_a_video_completes_its_task_with_the_reason(
    settings: Settings, marker: str, code: str
) -> None:
    with anyio.fail_after(60):
        async with _client(settings) as client:
            handle = await start(client, **{**SMALL, "prompt": f"[sandbox:{marker}]"})
            task = await ended(client.session, handle.task_id)
    job = task["result"]["structuredContent"]
    assert (task["status"], job["status"], task["result"]["isError"]) == ("completed", "failed", False)
    assert job["error"]["code"] == code


async def test_what_is_refused_or_finished_at_once_is_no_task(settings: Settings) -> None:
    with anyio.fail_after(60):
        async with _client(settings) as client:
            made = await client.call_tool("generate_video", SMALL)
            answers = [
                await client.session.call_tool("generate_video", arguments, allow_claimed=True)
                for arguments in ({"size": "big"}, {**SMALL, "prompt": "[sandbox:refuse]"}, SMALL)
            ]
    unknown, refused, again = [answer for answer in answers if isinstance(answer, CallToolResult)]
    assert unknown.is_error
    assert content(refused)["status"] == "failed"
    assert content(again)["job_id"] == content(made)["job_id"]


async def test_nobody_else_gets_a_task(settings: Settings) -> None:
    with anyio.fail_after(60):
        async with Client(create_server(settings)) as client:
            made = content(await client.call_tool("generate_video", {**STALLED, "wait_seconds": 0}))
            assert TASKS in (client.server_capabilities.extensions or {})
            for verb in ("get", "update", "cancel"):
                with pytest.raises(MCPError) as refused:
                    await ask(client.session, verb, made["job_id"], inputResponses={})
                assert refused.value.error.code == -32021
                assert refused.value.error.data == {"requiredCapabilities": {"extensions": {TASKS: {}}}}
        # As some clients do, though that revision has no such extension.
        async with Client(create_server(settings), mode="legacy", extensions=[advertise(TASKS)]) as client:
            again = content(await client.call_tool("generate_video", {**STALLED, "wait_seconds": 0}))
            with pytest.raises(MCPError) as refused:
                await ask(client.session, "get", made["job_id"])
    assert again["job_id"] == made["job_id"]
    assert refused.value.error.code == -32601


async def test_an_unknown_task_is_refused_by_every_method(settings: Settings) -> None:
    with anyio.fail_after(60):
        async with _client(settings) as client:
            for verb in ("get", "update", "cancel"):
                with pytest.raises(MCPError) as refused:
                    await ask(client.session, verb, "job_nothing", inputResponses={})
                assert (refused.value.error.code, "job_nothing" in refused.value.error.message) == (
                    -32602,
                    True,
                )


async def test_a_job_of_another_key_is_no_task_here(tmp_path: Path) -> None:
    wish = market.request("ark").model_dump(exclude_defaults=True)
    with anyio.fail_after(60):
        async with Emulator("ark", behaviour=Behaviour(running_seconds=3600)) as emulator:
            emulator.add_account("another-key-9876543210")
            async with _client(market.settings(emulator.environment(key=KEY), tmp_path)) as client:
                handle = await start(client, **wish)
            others = market.settings(emulator.environment(key="another-key-9876543210"), tmp_path)
            async with _client(others) as client:
                with pytest.raises(MCPError) as refused:
                    await ask(client.session, "get", handle.task_id)
                again = content(await client.call_tool("generate_video", wish))
    assert (refused.value.error.code, "same-account" in refused.value.error.data["hint"]) == (-32602, True)
    assert again["job_id"] == handle.task_id


async def test_a_price_is_agreed_to_before_there_is_a_task(environ: dict[str, str], tmp_path: Path) -> None:
    asked: list[str] = []

    async def person(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action="accept", content={"agree": len(asked) > 1})

    settings = load_settings(priced(environ, tmp_path, "0.75"))
    with anyio.fail_after(60):
        async with _client(settings, elicitation_callback=person) as client:
            declined = await client.call_tool("generate_video", SMALL)
            made = await client.call_tool("generate_video", SMALL)
    assert (declined.is_error, len(asked)) == (True, 2)
    assert (content(made)["status"], content(made)["estimate"]["usd"]) == ("succeeded", "1.5")


async def test_looking_at_a_task_proves_to_nobody_that_the_result_was_read(settings: Settings) -> None:
    with anyio.fail_after(60):
        async with _client(settings) as client:
            handle = await start(client, **SMALL)
            for _ in range(3):
                await ended(client.session, handle.task_id)
            again = content(await client.call_tool("generate_video", SMALL))
            await client.call_tool("list_models", {})
            another = content(await client.call_tool("generate_video", SMALL))
    assert (again["job_id"], again["deduplicated"]) == (handle.task_id, True)
    assert another["job_id"] != handle.task_id


async def test_news_of_other_jobs_comes_with_the_result_and_not_with_the_handle(settings: Settings) -> None:
    other = Implementation(name="another-assistant", version="1")
    with anyio.fail_after(60):
        async with _client(settings) as client, Client(create_server(settings), client_info=other) as beside:
            first = await make(beside, prompt="first")
            handle = await start(client, **SMALL)
            task = await ended(client.session, handle.task_id)
    (news,) = task["result"]["structuredContent"]["finished_meanwhile"]
    assert news["job_id"] == first["job_id"]
    assert first["job_id"] in _said(task["result"])


async def test_a_lost_purchase_that_a_person_has_to_look_for_is_not_waited_for(tmp_path: Path) -> None:
    wish = market.request("runcomfy").model_dump(exclude_defaults=True)
    with anyio.fail_after(60):
        async with Emulator("runcomfy") as emulator:
            emulator.fail("lost", "submit")
            async with _client(market.settings(emulator.environment(), tmp_path)) as client:
                answer = await client.call_tool("generate_video", wish)
    assert content(answer)["status"] == "unknown"
    assert "Do not submit again" in text(answer)


@pytest.mark.parametrize("declared", [False, True])
async def test_no_news_of_tasks_is_promised(settings: Settings, declared: bool) -> None:
    wanted = SubscriptionFilter.model_validate({"resourcesListChanged": True, "taskIds": ["job_nothing"]})
    listen = SubscriptionsListenRequest(params=SubscriptionsListenRequestParams(notifications=wanted))
    said: list[Any] = []

    async def hear(message: Any) -> None:
        said.append(message)
        acknowledged.set()

    acknowledged = anyio.Event()
    extensions = [TakesTasks()] if declared else []
    with anyio.fail_after(20):
        async with (
            Client(create_server(settings), extensions=extensions, message_handler=hear) as client,
            anyio.create_task_group() as tasks,
        ):
            if declared:
                tasks.start_soon(client.session.send_request, listen, Result)
                await acknowledged.wait()
                assert said[0].params.notifications.model_dump(exclude_none=True) == {
                    "resources_list_changed": True
                }
                tasks.cancel_scope.cancel()
            else:
                with pytest.raises(MCPError) as refused:
                    await client.session.send_request(listen, Result)
                assert refused.value.error.code == -32021


def _said(result: Mapping[str, Any]) -> str:
    return "\n".join(block["text"] for block in result["content"] if block["type"] == "text")
