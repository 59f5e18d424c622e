"""What becomes of a yes: it counts in the call that asked for it, for one purchase, and ends with that call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.client import ClientRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.types import CallToolResult, ElicitRequestParams, ElicitResult, InputRequiredResult

from seedance_mcp.app import open_app
from seedance_mcp.config import Settings, load_settings
from seedance_mcp.errors import BudgetExceeded, ConfirmationRequired
from seedance_mcp.server import create_server
from seedance_mcp.store import budget
from seedance_mcp.types import PurchaseTerms, VideoRequest

from .asking import SMALL, content, priced, refusal
from .conftest import Era

YES = ElicitResult(action="accept", content={"agree": True})
NO = ElicitResult(action="decline")
DEAR = {**SMALL, "prompt": "[sandbox:stall] a fox", "wait_seconds": 0}
FOX = VideoRequest.model_validate({**SMALL, "prompt": DEAR["prompt"]})
AGAIN = {**DEAR, "allow_duplicate": True}


@pytest.fixture(params=["ask", "strict"])
def settings(environ: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    """Two seconds of video cost 1.50 USD, and a person has to agree to that."""
    dear = {**priced(environ, tmp_path, "0.75"), "SEEDANCE_MAX_USD_PER_DAY": "20"}
    return load_settings({**dear, "SEEDANCE_CONFIRM": request.param})


class Person:
    """Answers every question like this, once `together` of them are open."""

    def __init__(self, answer: ElicitResult, *, together: int = 1) -> None:
        self.asked = 0
        self._answer = answer
        self._together = together
        self._open = anyio.Event()

    async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        self.asked += 1
        if self.asked == self._together:
            self._open.set()
        await self._open.wait()
        return self._answer


def asking(server: Settings | MCPServer[Any]) -> Client:
    """A client of the newer protocol that can ask a person; what it asks and answers, the test does by hand."""
    started = create_server(server) if isinstance(server, Settings) else server
    return Client(started, elicitation_callback=Person(YES))


async def ask(client: Client, asked: Mapping[str, Any]) -> InputRequiredResult:
    """Call, and get the question."""
    result = await client.session.call_tool("generate_video", dict(asked), allow_input_required=True)
    assert isinstance(result, InputRequiredResult)
    return result


async def reply(
    client: Client, asked: Mapping[str, Any], question: InputRequiredResult, answer: ElicitResult = YES
) -> CallToolResult | InputRequiredResult:
    """Call again with the answer to a question."""
    return await client.session.call_tool(
        "generate_video",
        dict(asked),
        input_responses=dict.fromkeys(question.input_requests or {}, answer),
        request_state=question.request_state,
        allow_input_required=True,
    )


async def bought(client: Client, asked: Mapping[str, Any], question: InputRequiredResult) -> dict[str, Any]:
    """The job that an answer comes to."""
    result = await reply(client, asked, question)
    assert isinstance(result, CallToolResult)
    return content(result)


async def made(settings: Settings) -> int:
    """How many jobs there are."""
    async with Client(create_server(settings)) as client:
        return len(content(await client.call_tool("check_status", {}))["jobs"])


async def test_a_yes_that_is_sent_again_is_the_job_that_it_bought(settings: Settings) -> None:
    """As by a client that lost the answer: however often, at once, and after the server has ended in between."""
    server = create_server(settings)
    jobs: list[dict[str, Any]] = []

    async def once_more(client: Client, question: InputRequiredResult) -> None:
        jobs.append(await bought(client, AGAIN, question))

    with anyio.fail_after(60):
        async with asking(server) as client:
            question = await ask(client, AGAIN)
        async with asking(server) as client, anyio.create_task_group() as calls:
            for _ in range(3):
                calls.start_soon(once_more, client, question)
        async with asking(server) as client:
            await once_more(client, question)
    assert len({job["job_id"] for job in jobs}) == 1
    assert sorted(job["deduplicated"] for job in jobs) == [False, True, True, True]
    assert await made(settings) == 1


async def test_a_yes_buys_no_second_time_once_the_video_was_read_about(settings: Settings) -> None:
    with anyio.fail_after(60):
        async with asking(settings) as client:
            question = await ask(client, SMALL)
            job = await bought(client, SMALL, question)
            done = {"job_id": job["job_id"], "wait_seconds": 40}
            assert content(await client.call_tool("check_status", done))["status"] == "succeeded"
            await client.call_tool("view_video", {"source": job["job_id"]})
            again = await bought(client, SMALL, question)
            assert (again["job_id"], again["deduplicated"]) == (job["job_id"], True)
    assert await made(settings) == 1


@pytest.mark.parametrize("used", [True, False], ids=["used", "unused"])
async def test_a_yes_is_for_the_request_that_was_asked_about(settings: Settings, used: bool) -> None:
    """Also where both questions read the same, as with another seed."""
    with anyio.fail_after(60):
        async with open_app(settings) as app:
            with pytest.raises(ConfirmationRequired) as asked:
                await app.generate(FOX)
            code = asked.value.approval
            if used:
                await app.generate(FOX, PurchaseTerms(agreed_to=code))
            for _ in range(2):
                with pytest.raises(ConfirmationRequired):
                    await app.generate(FOX.model_copy(update={"seed": 7}), PurchaseTerms(agreed_to=code))
            if used:
                with pytest.raises(ConfirmationRequired):
                    await app.generate(FOX, PurchaseTerms(agreed_to=code, request_key="another-key"))
            for made_up in ("", "00000000", "\ud800", "Make this video?", "x" * 100_000):
                with pytest.raises(ConfirmationRequired):
                    await app.generate(FOX, PurchaseTerms(allow_duplicate=True, agreed_to=made_up))
    assert await made(settings) == (1 if used else 0)


async def test_a_yes_that_came_with_another_request_stands_for_nothing_else(settings: Settings) -> None:
    """The other one needs no agreement, and is made; that is not what had been asked about."""
    with anyio.fail_after(60):
        async with open_app(settings) as app:
            with pytest.raises(ConfirmationRequired) as asked:
                await app.generate(FOX)
            code = asked.value.approval
            assert await app.questions.find(code)
            cheap = await app.generate(
                FOX.model_copy(update={"seed": 7}), PurchaseTerms(agreed_to=code, confirmed=True)
            )
            assert not cheap.deduplicated
            with pytest.raises(ConfirmationRequired):
                await app.generate(FOX, PurchaseTerms(agreed_to=code))
    assert await made(settings) == 1


async def test_of_two_agreements_to_one_purchase_nothing_is_left(settings: Settings, era: Era) -> None:
    """Two calls at once open two dialogues, both are agreed to, and one video is bought."""
    person = Person(YES, together=2)
    jobs: list[dict[str, Any]] = []

    async def buy(client: Client) -> None:
        jobs.append(content(await client.call_tool("generate_video", DEAR)))

    with anyio.fail_after(60):
        people = Client(create_server(settings), mode=era, elicitation_callback=person)
        async with people as client, anyio.create_task_group() as calls:
            calls.start_soon(buy, client)
            calls.start_soon(buy, client)
        assert len({job["job_id"] for job in jobs}) == 1
        async with Client(create_server(settings), mode=era) as client:
            error = refusal(await client.call_tool("generate_video", AGAIN))
    assert error["code"] == "confirmation_required"
    assert await made(settings) == 1


async def test_an_agreement_ends_with_a_call_that_a_cap_refused(
    environ: dict[str, str], tmp_path: Path, era: Era
) -> None:
    """The day's money is spent while the person thinks; with more of it, the person is asked anew."""
    dear = {**priced(environ, tmp_path, "0.75"), "SEEDANCE_CONFIRM": "strict"}
    tight = load_settings({**dear, "SEEDANCE_MAX_USD_PER_DAY": "2"})

    async def think(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        async with open_app(load_settings({**dear, "SEEDANCE_CONFIRM": "off"})) as app:
            await app.generate(FOX.model_copy(update={"seed": 5}))
        return YES

    with anyio.fail_after(60):
        async with Client(create_server(tight), mode=era, elicitation_callback=think) as client:
            error = refusal(await client.call_tool("generate_video", DEAR))
            assert error["code"] == "budget_exceeded"
        roomy = load_settings({**dear, "SEEDANCE_MAX_USD_PER_DAY": "20"})
        async with Client(create_server(roomy), mode=era) as client:
            error = refusal(await client.call_tool("generate_video", DEAR))
    assert error["code"] == "confirmation_required"
    assert await made(roomy) == 1


async def test_a_yes_to_a_call_that_failed_is_not_there_when_it_is_sent_again(
    environ: dict[str, str], tmp_path: Path
) -> None:
    dear = {**priced(environ, tmp_path, "0.75"), "SEEDANCE_CONFIRM": "strict"}
    roomy = load_settings({**dear, "SEEDANCE_MAX_USD_PER_DAY": "20"})
    tight = load_settings({**dear, "SEEDANCE_MAX_USD_PER_DAY": "1"})
    with anyio.fail_after(60):
        async with open_app(roomy) as app:
            with pytest.raises(ConfirmationRequired) as asked:
                await app.generate(FOX)
        async with open_app(tight) as app:
            with pytest.raises(BudgetExceeded):
                await app.generate(FOX, PurchaseTerms(agreed_to=asked.value.approval))
        async with open_app(roomy) as app:
            with pytest.raises(ConfirmationRequired):
                await app.generate(FOX, PurchaseTerms(agreed_to=asked.value.approval))
    assert await made(roomy) == 0


async def test_what_was_agreed_to_in_a_terminal_outlasts_calls_that_need_no_agreement(
    settings: Settings, era: Era
) -> None:
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era) as client:
            for asked in (DEAR, AGAIN):
                code = _code(refusal(await client.call_tool("generate_video", asked)))
                async with open_app(settings) as terminal:
                    assert await terminal.questions.approve(code)
                if asked is AGAIN:
                    assert content(await client.call_tool("generate_video", DEAR))["deduplicated"]
                assert not content(await client.call_tool("generate_video", asked))["deduplicated"]
            refusal(await client.call_tool("generate_video", AGAIN))
    assert await made(settings) == 2


