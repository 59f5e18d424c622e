"""Named tokens: who gets in with them, with what else nobody does, and that nothing tells them."""

from __future__ import annotations

import logging
from typing import Any

import anyio
import httpx2
import pytest
from mcp.client.subscriptions import SubscriptionLost

from seedance_mcp.app import open_app
from seedance_mcp.config import Settings
from seedance_mcp.server import create_server
from seedance_mcp.server.callers import CALLER_KEY, Caller
from seedance_mcp.server.tasks import TASKS
from tests.server.left import until
from tests.server.process import MODERN
from tests.sweep import sweep

from .local import LIST, STALLED, bearer, called, client, post, result_of, serving, token, why


async def test_nothing_but_a_good_token_opens_once_there_is_one(settings: Settings) -> None:
    good, late, gone = (
        await token(settings),
        await token(settings, "late", days=-1),
        await token(settings, "gone"),
    )
    other = await token(settings, "other")
    async with open_app(settings, watch=False) as app:
        await app.installation.tokens.revoke(gone.split("_")[1])
    head, token_id, secret = good.split("_", 2)
    assert (head, len(token_id), len(secret)) == ("sdc", 8, 43)
    bad = [
        "sdc", "sdc_", f"sdc_{token_id}", f"sdc_{token_id}_", secret, late, gone, f"{good}x", good[:-1], good.upper(),
        f"sdc_aaaaaaaa_{secret}", f"sdc_{other.split('_')[1]}_{secret}", f"sdc_{token_id}_{'A' * 43}",
        f"{good} {good}", f"{good},{good}", "x" * 10_000, f"sdc_{token_id}_{secret[:-1]}\u00e9",
    ]  # fmt: skip
    async with serving(settings) as url, httpx2.AsyncClient() as http:
        for text in bad:
            answer = await post(http, url, LIST, bearer(text))
            assert answer.status_code == 401, text
            assert answer.headers["www-authenticate"] == 'Bearer realm="seedance", error="invalid_token"'
            assert secret not in answer.text
        for scheme in ("Basic", "Token", "Bearer-ish", ""):
            answer = await post(http, url, LIST, {"Authorization": f"{scheme} {good}".strip()})
            assert (answer.status_code, answer.headers["www-authenticate"]) == (
                401,
                'Bearer realm="seedance"',
            )
        answer = await post(http, f"{url}?access_token={good}", LIST)
        assert answer.status_code == 401
        assert "seedance-mcp tokens add" in why(answer)
        twice = [("Authorization", f"Bearer {good}"), ("Authorization", f"Bearer {good}")]
        answer = await http.post(url, headers=[*twice, ("Content-Type", "application/json")], content=b"{}")
        assert (answer.status_code, why(answer)) == (400, "The request has two Authorization headers.")
        for scheme in ("Bearer", "bearer", "BEARER", "Bearer "):
            answer = await post(http, url, LIST, {"Authorization": f"{scheme} {good}"})
            assert result_of(answer)["tools"], scheme


async def test_a_token_that_is_made_or_revoked_counts_while_the_server_runs(settings: Settings) -> None:
    async with serving(settings) as url, httpx2.AsyncClient() as http:
        assert (await post(http, url, LIST)).status_code == 200
        text = await token(settings)
        with anyio.fail_after(10):
            while (await post(http, url, LIST)).status_code == 200:  # noqa: ASYNC110
                await anyio.sleep(0.1)
        assert (await post(http, url, LIST, bearer(text))).status_code == 200
        async with open_app(settings, watch=False) as app:
            (kept,) = await app.installation.tokens.all()
            assert kept.used_at is not None
            await app.installation.tokens.revoke(kept.id)
        with anyio.fail_after(10):
            while (await post(http, url, LIST, bearer(text))).status_code == 200:  # noqa: ASYNC110
                await anyio.sleep(0.1)
        assert (await post(http, url, LIST)).status_code == 401, (
            "who takes a token away wants less to be open"
        )


async def test_a_token_that_is_revoked_ends_what_it_began(settings: Settings) -> None:
    leaked, kept = await token(settings, "leaked"), await token(settings, "kept")
    listening = {text: anyio.Event() for text in (leaked, kept)}
    ended: list[str] = []

    async def listen(text: str) -> None:
        async with client(url, "auto", bearer(text)) as assistant:
            try:
                async with assistant.listen(resource_subscriptions=["seedance://budget"]) as news:
                    listening[text].set()
                    async for _ in news:
                        pass
            except SubscriptionLost:
                ended.append(text)

    async def wait() -> None:
        waiting = called("generate_video", {**STALLED, "wait_seconds": 60})
        async with httpx2.AsyncClient(timeout=60) as http:
            answer = await post(http, url, waiting, bearer(leaked))
        ended.append(f"waited: {answer.status_code}")

    async with serving(settings) as url, anyio.create_task_group() as tasks:
        for text in (leaked, kept):
            tasks.start_soon(listen, text)
            await listening[text].wait()
        tasks.start_soon(wait)
        async with open_app(settings, watch=False) as app:
            with anyio.fail_after(30):
                while not await app.recent(1):  # noqa: ASYNC110  until it is bought
                    await anyio.sleep(0.01)
            await app.installation.tokens.revoke(leaked.split("_")[1])
        await until(lambda: len(ended) == 2, 8)
        tasks.cancel_scope.cancel()
    assert sorted(ended) == sorted([leaked, "waited: 401"])


