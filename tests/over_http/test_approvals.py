"""Prices that an administrator has to agree to, among several people at one server, and what administrators see of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import anyio
import pytest
from mcp.client import ClientRequestContext
from mcp.types import ElicitRequestParams, ElicitResult

from seedance_mcp.config import Settings
from tests.server.asking import content, refusal
from tests.server.conftest import Era

from .identity import identity
from .local import PUBLIC, STALLED, bearer, behind_a_proxy, client, serving, token
from .test_board import Browser, browser

ASKED = {**STALLED, "prompt": "[sandbox:stall] a secret fox", "request_key": "the-fox-of-today"}
ADMIN = ("read", "spend", "admin")


@pytest.fixture
def dearer(dear: Settings) -> Settings:
    """A small video costs 1.50 USD, more than a person may agree to."""
    return replace(dear, approve_above_usd=Decimal(1))


@asynccontextmanager
async def signed_in(url: str, text: str) -> AsyncGenerator[Browser]:
    """A browser of whoever has this token."""
    async with browser(url) as person:
        await person.sign_in(text)
        yield person


async def _yes(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
    return ElicitResult(action="accept", content={"agree": True})


async def _no(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
    return ElicitResult(action="decline")


async def answer(person: Browser, waiting: dict[str, Any], *, yes: bool) -> Any:
    given = {"question_id": waiting["question_id"], "yes": yes, "usd": waiting["usd"]}
    return (await person.post("/api/answer", given)).json()


async def test_an_administrator_agrees_on_the_board_and_the_same_call_buys_once(
    dearer: Settings, era: Era
) -> None:
    ann, boss = await token(dearer, "ann", person="ann"), await token(dearer, "boss", ADMIN, person="boss")
    async with (
        serving(dearer, board=True) as url,
        client(url, era, bearer(ann), elicitation_callback=_yes) as assistant,
        signed_in(url, ann) as anns,
        signed_in(url, boss) as bosses,
    ):
        waits = refusal(await assistant.call_tool("generate_video", ASKED))
        assert waits["code"] == "approval_required"  # though the client says yes to whatever it is asked
        [own] = (await anns.board())["waiting"]
        assert (own["code"], own["person"]) == (waits["question_id"], None)
        assert (await answer(anns, own, yes=True))["error"]["code"] == "administrators_only"
        [seen] = (await bosses.board())["waiting"]
        assert (seen["code"], seen["person"]) == (waits["question_id"], "ann")
        assert (await answer(bosses, seen, yes=True))["ok"]
        assert (await answer(bosses, seen, yes=True))["error"]["code"] == "closed"
        job = content(await assistant.call_tool("generate_video", ASKED))
        again = content(await assistant.call_tool("generate_video", ASKED))
        assert (again["job_id"], again["deduplicated"]) == (job["job_id"], True)
        team = (await bosses.get("/api/team")).json()
        assert [
            (one["answer"], one["administrator"], one["person"], one["usd"]) for one in team["answers"]
        ] == [
            ("bought", "boss", "ann", "1.5"),
            ("agreed", "boss", "ann", "1.5"),
        ]
        assert team["answers"][0]["job_id"] == job["job_id"]


async def test_who_asks_over_http_is_told_where_the_board_is_and_of_no_path(
    dearer: Settings, era: Era, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")  # so that whoever sits here needs the command's path
    cheaper = replace(dearer, approve_above_usd=None)
    ann = await token(dearer, "ann", person="ann")
    board = (
        "the board at https://videos.test/board, or whoever runs the installation runs `seedance-mcp approve"
    )
    told: list[str] = []
    for settings, shown in ((dearer, True), (cheaper, True), (cheaper, False)):
        async with (
            serving(settings, behind_a_proxy(), board=shown) as url,
            client(url, era, {**PUBLIC, **bearer(ann)}) as assistant,
            client(url, era, {**PUBLIC, **bearer(ann)}, elicitation_callback=_no) as denying,
        ):
            told += [
                refusal(await one.call_tool("generate_video", ASKED))["hint"] for one in (assistant, denying)
            ]
    for hint in told[:4]:
        assert f"{board} " in hint
    for hint in told[4:]:
        assert "whoever runs the installation runs `seedance-mcp approve " in hint
        assert "board" not in hint
    assert not [hint for hint in told if "SEEDANCE_STATE_DIR" in hint or "/bin/" in hint]


async def test_what_was_not_bought_on_an_agreement_is_told_as_that(dearer: Settings, era: Era) -> None:
    ann, boss = await token(dearer, "ann", person="ann"), await token(dearer, "boss", ADMIN, person="boss")
    wanted = {**ASKED, "prompt": "[sandbox:refuse] a fox", "wait_seconds": 20}
    async with (
        serving(dearer, board=True) as url,
        client(url, era, bearer(ann)) as assistant,
        signed_in(url, ann) as anns,
        signed_in(url, boss) as bosses,
    ):
        refusal(await assistant.call_tool("generate_video", wanted))
        [seen] = (await bosses.board())["waiting"]
        assert (await answer(bosses, seen, yes=True))["ok"]
        job = content(await assistant.call_tool("generate_video", wanted))
        assert job["status"] == "failed"
        assert "trying again needs a new one" in job["next_step"]
        team = (await bosses.get("/api/team")).json()
        [card] = (await anns.board())["jobs"]
    assert [(one["answer"], one["usd"]) for one in team["answers"]] == [("rejected", None), ("agreed", "1.5")]
    assert [(one["job_id"], one["usd"]) for one in team["jobs"]] == [(job["job_id"], None)]
    assert (card["job_id"], card["never_bought"]) == (job["job_id"], True)


async def test_an_administrators_no_is_told_to_whoever_asks(dearer: Settings, era: Era) -> None:
    ann, boss = (
        await token(dearer, "ann", person="ann"),
        await token(dearer, "boss", ("admin",), person="boss"),
    )
    async with (
        serving(dearer, board=True) as url,
        client(url, era, bearer(ann)) as assistant,
        signed_in(url, boss) as bosses,
    ):
        refusal(await assistant.call_tool("generate_video", ASKED))
        [seen] = (await bosses.board())["waiting"]
        assert (await answer(bosses, seen, yes=False))["ok"]
        assert refusal(await assistant.call_tool("generate_video", ASKED))["code"] == "approval_refused"
        assert (await bosses.board())["waiting"] == []


async def test_who_administers_agrees_to_their_own_in_a_dialogue(dearer: Settings) -> None:
    boss = await token(dearer, "boss", ADMIN, person="boss")
    async with (
        serving(dearer) as url,
        client(url, "auto", bearer(boss), elicitation_callback=_yes) as assistant,
        client(url, "auto", bearer(boss)) as mute,
    ):
        assert refusal(await mute.call_tool("generate_video", ASKED))["token"] is None
        content(await assistant.call_tool("generate_video", ASKED))


async def test_whoever_signs_in_administers_by_the_scopes_of_their_token(dearer: Settings) -> None:
    async with identity() as provider:
        named = replace(dearer, oauth_issuer=provider.issuer, oauth_people=("ann", "boss"))
        async with serving(named, behind_a_proxy()) as url:

            def of(subject: str, scopes: str) -> dict[str, Any]:
                return {**PUBLIC, **bearer(provider.token(sub=subject, scope=scopes))}

            spend, admin = "seedance:read seedance:spend", "seedance:read seedance:spend seedance:admin"
            async with client(url, "auto", of("ann", spend), elicitation_callback=_yes) as anns:
                waits = refusal(await anns.call_tool("generate_video", ASKED))
                assert waits["code"] == "approval_required"
            async with client(url, "auto", of("boss", admin), elicitation_callback=_yes) as bosses:
                content(await bosses.call_tool("generate_video", ASKED))


async def test_nobody_else_sees_the_team_and_nobody_the_words_of_others(dearer: Settings) -> None:
    free = replace(dearer, approve_above_usd=Decimal(2), confirm_above_usd=Decimal(2))
    ann, boss = await token(free, "ann", person="ann"), await token(free, "boss", ADMIN, person="boss")
    async with (
        serving(free, board=True) as url,
        client(url, "auto", bearer(ann)) as assistant,
        signed_in(url, ann) as anns,
        signed_in(url, boss) as bosses,
    ):
        job = content(await assistant.call_tool("generate_video", ASKED))
        refused = await anns.get("/api/team")
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "administrators_only")
        assert (await anns.board())["rights"] == {"may_change": True, "administers": False}
        assert (await bosses.board())["rights"] == {"may_change": True, "administers": True}
        told = await bosses.get("/api/team")
        assert "secret fox" not in told.text
        team = told.json()
        assert [(one["person"], one["job_id"], one["usd"]) for one in team["jobs"]] == [
            ("ann", job["job_id"], "1.5")
        ]
        assert [(one["person"], one["jobs"], one["usd"]) for one in team["spending"]] == [("ann", 1, "1.5")]
        assert (team["per_day_usd"], team["per_day_per_person_usd"]) == ("10", None)
        # Their jobs and videos are not an administrator's to open.
        assert (await bosses.board())["jobs"] == []
        assert (await bosses.get(f"/api/jobs/{job['job_id']}/poster")).status_code == 404


async def test_of_many_who_agree_and_ask_at_once_one_purchase_comes(dearer: Settings) -> None:
    ann, boss = await token(dearer, "ann", person="ann"), await token(dearer, "boss", ADMIN, person="boss")
    wanted = {name: value for name, value in ASKED.items() if name != "request_key"}
    bought: list[str] = []
    async with (
        serving(dearer, board=True) as one,
        serving(dearer, board=True) as other,  # a second server upon the same database
        client(one, "auto", bearer(ann)) as here,
        client(other, "auto", bearer(ann)) as there,
        signed_in(one, boss) as first,
        signed_in(other, boss) as second,
    ):
        refusal(await here.call_tool("generate_video", wanted))

        async def buy(assistant: Any) -> None:
            answer = await assistant.call_tool("generate_video", {**wanted, "allow_duplicate": True})
            if not answer.is_error:
                bought.append(content(answer)["job_id"])

        async def agree(person: Browser) -> None:
            for question in (await person.board())["waiting"]:
                await answer(person, question, yes=True)

        async with anyio.create_task_group() as tasks:
            for person in (first, second):
                tasks.start_soon(agree, person)
            for assistant in (here, there, here, there):
                tasks.start_soon(buy, assistant)
        for assistant in (here, there):
            await buy(assistant)
        team = (await first.get("/api/team")).json()
    agreed = [one for one in team["answers"] if one["answer"] == "agreed"]
    paid = [one["job_id"] for one in team["answers"] if one["answer"] == "bought"]
    assert sorted(paid) == sorted(bought)
    assert 1 <= len(paid) <= len(agreed)