async def test_what_was_agreed_to_before_the_database_was_restored_is_asked_anew(
    settings: Settings, era: Era
) -> None:
    """It may have been bought on in what was lost."""
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era) as client:
            code = _code(refusal(await client.call_tool("generate_video", DEAR)))
            async with open_app(settings) as terminal:
                assert await terminal.questions.approve(code)
                await terminal.installation.store.write(budget.stop_spending)
                assert await terminal.installation.allow_spending()
            assert _code(refusal(await client.call_tool("generate_video", DEAR))) != code
    assert await made(settings) == 0


async def test_a_no_in_a_dialogue_takes_back_a_yes_from_the_terminal(settings: Settings, era: Era) -> None:
    code = ""

    async def think(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        async with open_app(settings) as terminal:
            assert await terminal.questions.approve(code)
        return NO

    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era) as client:
            code = _code(refusal(await client.call_tool("generate_video", DEAR)))
        async with Client(create_server(settings), mode=era, elicitation_callback=think) as client:
            error = refusal(await client.call_tool("generate_video", DEAR))
            assert error["message"].startswith("The client answered no: it declined the question.")
            assert "Nothing was bought. " in error["message"]
        async with Client(create_server(settings), mode=era) as client:
            refusal(await client.call_tool("generate_video", DEAR))
    assert await made(settings) == 0


