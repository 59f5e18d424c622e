"""Prices that a person has to agree to, in every way that clients can ask."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import av
import pytest
from mcp import Client, MCPError
from mcp.client import ClientRequestContext
from mcp.types import ElicitRequestParams, ElicitResult, ErrorData

from seedance_mcp.config import load_settings
from seedance_mcp.server import create_server

from .asking import SMALL, content, priced, refusal
from .conftest import Era

DEAR = {**SMALL, "prompt": "[sandbox:stall] a fox", "wait_seconds": 0}


class Person:
    """Answers every question in the same way, and remembers the questions."""

    def __init__(self, *answers: ElicitResult | ErrorData) -> None:
        self.questions: list[str] = []
        self._answers: Sequence[ElicitResult | ErrorData] = answers

    async def __call__(
        self, context: ClientRequestContext, params: ElicitRequestParams
    ) -> ElicitResult | ErrorData:
        self.questions.append(params.message)
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


async def test_a_token_is_for_one_request_only(environ: dict[str, str], tmp_path: Path, era: Era) -> None:
    settings = load_settings(priced(environ, tmp_path, "0.75"))
    with anyio.fail_after(30):
        async with Client(create_server(settings), mode=era) as client:
            token = refusal(await client.call_tool("generate_video", DEAR))["token"]
            other = {**DEAR, "prompt": "[sandbox:stall] something else", "confirm_token": token}
            error = refusal(await client.call_tool("generate_video", other))
    assert error["code"] == "confirmation_required"


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
        ElicitResult(action="accept", content={}),
    ],
    ids=["decline", "cancel", "no", "nothing"],
)
async def test_whatever_is_not_a_yes_buys_nothing(
    environ: dict[str, str], tmp_path: Path, era: Era, answer: ElicitResult
) -> None:
    settings = load_settings(priced(environ, tmp_path, "0.75"))
    person = Person(answer)
    with anyio.fail_after(30):
        async with Client(create_server(settings), mode=era, elicitation_callback=person) as client:
            error = refusal(await client.call_tool("generate_video", DEAR))
            jobs = content(await client.call_tool("check_status", {}))["jobs"]
    assert error["code"] == "confirmation_required"
    assert error["token"] is None
    assert (len(person.questions), jobs) == (1, [])


async def test_a_client_that_fails_to_ask_gets_the_token(environ: dict[str, str], tmp_path: Path) -> None:
    """Some clients declare elicitation and answer every question with an error."""
    settings = load_settings(priced(environ, tmp_path, "0.75"))
    person = Person(ErrorData(code=-32601, message="Method not found"))
    with anyio.fail_after(30):
        async with Client(create_server(settings), mode="legacy", elicitation_callback=person) as client:
            error = refusal(await client.call_tool("generate_video", DEAR))
    assert error["token"]


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


async def test_a_price_that_rises_while_the_person_thinks_is_not_agreed_to(
    environ: dict[str, str], tmp_path: Path, era: Era
) -> None:
    clip = tmp_path / "media" / "clip.mp4"
    clip.parent.mkdir()
    _film(clip, seconds=2)
    environ = priced(environ, tmp_path, "0.4", more="input_seconds = true")
    settings = load_settings({**environ, "SEEDANCE_MAX_USD_PER_JOB": "10"})
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


def _film(path: Path, *, seconds: int) -> None:
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=24, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for _ in range(24 * seconds):
            container.mux(stream.encode(av.VideoFrame(1280, 720, "yuv420p")))
        container.mux(stream.encode(None))
