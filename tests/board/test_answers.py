"""What a person does with a click on the local page: answer a price, buy; and that nobody else can."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.types import TextResourceContents

from seedance_mcp.app import open_app
from seedance_mcp.config import Settings, load_settings
from seedance_mcp.server import create_server
from tests.server.asking import content, priced, refusal

from .conftest import Era
from .local import STALLED, opened


async def _asked(client: Client, **changes: Any) -> dict[str, Any]:
    """Ask for what a person has to agree to; the refusal."""
    return refusal(await client.call_tool("generate_video", {**STALLED, **changes}))


async def test_a_yes_on_the_board_is_a_persons_and_good_once(settings: Settings, era: Era) -> None:
    async with Client(create_server(settings), mode=era) as client, opened(settings) as page:
        error = await _asked(client)
        [question] = (await page.board())["waiting"]
        assert question["text"].startswith("Make this video for at most 1.50 USD?")
        assert (question["usd"], question["known"], question["provider"]) == ("1.5", True, "sandbox")
        assert (question["length"], question["count"], question["prompt"]) == (
            "2 seconds",
            1,
            STALLED["prompt"],
        )
        answer = await page.answer(question, yes=True)
        assert answer.json() == {"ok": True, "text": "Agreed, once. Tell the assistant to go on."}
        assert (await page.board())["waiting"] == []
        assert content(await client.call_tool("check_status", {}))["jobs"] == []
        job = content(await client.call_tool("generate_video", STALLED))
        [card] = (await page.board())["jobs"]
        assert (card["job_id"], card["estimate"]["usd"]) == (job["job_id"], "1.5")
        assert error["token"]
        again = await _asked(client, allow_duplicate=True)
        assert again["code"] == "confirmation_required"
    assert await _agreed_by(settings, job["job_id"]) == "person"


async def test_only_the_price_that_was_shown_is_agreed_to(settings: Settings) -> None:
    async with Client(create_server(settings)) as client, opened(settings) as page:
        await _asked(client)
        [question] = (await page.board())["waiting"]
        for usd in ("1.49", "1.51", "0", "15"):
            answer = await page.answer(question, yes=True, usd=usd)
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, "changed")
            assert answer.json()["question"] == question
        for usd in ("NaN", "-1", "1e999", "", "Infinity"):
            given = {"question_id": question["question_id"], "yes": True, "usd": usd}
            assert (await page.post("/api/answer", given)).status_code == 400
        assert (await page.board())["waiting"] == [question]
        assert (await page.answer(question, yes=True, usd="1.500")).status_code == 200


async def test_a_question_is_answered_once(settings: Settings) -> None:
    async with Client(create_server(settings)) as client, opened(settings) as page:
        for yes, then in ((True, False), (False, True), (True, True)):
            await _asked(client, prompt=f"[sandbox:stall] {yes} {then}")
            [question] = (await page.board())["waiting"]
            assert (await page.answer(question, yes=yes)).status_code == 200
            late = await page.answer(question, yes=then)
            assert (late.status_code, late.json()["error"]["code"]) == (409, "closed")
            assert late.json()["question"] is None


async def test_of_two_pages_that_answer_at_once_one_is_heard(settings: Settings) -> None:
    async with Client(create_server(settings)) as client, opened(settings) as page:
        await _asked(client)
        [question] = (await page.board())["waiting"]
        statuses: list[tuple[bool, int]] = []

        async def answer(yes: bool) -> None:
            statuses.append((yes, (await page.answer(question, yes=yes)).status_code))

        async with anyio.create_task_group() as tasks:
            for yes in (True, False, True, False):
                tasks.start_soon(answer, yes)
        assert sorted(status for _, status in statuses) == [200, 409, 409, 409]
        [heard] = [yes for yes, status in statuses if status == 200]
        bought = await client.call_tool("generate_video", STALLED)
        assert bought.is_error is not heard


async def test_a_yes_in_a_terminal_at_the_same_time_buys_nothing_twice(settings: Settings) -> None:
    async with Client(create_server(settings)) as client, opened(settings) as page:
        error = await _asked(client)
        [question] = (await page.board())["waiting"]
        async with open_app(settings, watch=False) as other, anyio.create_task_group() as tasks:
            tasks.start_soon(other.questions.approve, error["token"])
            tasks.start_soon(page.answer, question, True)
        first = content(await client.call_tool("generate_video", STALLED))
        again = await _asked(client, allow_duplicate=True)
        assert again["code"] == "confirmation_required"
        assert [card["job_id"] for card in (await page.board())["jobs"]] == [first["job_id"]]


async def test_after_a_yes_in_a_terminal_the_question_is_closed_on_the_board(settings: Settings) -> None:
    async with Client(create_server(settings)) as client, opened(settings) as page:
        error = await _asked(client)
        [question] = (await page.board())["waiting"]
        async with open_app(settings, watch=False) as other:
            assert await other.questions.approve(error["token"])
        assert (await page.board())["waiting"] == []
        assert (await page.answer(question, yes=False)).status_code == 409
        content(await client.call_tool("generate_video", STALLED))


async def test_a_no_on_the_board_outweighs_what_an_assistant_says(settings: Settings) -> None:
    async with Client(create_server(settings)) as client, opened(settings) as page:
        error = await _asked(client)
        [question] = (await page.board())["waiting"]
        assert (await page.answer(question, yes=False)).json()["text"] == "Not agreed. Nothing was bought."
        again = await _asked(client, confirm_token=error["token"])
        assert "answered with no" in again["message"]
        assert again["token"] is None


async def test_of_one_wish_only_the_newest_question_waits(settings: Settings) -> None:
    async with Client(create_server(settings)) as client, opened(settings) as page:
        await _asked(client)
        [first] = (await page.board())["waiting"]
        await _asked(client)
        await _asked(client, prompt="[sandbox:stall] an owl")
        waiting = (await page.board())["waiting"]
        assert ["an owl" in one["text"] for one in waiting] == [True, False]
        assert first["question_id"] not in {one["question_id"] for one in waiting}
        assert (await page.answer(waiting[1], yes=True)).status_code == 200
        content(await client.call_tool("generate_video", STALLED))
        assert len((await page.board())["waiting"]) == 1


async def test_what_was_bought_in_another_way_waits_no_longer(settings: Settings) -> None:
    async with Client(create_server(settings)) as client, opened(settings) as page:
        error = await _asked(client)
        await _asked(client, prompt="[sandbox:stall] an owl")
        [owl, fox] = (await page.board())["waiting"]
        assert (await page.buy("1.50")).json()["ok"]
        assert (await page.board())["waiting"] == [owl]
        assert (await page.answer(fox, yes=True)).json()["error"]["code"] == "closed"
        again = await _asked(client, allow_duplicate=True)
        assert again["token"] not in (None, error["token"])
        assert [one["usd"] for one in (await page.board())["waiting"]] == ["1.5", "1.5"]


async def test_what_a_model_can_read_answers_nothing(settings: Settings, era: Era) -> None:
    """No resource holds a code, and the names of questions there mean nothing on the local page."""
    async with Client(create_server(settings), mode=era) as client, opened(settings) as page:
        error = await _asked(client)
        [found] = (await client.read_resource("seedance://board")).contents
        assert isinstance(found, TextResourceContents)
        [seen] = json.loads(found.text)["waiting"]
        assert error["token"] not in found.text
        [shown] = (await page.board())["waiting"]
        assert {**seen, "question_id": ""} == {**shown, "question_id": ""}
        for name in (seen["question_id"], error["token"], "", "q_", "é" * 20):
            answer = await page.answer({**shown, "question_id": name}, yes=True)
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, "closed")
        for resource in (await client.list_resources()).resources:
            assert error["token"] not in str(resource)


async def test_no_argument_of_a_tool_is_a_persons_agreement(settings: Settings, era: Era) -> None:
    async with Client(create_server(settings), mode=era) as client, opened(settings) as page:
        error = await _asked(client)
        [question] = (await page.board())["waiting"]
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert not {"approve", "answer", "buy", "board", "decline"} & names
        for name, value in (
            ("confirmed", True),
            ("agreed_to", error["token"]),
            ("approval", question["question_id"]),
        ):
            refused = refusal(await client.call_tool("generate_video", {**STALLED, name: value}))
            assert (refused["code"], name in refused["message"]) == ("invalid_request", True)
        word = await page.post("/api/tools/generate_video", {**STALLED, "confirm_token": error["token"]})
        assert word.status_code == 400
        assert (await page.board())["jobs"] == []


async def test_a_click_buys_up_to_the_price_on_the_button(settings: Settings) -> None:
    async with opened(settings) as page:
        for usd in ("0", "1.49"):
            refused = await page.buy(usd)
            assert (refused.status_code, refused.json()["error"]["code"]) == (409, "budget_exceeded")
        bought = (await page.buy("1.50")).json()
        assert (bought["ok"], bought["deduplicated"]) == (True, False)
        assert bought["job"]["job_id"] == (await page.board())["jobs"][0]["job_id"]
    assert await _agreed_by(settings, bought["job"]["job_id"]) == "person"


async def test_a_click_that_arrives_several_times_buys_once(settings: Settings) -> None:
    async with opened(settings) as page:
        jobs: list[str] = []

        async def buy() -> None:
            jobs.append((await page.buy("1.50", "one-click")).json()["job"]["job_id"])

        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(buy)
        await buy()
        assert len(jobs) == 5
        assert set(jobs) == {card["job_id"] for card in (await page.board())["jobs"]}
        assert len(set(jobs)) == 1


async def test_no_click_passes_the_caps(environ: dict[str, str], tmp_path: Path) -> None:
    caps = {"SEEDANCE_MAX_USD_PER_JOB": "1", "SEEDANCE_CONFIRM": "strict"}
    async with opened(load_settings({**priced(environ, tmp_path, "0.75"), **caps})) as page:
        refused = await page.buy("100")
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "budget_exceeded")
        assert (await page.board())["jobs"] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"arguments": {"confirmed": True}, "usd": "9", "request_key": "12345678"},
        {"arguments": {"prompt": 3}, "usd": "9", "request_key": "12345678"},
        {"arguments": STALLED, "usd": "9", "request_key": "12345678"},
        {"arguments": {}, "usd": "9"},
        {"arguments": {}, "usd": "9", "request_key": "1234567"},
        {"arguments": {}, "usd": True, "request_key": "12345678"},
        {"arguments": {}, "usd": "9", "request_key": "12345678", "confirmed": True},
    ],
)
async def test_a_purchase_that_is_not_written_as_agreed_is_refused(settings: Settings, wrong: Any) -> None:
    async with opened(settings) as page:
        refused = await page.post("/api/buy", wrong)
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_request")


async def test_hostile_words_stay_data(settings: Settings) -> None:
    hostile = "</script><img src=x onerror=alert(1)>\u2028\u202e`${7*7}`"
    async with opened(settings) as page:
        bought = await page.buy("1.50", prompt=f"[sandbox:stall] {hostile}")
        assert bought.json()["job"]["prompt"].endswith(hostile)
        answer = await page.client.get("/api/board")
        assert answer.headers["content-type"] == "application/json"
        assert hostile in answer.json()["jobs"][0]["prompt"]
        for path in (f"/api/tools/{hostile}", f"/api/jobs/{hostile}/poster", f"/{hostile}"):
            refused = await page.client.post(path, json={})
            assert refused.status_code in (404, 405)
            assert refused.headers["content-type"] == "application/json"


async def test_tools_answer_on_the_board_as_an_assistant_hears_them(settings: Settings) -> None:
    async with opened(settings) as page:
        job = (await page.buy("1.50")).json()["job"]
        told = (
            await page.post("/api/tools/check_status", {"job_id": job["job_id"], "wait_seconds": 0})
        ).json()
        assert (told["ok"], told["content"]["job_id"]) == (True, job["job_id"])
        assert "finished_meanwhile" not in told["content"]
        price = (await page.post("/api/tools/estimate_cost", {"based_on": job["job_id"], "seed": 7})).json()
        assert price["content"]["maximum"]["usd"] == "1.5"
        asks = (await page.post("/api/tools/generate_video", {**STALLED, "seed": 7})).json()
        assert (asks["ok"], asks["error"]["code"]) == (False, "confirmation_required")
        assert "token" not in asks["error"]
        assert (await page.post("/api/tools/nothing", {})).status_code == 404
        cancelled = (await page.post("/api/tools/cancel_job", {"job_id": job["job_id"]})).json()
        assert cancelled["ok"]


async def _agreed_by(settings: Settings, job_id: str) -> str | None:
    async with open_app(settings, watch=False) as app:
        return (await app.job(job_id)).agreed_by