async def test_a_no_that_comes_after_the_yes_was_used_is_told_the_job(settings: Settings) -> None:
    with anyio.fail_after(60):
        async with asking(settings) as client:
            question = await ask(client, AGAIN)
            job = await bought(client, AGAIN, question)
            late = await reply(client, AGAIN, question, NO)
            assert isinstance(late, CallToolResult)
            told = content(late)
            assert told["job_id"] == job["job_id"]
            assert any("answers no now, and its yes" in note for note in told["notes"])
            declined = await ask(client, AGAIN)
            refused = await reply(client, AGAIN, declined, NO)
            assert isinstance(refused, CallToolResult)
            assert f"job {job['job_id']} was before, on another agreement" in refusal(refused)["message"]
    assert await made(settings) == 1


SPELLINGS: dict[str, dict[str, Any]] = {
    "provider": {"provider": "byteplus"},
    "seed": {"seed": -1},
    "watermark": {"watermark": False},
    "blanks": {"prompt": f"{SMALL['prompt']} \n"},
    "key": {"request_key": "another-key"},
    "once more": {"allow_duplicate": True},
    "all": {"provider": "byteplus", "seed": -1, "watermark": False, "prompt": f"  {SMALL['prompt']}"},
}


@pytest.fixture
def paid(environ: dict[str, str]) -> dict[str, str]:
    """Two providers that are ready; an assistant's word counts, and every price is asked about."""
    keys = {
        "ARK_API_KEY": "not-a-key",
        "SEEDANCE_ARK_BASE_URL": "http://127.0.0.1:9/api/v3",
        "BYTEPLUS_API_KEY": "no-key-either",
        "SEEDANCE_BYTEPLUS_BASE_URL": "http://127.0.0.1:9/api/v3",
    }
    return {**environ, **keys, "SEEDANCE_CONFIRM": "ask", "SEEDANCE_CONFIRM_ABOVE_USD": "0.01"}


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_a_no_holds_for_the_video_whoever_would_make_it_and_however_it_is_asked_for(
    paid: dict[str, str], era: Era, spelling: str
) -> None:
    settings = load_settings(paid)
    other = {**SMALL, **SPELLINGS[spelling]}
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era) as client:
            earlier = refusal(await client.call_tool("generate_video", other))["token"]
            assert earlier
        async with Client(create_server(settings), mode=era, elicitation_callback=Person(NO)) as client:
            refusal(await client.call_tool("generate_video", SMALL))
        async with Client(create_server(settings), mode=era) as client:
            for token in ({}, {"confirm_token": earlier}):
                error = refusal(await client.call_tool("generate_video", {**other, **token}))
                assert (error["code"], error["token"]) == ("confirmation_required", None)
                assert "answered with no a short while ago" in error["message"]
            handed_back = {**other, "confirm_token": _code(error)}
            assert refusal(await client.call_tool("generate_video", handed_back))["token"] is None
            another = {**SMALL, "prompt": "A blue boat"}
            assert refusal(await client.call_tool("generate_video", another))["token"]
    assert await made(settings) == 0


async def test_a_no_takes_back_a_yes_to_the_same_video_at_another_provider(paid: dict[str, str]) -> None:
    """Whichever of the two ways to ask for it came first."""
    settings = load_settings({**paid, "SEEDANCE_CONFIRM": "strict"})
    ways = [VideoRequest.model_validate({**SMALL, **more}) for more in ({}, SPELLINGS["all"])]
    with anyio.fail_after(60):
        for agreed, declined in (ways, reversed(ways)):
            async with open_app(settings) as app:
                codes: list[str] = []
                for way in (agreed, declined):
                    with pytest.raises(ConfirmationRequired) as asked:
                        await app.generate(way)
                    codes.append(asked.value.approval)
                assert await app.questions.approve(codes[0])
                await app.questions.decline(codes[1])
                with pytest.raises(ConfirmationRequired):
                    await app.generate(agreed)
    assert await made(settings) == 0


def _code(error: Mapping[str, Any]) -> str:
    found = re.search(r"seedance-mcp approve (\w+)", error["hint"])
    assert found
    return found[1]
