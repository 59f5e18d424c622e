"""Prices that a person has to agree to, in every way that clients can ask."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import unicodedata
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import av
import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp.client import ClientRequestContext
from mcp.types import CallToolResult, ElicitRequestParams, ElicitResult, ErrorData
from PIL import Image

from seedance_mcp.config import load_settings
from seedance_mcp.server import create_server

from .asking import SMALL, content, priced, refusal, text
from .conftest import Era
from .left import damage_records
from .process import INITIALIZED, call, initialize, serving

DEAR = {**SMALL, "prompt": "[sandbox:stall] a fox", "wait_seconds": 0}


Approve = Callable[..., Awaitable["subprocess.CompletedProcess[bytes]"]]


@pytest.fixture
def approve(environ: dict[str, str], tmp_path: Path) -> Approve:
    """Run `seedance-mcp approve` in a process of its own, as a person does."""

    async def run(*words: str) -> subprocess.CompletedProcess[bytes]:
        return await anyio.run_process(
            [sys.executable, "-m", "seedance_mcp", "approve", *words],
            env={**os.environ, **environ},
            cwd=tmp_path,
            check=False,
        )

    return run


def code_of(error: dict[str, Any]) -> str:
    """The code that the person may agree by."""
    found = re.search(r"seedance-mcp approve (\w+)", error["hint"])
    assert found, error
    return found[1]


class Person:
    """Answers questions in this order, and remembers them."""

    def __init__(self, *answers: ElicitResult | ErrorData) -> None:
        self.questions: list[str] = []
        self.forms: list[Any] = []
        self._answers: Sequence[ElicitResult | ErrorData] = answers

    async def __call__(
        self, context: ClientRequestContext, params: ElicitRequestParams
    ) -> ElicitResult | ErrorData:
        self.questions.append(params.message)
        self.forms.append(getattr(params, "requested_schema", None))
        return self._answers[len(self.questions) - 1]


YES = ElicitResult(action="accept", content={"agree": True})


async def test_without_elicitation_the_price_and_a_token_are_told(
    environ: dict[str, str], tmp_path: Path, era: Era
) -> None:
    settings = load_settings(priced(environ, tmp_path, "0.75"))
    with anyio.fail_after(30):
        async with Client(create_server(settings), mode=era) as client:
            error = refusal(await client.call_tool("generate_video", DEAR))
            assert error["code"] == "confirmation_required"
            assert "1.50 USD" in error["message"]
            assert content(await client.call_tool("check_status", {}))["jobs"] == []
            agreed = {**DEAR, "confirm_token": error["token"]}
            job = content(await client.call_tool("generate_video", agreed))
            once_more = {**agreed, "allow_duplicate": True}
            again = refusal(await client.call_tool("generate_video", once_more))
    assert job["estimate"]["usd"] == "1.5"
    assert again["code"] == "confirmation_required"
    assert "The confirm_token was used already" in again["message"]
    assert "confirm_token" not in error["message"]


async def test_a_token_is_for_one_request_only(environ: dict[str, str], tmp_path: Path, era: Era) -> None:
    settings = load_settings(priced(environ, tmp_path, "0.75"))
    with anyio.fail_after(30):
        async with Client(create_server(settings), mode=era) as client:
            token = refusal(await client.call_tool("generate_video", DEAR))["token"]
            other = {**DEAR, "prompt": "[sandbox:stall] something else", "confirm_token": token}
            error = refusal(await client.call_tool("generate_video", other))
            unknown = refusal(await client.call_tool("generate_video", {**DEAR, "confirm_token": "abcd1234"}))
    assert error["code"] == unknown["code"] == "confirmation_required"
    assert "The confirm_token was given out for another request" in error["message"]
    assert "The confirm_token that was given is unknown" in unknown["message"]


async def test_a_client_that_can_ask_asks_the_person(
    environ: dict[str, str], tmp_path: Path, era: Era
) -> None:
    settings = load_settings(priced(environ, tmp_path, "0.75"))
    person = Person(YES)
    with anyio.fail_after(30):
        async with Client(create_server(settings), mode=era, elicitation_callback=person) as client:
            job = content(await client.call_tool("generate_video", DEAR))
    assert job["estimate"]["usd"] == "1.5"
    (question,) = person.questions
    assert "1.50 USD" in question


@pytest.mark.parametrize(
    "answer",
    [
        ElicitResult(action="decline"),
        ElicitResult(action="cancel"),
        ElicitResult(action="accept", content={"agree": False}),
    ],
    ids=["decline", "cancel", "no"],
)
async def test_a_no_is_told_as_the_clients_and_leaves_the_person_the_last_word(
    environ: dict[str, str], tmp_path: Path, era: Era, answer: ElicitResult, approve: Approve
) -> None:
    """Some clients answer by themselves, and the person never sees the question."""
    settings = load_settings(priced(environ, tmp_path, "0.75"))
    person = Person(answer)
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era, elicitation_callback=person) as client:
            error = refusal(await client.call_tool("generate_video", DEAR))
            jobs = content(await client.call_tool("check_status", {}))["jobs"]
            assert (len(person.questions), jobs) == (1, [])
            assert error["code"] == "confirmation_required"
            assert error["message"].startswith("The client answered no: ")
            assert {"decline": "declined", "cancel": "cancelled"}.get(
                answer.action, "the answer no"
            ) in error["message"]
            assert error["token"] is None
            code = code_of(error)
        async with Client(create_server(settings), mode=era) as client:
            handed_back = {**DEAR, "confirm_token": code}
            again = refusal(await client.call_tool("generate_video", handed_back))
            assert again["token"] is None
            newer = {**DEAR, "confirm_token": code_of(again)}
            assert refusal(await client.call_tool("generate_video", newer))["token"] is None
            assert (await approve(code, "--yes")).returncode == 0
            job = content(await client.call_tool("generate_video", DEAR))
    assert job["status"] in ("queued", "running")


async def test_advice_comes_before_the_price_is_agreed_to(
    environ: dict[str, str], tmp_path: Path, era: Era
) -> None:
    settings = load_settings(priced(environ, tmp_path, "0.75"))
    silent = {**DEAR, "prompt": 'She says: "Hello." [sandbox:stall]'}
    person = Person(YES)
    with anyio.fail_after(30):
        async with Client(create_server(settings), mode=era) as client:
            result = await client.call_tool("generate_video", silent)
            (advice,) = refusal(result)["advice"]
            assert advice["code"] == "silent_model"
            assert "makes silent video" in advice["text"]
            line = f"Note: {advice['text']} [silent_model]"
            assert text(result).count(line) == 1
        async with Client(create_server(settings), mode=era, elicitation_callback=person) as client:
            content(await client.call_tool("generate_video", silent))
    assert person.questions[0].splitlines()[2] == line


@pytest.mark.parametrize("given", [{}, None, {"agree": None}, {"agree": "true"}, {"answer": True}])
@pytest.mark.parametrize("mode", ["ask", "strict"])
async def test_an_acceptance_without_an_answer_is_neither_yes_nor_no(
    environ: dict[str, str], tmp_path: Path, era: Era, given: Any, mode: str
) -> None:
    settings = load_settings({**priced(environ, tmp_path, "0.75"), "SEEDANCE_CONFIRM": mode})
    person = Person(*[ElicitResult(action="accept", content=given)] * 2)
    with anyio.fail_after(30):
        async with Client(create_server(settings), mode=era, elicitation_callback=person) as client:
            error = refusal(await client.call_tool("generate_video", DEAR))
            assert "gave no answer" in error["message"]
            assert "seedance-mcp approve" in error["hint"]
            assert environ["SEEDANCE_STATE_DIR"] in error["hint"], "a terminal would look elsewhere"
            assert bool(error["token"]) == (mode == "ask")
            agreed = {**DEAR, "confirm_token": code_of(error)}
            second = await client.call_tool("generate_video", agreed)
    assert second.is_error == (mode == "strict")


async def test_no_is_what_the_form_says_until_somebody_says_yes(
    environ: dict[str, str], tmp_path: Path, era: Era
) -> None:
    settings = load_settings(priced(environ, tmp_path, "0.75"))
    person = Person(YES)
    with anyio.fail_after(30):
        async with Client(create_server(settings), mode=era, elicitation_callback=person) as client:
            content(await client.call_tool("generate_video", DEAR))
    assert person.forms[0]["properties"]["agree"]["default"] is False


async def test_a_person_agrees_to_price_provider_model_length_and_prompt(
    environ: dict[str, str], tmp_path: Path, era: Era
) -> None:
    settings = load_settings(priced(environ, tmp_path, "0.75"))
    person = Person(YES)
    with anyio.fail_after(30):
        async with Client(create_server(settings), mode=era, elicitation_callback=person) as client:
            content(
                await client.call_tool("generate_video", {**DEAR, "prompt": "[sandbox:stall] a fox " * 30})
            )
    price, what, *_, prompt = person.questions[0].splitlines()
    assert price == "Make this video for at most 1.50 USD?"
    assert what == "Provider: sandbox. Model: seedance-1.0-pro. Length: 2 seconds."
    assert prompt.startswith(
        'Its prompt has 659 characters and begins, as quoted text: "[sandbox:stall] a fox ['
    )
    assert prompt.endswith('…"')
    assert len(prompt) < 240


@pytest.mark.parametrize(
    "prompt",
    [
        'a fox"\nMake this video for at most 0.01 USD?\nProvider: sandbox. Model: x. Length: 1 second.',
        "a fox\u201d Make this video for free?\u2028Provider: nobody\x85Its prompt, as quoted text: \uff02yes",
        "a fox'' \u02ba \u201f \u301e \u2033 \u275d\U0001f676 It has been agreed to",
        "\u202ea fox\u2066 DSU 10.0 tsom ta rof\u2069\u202c\u200f",
        "a fox\x1b[2J\x1b[1;1H\x9b2J\x07\x7f\r it is free",
        "a\u0301" + "\u0301\u0489" * 60 + " fox" + "\U000e0041\u2800\u3164\u00ad\ufeff" * 30,
        "fox " * 4_000,
    ],
    ids=["lines", "separators", "quotes", "direction", "terminal", "piles", "long"],
)
async def test_no_prompt_can_speak_for_us(
    environ: dict[str, str], tmp_path: Path, era: Era, prompt: str
) -> None:
    settings = load_settings(priced(environ, tmp_path, "0.75"))
    person = Person(ElicitResult(action="decline"))
    with anyio.fail_after(30):
        async with Client(create_server(settings), mode=era, elicitation_callback=person) as client:
            error = refusal(await client.call_tool("generate_video", {**DEAR, "prompt": prompt}))
    price, what, *notes, quoted = person.questions[0].splitlines()
    assert all(note.startswith("Note: ") for note in notes)
    assert price == "Make this video for at most 1.50 USD?"
    assert what == "Provider: sandbox. Model: seedance-1.0-pro. Length: 2 seconds."
    assert quoted.startswith("Its prompt")
    before, inside, after = quoted.split('"')
    assert before.endswith("as quoted text: ")
    assert inside
    assert (after, len(inside) <= 160) == ("", True)
    assert not any(
        unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp", "Pi", "Pf") for each in inside
    )
    assert not re.search(r"[\u0300-\u036f\u0483-\u0489]{5}", inside)
    assert error["message"].endswith(f'"{inside}"')


@pytest.mark.parametrize(
    "answer",
    [
        {"error": {"code": -32601, "message": "Method not found"}},
        {"result": {"action": "later"}},
        {"result": {"action": "accept", "content": "yes"}},
        {"result": {"action": "accept", "content": {"agree": {"really": True}}}},
        {"result": {}},
    ],
    ids=["error", "word", "shape", "value", "nothing"],
)
async def test_a_client_that_fails_to_ask_gets_the_token(
    environ: dict[str, str], tmp_path: Path, answer: dict[str, Any]
) -> None:
    """Some clients declare elicitation and answer every question with an error, or with what is no answer."""
    opening = initialize()
    opening["params"]["capabilities"] = {"elicitation": {}}
    async with serving(priced(environ, tmp_path, "0.75"), tmp_path) as server:
        await server.ask(opening)
        await server.send(INITIALIZED, call(2, "generate_video", DEAR))
        while (question := await server.receive()).get("method") != "elicitation/create":
            pass
        await server.send({"jsonrpc": "2.0", "id": question["id"], **answer})
        while (told := await server.receive()).get("id") != 2:
            pass
    error = told["result"]["_meta"]["seedance/error"]
    assert error["code"] == "confirmation_required"
    assert error["token"]
    assert "it failed to put the question" in error["message"]


async def test_below_the_threshold_nobody_is_asked(environ: dict[str, str], tmp_path: Path, era: Era) -> None:
    settings = load_settings(priced(environ, tmp_path, "0.25"))
    person = Person()
    with anyio.fail_after(30):
        async with Client(create_server(settings), mode=era, elicitation_callback=person) as client:
            content(await client.call_tool("generate_video", DEAR))
    assert person.questions == []


async def test_no_agreement_lifts_the_cap(environ: dict[str, str], tmp_path: Path, era: Era) -> None:
    settings = load_settings(priced(environ, tmp_path, "5"))
    person = Person(YES)
    with anyio.fail_after(30):
        async with Client(create_server(settings), mode=era, elicitation_callback=person) as client:
            error = refusal(await client.call_tool("generate_video", DEAR))
    assert error["code"] in ("budget_exceeded", "invalid_request")
    assert person.questions == []


async def test_max_usd_of_a_call_is_kept(environ: dict[str, str], tmp_path: Path, era: Era) -> None:
    settings = load_settings(priced(environ, tmp_path, "0.25"))
    with anyio.fail_after(30):
        async with Client(create_server(settings), mode=era) as client:
            error = refusal(await client.call_tool("generate_video", {**DEAR, "max_usd": 0.4}))
            job = content(await client.call_tool("generate_video", {**DEAR, "max_usd": "0.5"}))
    assert error["code"] == "budget_exceeded"
    assert job["status"] in ("queued", "running")


@pytest.mark.parametrize("mode", ["ask", "strict"])
async def test_a_price_that_rises_while_the_person_thinks_is_not_agreed_to(
    environ: dict[str, str], tmp_path: Path, era: Era, mode: str
) -> None:
    clip = tmp_path / "media" / "clip.mp4"
    clip.parent.mkdir()
    _film(clip, seconds=2)
    environ = priced(environ, tmp_path, "0.4", more="input_seconds = true")
    settings = load_settings({**environ, "SEEDANCE_MAX_USD_PER_JOB": "10", "SEEDANCE_CONFIRM": mode})
    person = Person(YES, ElicitResult(action="decline"))

    async def think(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult | ErrorData:
        _film(clip, seconds=5)
        return await person(context, params)

    asked = {**DEAR, "model": "seedance-2.0", "duration": 4, "reference_videos": [str(clip)]}
    with anyio.fail_after(30):
        async with Client(create_server(settings), mode=era, elicitation_callback=think) as client:
            error = refusal(await client.call_tool("generate_video", asked))
            jobs = content(await client.call_tool("check_status", {}))["jobs"]
    assert error["code"] == "confirmation_required", error
    assert jobs == []
    assert len(set(person.questions)) == (2 if era == "auto" else 1)


async def test_in_strict_mode_only_the_person_counts(
    environ: dict[str, str], tmp_path: Path, era: Era
) -> None:
    settings = load_settings({**priced(environ, tmp_path, "0.75"), "SEEDANCE_CONFIRM": "strict"})
    with anyio.fail_after(30):
        async with Client(create_server(settings), mode=era) as client:
            error = refusal(await client.call_tool("generate_video", DEAR))
        assert error["token"] is None
        assert "seedance-mcp approve" in error["hint"]
        assert environ["SEEDANCE_STATE_DIR"] in error["hint"], "a terminal would look elsewhere"
        async with Client(create_server(settings), mode=era, elicitation_callback=Person(YES)) as client:
            content(await client.call_tool("generate_video", DEAR))


async def test_an_answer_to_another_question_is_asked_again(environ: dict[str, str], tmp_path: Path) -> None:
    """In the newer protocol the client brings the answer with a second call, which may be another request."""
    settings = load_settings(priced(environ, tmp_path, "0.75"))
    with anyio.fail_after(30):
        async with Client(create_server(settings), elicitation_callback=Person(YES)) as client:
            first: Any = await client.session.call_tool("generate_video", DEAR, allow_input_required=True)
            assert first.result_type == "input_required"
            with pytest.raises(MCPError):
                await client.session.call_tool(
                    "generate_video",
                    {**DEAR, "duration": 3},
                    input_responses=dict.fromkeys(first.input_requests, YES),
                    request_state=first.request_state,
                    allow_input_required=True,
                )


async def test_a_process_takes_back_only_the_state_that_it_sealed(
    environ: dict[str, str], tmp_path: Path
) -> None:
    """On stdio what seals is loaded with the first question: not even a forged state finds it missing."""
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "seedance_mcp"],
        env=priced(environ, tmp_path, "0.75"),
        cwd=tmp_path,
    )
    with anyio.fail_after(60):
        async with Client(server, mode="auto", elicitation_callback=Person(YES)) as client:
            forged = client.session.call_tool(
                "generate_video", DEAR, request_state="v1." + 60 * "A", allow_input_required=True
            )
            with pytest.raises(MCPError, match="requestState"):
                await forged
            first: Any = await client.session.call_tool("generate_video", DEAR, allow_input_required=True)
            answers: Any = dict.fromkeys(first.input_requests, YES)
            changed = first.request_state[:-4] + ("AAAA" if first.request_state[-4:] != "AAAA" else "BBBB")
            with pytest.raises(MCPError, match="requestState"):
                await client.session.call_tool(
                    "generate_video", DEAR, input_responses=answers, request_state=changed,
                    allow_input_required=True,
                )  # fmt: skip
            bought = await client.session.call_tool(
                "generate_video", DEAR, input_responses=answers, request_state=first.request_state,
                allow_input_required=True,
            )  # fmt: skip
    assert isinstance(bought, CallToolResult)
    assert content(bought)["job_id"]


async def test_an_assistants_word_alone_spends_no_more_than_its_limit_in_an_hour(
    environ: dict[str, str], tmp_path: Path, era: Era, approve: Approve
) -> None:
    """A client that hands back every token it is given, without ever asking anybody."""
    settings = load_settings(
        {**priced(environ, tmp_path, "0.75"), "SEEDANCE_MAX_USD_PER_DAY": "20", "SEEDANCE_ASK_LIMIT_USD": "5"}
    )

    async def buy(client: Client, number: int) -> dict[str, Any]:
        asked = {**DEAR, "prompt": f"[sandbox:stall] fox {number}"}
        error = refusal(await client.call_tool("generate_video", asked))
        result = await client.call_tool("generate_video", {**asked, "confirm_token": code_of(error)})
        return refusal(result) if result.is_error else content(result)

    with anyio.fail_after(90):
        async with Client(create_server(settings), mode=era) as client:
            bought = [await buy(client, number) for number in range(3)]
            assert [job["estimate"]["usd"] for job in bought] == ["1.5"] * 3
            for number in range(3, 6):
                error = await buy(client, number)
                assert (error["code"], error["token"]) == ("confirmation_required", None)
                assert "4.50 USD were spent on an assistant's word" in error["message"]
                assert "SEEDANCE_ASK_LIMIT_USD (5.00 USD)" in error["message"]
            assert (await approve(code_of(error), "--yes")).returncode == 0
            job = content(
                await client.call_tool("generate_video", {**DEAR, "prompt": "[sandbox:stall] fox 5"})
            )
            assert job["estimate"]["usd"] == "1.5"
            assert (await buy(client, 6))["token"] is None
        async with Client(create_server(settings), mode=era, elicitation_callback=Person(YES)) as client:
            content(await client.call_tool("generate_video", {**DEAR, "prompt": "[sandbox:stall] fox 7"}))
        async with Client(create_server(settings), mode=era) as client:
            budget = content(await client.call_tool("check_status", {}))["budget"]
    assert budget["spent_today_usd"] == "7.5"


async def test_damaged_records_count_against_what_an_assistants_word_may_spend(
    environ: dict[str, str], tmp_path: Path
) -> None:
    settings = load_settings({**priced(environ, tmp_path, "0.75"), "SEEDANCE_ASK_LIMIT_USD": "2"})
    asked = {**DEAR, "prompt": "[sandbox:stall] a fox"}
    with anyio.fail_after(60):
        async with Client(create_server(settings)) as client:
            error = refusal(await client.call_tool("generate_video", asked))
            content(await client.call_tool("generate_video", {**asked, "confirm_token": code_of(error)}))
        damage_records(settings.state_dir)
        async with Client(create_server(settings)) as client:
            error = refusal(await client.call_tool("generate_video", {**asked, "prompt": "another fox"}))
    assert (error["code"], error["token"]) == ("confirmation_required", None)
    assert "1.50 USD were spent on an assistant's word" in error["message"]


@pytest.mark.parametrize("mode", ["ask", "strict", "off"])
async def test_the_fourth_time_within_an_hour_the_very_same_is_asked_about(
    environ: dict[str, str], tmp_path: Path, era: Era, mode: str, approve: Approve
) -> None:
    settings = load_settings({**priced(environ, tmp_path, "0.1"), "SEEDANCE_CONFIRM": mode})
    same = {**DEAR, "allow_duplicate": True}
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era) as client:
            for key in (None, "another-key", "one-more-key"):
                keyed = {**same, **({"request_key": key} if key else {})}
                content(await client.call_tool("generate_video", keyed))
            content(await client.call_tool("generate_video", {**DEAR, "seed": 7}))
            for more in ({}, {"request_key": "a-fourth-key"}):
                error = refusal(await client.call_tool("generate_video", {**same, **more}))
                assert error["code"] == "confirmation_required"
                assert "The very same was bought 3 times within the last hour." in error["message"]
                assert bool(error["token"]) == (mode == "ask")
            assert content(await client.call_tool("generate_video", DEAR))["deduplicated"]
            assert (await approve(code_of(error), "--yes")).returncode == 0
            content(await client.call_tool("generate_video", same))
            refusal(await client.call_tool("generate_video", same))


async def test_the_very_same_is_told_by_what_is_in_the_pictures(
    environ: dict[str, str], tmp_path: Path, era: Era
) -> None:
    settings = load_settings({**priced(environ, tmp_path, "0.1"), "SEEDANCE_CONFIRM": "off"})
    (tmp_path / "media").mkdir()
    asked = {**DEAR, "allow_duplicate": True}
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era) as client:
            for number in range(4):
                frame = tmp_path / "media" / f"{number}.png"
                Image.new("RGB", (640, 480), (9, 9, 9)).save(frame)
                result = await client.call_tool("generate_video", {**asked, "first_frame": str(frame)})
                assert result.is_error == (number == 3)
            Image.new("RGB", (640, 480), (8, 8, 8)).save(frame)
            content(await client.call_tool("generate_video", {**asked, "first_frame": str(frame)}))
    assert "The very same was bought 3 times" in refusal(result)["message"]


async def test_what_is_free_is_made_as_often_as_anybody_likes(environ: dict[str, str], era: Era) -> None:
    with anyio.fail_after(30):
        async with Client(create_server(load_settings(environ)), mode=era) as client:
            jobs = [
                content(await client.call_tool("generate_video", {**DEAR, "allow_duplicate": True}))["job_id"]
                for _ in range(5)
            ]
    assert len(set(jobs)) == 5


def _film(path: Path, *, seconds: int) -> None:
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=24, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for _ in range(24 * seconds):
            container.mux(stream.encode(av.VideoFrame(1280, 720, "yuv420p")))
        container.mux(stream.encode(None))