async def test_a_token_that_may_only_look_cannot_spend(settings: Settings) -> None:
    looking = await token(settings, "looking", ("read",))
    buying = await token(settings, "buying", ("spend",))
    spends = [
        called("generate_video", STALLED),
        called("create_film", {"film_id": "flm_x", "plan": "x"}),
        called("cancel_job", {"job_id": "job_x"}),
        called("upload_media", {"source": "https://a.test/x.png"}),
        called("review", {"job_id": "job_x", "verdict": "good"}),
        called("plan_film", {"storyboard": {}}),
        called("plan_film", {"film_id": "flm_x", "keep": ["one"]}),
        called("no_such_tool"),
        {**LIST, "method": "no/such", "params": {}},
        {**LIST, "method": "tasks/cancel", "params": {"taskId": "job_x"}},
    ]
    async with serving(settings) as url, httpx2.AsyncClient() as http:
        shot = {"id": "one", "seconds": 4, "prompt": "A fox"}
        planned = called("plan_film", {"storyboard": {"title": "A film", "shots": [shot]}})
        film = result_of(await post(http, url, planned, bearer(buying)))["structuredContent"]["film_id"]
        for message in spends:
            answer = await post(http, url, message, bearer(looking))
            assert answer.status_code == 403
            assert answer.headers["www-authenticate"] == (
                'Bearer realm="seedance", error="insufficient_scope", scope="seedance:read seedance:spend"'
            )
            assert "may look" in why(answer)
        for tool, arguments in (
            ("check_status", {}),
            ("list_models", {}),
            ("estimate_cost", {"prompt": "A fox"}),
            ("plan_film", {"film_id": film, "storyboard": None, "redo": []}),
        ):
            looked = result_of(await post(http, url, called(tool, arguments), bearer(looking)))
            assert not looked["isError"], looked
        bought = result_of(await post(http, url, called("generate_video", STALLED), bearer(buying)))
        assert bought["structuredContent"]["status"] in ("submitting", "queued", "running")
        listed = result_of(await post(http, url, called("check_status"), bearer(looking)))
        assert len(listed["structuredContent"]["jobs"]) == 1


async def test_an_administrators_token_that_cannot_spend_is_told_of_one_that_may_do_both(
    settings: Settings,
) -> None:
    approving = bearer(await token(settings, "approving", ("admin",)))
    async with serving(settings) as url, httpx2.AsyncClient() as http:
        for era in ({}, {"MCP-Protocol-Version": "2025-11-25"}):
            answer = await post(http, url, called("generate_video", STALLED), {**approving, **era})
            assert answer.status_code == 403
            assert "`seedance-mcp tokens add NAME --scope spend --scope admin`" in answer.text
            assert 'scope="seedance:read seedance:spend seedance:admin"' in answer.headers["www-authenticate"]


async def test_what_spends_asks_for_the_right_once_more_itself(settings: Settings) -> None:
    """Whoever is in front of it has to read a message as the protocol does to know what it asks for."""
    server = create_server(settings)
    protocol = server.streamable_http_app(stateless_http=True)

    async def behind_no_gate(scope: Any, receive: Any, send: Any) -> None:
        await protocol({**scope, CALLER_KEY: Caller(id="x", scopes=frozenset({"read"}))}, receive, send)

    tasks = {"io.modelcontextprotocol/clientCapabilities": {"extensions": {TASKS: {}}}}
    cancel = {**LIST, "method": "tasks/cancel", "params": {"taskId": "job_x", "_meta": {**MODERN, **tasks}}}
    base = "http://127.0.0.1:8000/mcp"
    async with (
        server.session_manager.run(),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(behind_no_gate)) as http,
    ):
        bought = await post(http, base, called("generate_video", STALLED))
        written = await post(http, base, called("plan_film", {"storyboard": '{"shots": []}'}))
        cancelled = await post(http, base, cancel, {"Mcp-Name": "job_x"})
        listed = result_of(await post(http, base, called("check_status")))
    assert "may look, and not write, spend or cancel" in bought.text
    assert "may look, and not write, spend or cancel" in written.text
    assert "may look, and not write, spend or cancel" in cancelled.text
    assert listed["structuredContent"]["jobs"] == []


async def test_no_token_stands_in_a_file_a_log_or_an_answer(
    settings: Settings, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    text = await token(settings)
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    async with serving(settings) as url, httpx2.AsyncClient() as http:
        for message in (
            LIST,
            called("check_status"),
            called("nothing"),
            called("check_status", {"job_id": text}),
        ):
            for sent in (text, text[:-1] + "A"):
                answer = await post(http, url, message, bearer(sent))
                if message["params"].get("arguments", {}).get("job_id") is None:
                    said.append(answer.text + str(answer.headers))
    out, err = capfd.readouterr()
    logged = [
        record.getMessage()
        for record in caplog.records
        if record.name.startswith(("seedance", "mcp", "uvicorn"))
    ]
    assert not any(text.split("_", 2)[2] in words for words in (*said, *logged, out, err))
    assert sweep(settings.state_dir, [text.encode(), text.split("_", 2)[2].encode()]) == []
