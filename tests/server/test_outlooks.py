"""What an assistant is told of what comes next: after a price, a lost answer, and a wish to stop."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from mcp import Client

from seedance_mcp.config import Settings, load_settings
from seedance_mcp.server import create_server
from tests.emulator import Behaviour, Emulator
from tests.reliability import fault_market as market

from .asking import content, text
from .conftest import Era

ASKING = {"SEEDANCE_CONFIRM": "ask", "SEEDANCE_CONFIRM_ABOVE_USD": "0.01"}


@pytest.mark.parametrize(
    ("limits", "told", "then"),
    [
        ({"SEEDANCE_MAX_USD_PER_JOB": "0.01"}, ("refused now", "SEEDANCE_MAX_USD_PER_JOB"), "budget_exceeded"),
        ({"SEEDANCE_MAX_USD_PER_DAY": "0.01"}, ("refused now", "SEEDANCE_MAX_USD_PER_DAY"), "budget_exceeded"),
        (ASKING, ("a person to agree", "CONFIRM_ABOVE_USD"), "confirmation_required"),
        ({}, ("makes the video", ""), None),
    ],
)  # fmt: skip
async def test_an_estimate_says_what_the_purchase_would_meet(
    tmp_path: Path, era: Era, limits: dict[str, str], told: tuple[str, str], then: str | None
) -> None:
    wish = market.request("ark").model_dump(exclude_defaults=True)
    with anyio.fail_after(60):
        async with Emulator("ark", behaviour=Behaviour(running_seconds=3600)) as emulator:
            limited = market.settings({**emulator.environment(), **limits}, tmp_path)
            async with Client(create_server(limited), mode=era) as client:
                step = content(await client.call_tool("estimate_cost", wish))["next_step"]
                made = await client.call_tool("generate_video", {**wish, "wait_seconds": 0})
    assert all(words in step for words in told), step
    assert ("makes the video" in step) is (then is None)
    assert bool(made.is_error) is (then is not None)
    if then is not None:
        assert then in text(made)


ABOVE = {"prompt": "a mug", "model": "seedance-2.0", "duration": 10}
"""More than 1 USD at Ark, which sells other models for less."""
FITS = ("ark/seedance-1.0-pro-fast", "ark/seedance-2.0-mini")


async def test_an_estimate_takes_a_purchases_arguments_and_names_what_is_within_its_limit(
    environ: dict[str, str], era: Era
) -> None:
    idle = {"allow_duplicate": "?", "request_key": "x", "confirm_token": 4711, "wait_seconds": -1}
    async with Client(
        create_server(load_settings({**environ, "ARK_API_KEY": "nobody-takes-it"})), mode=era
    ) as client:
        below = content(await client.call_tool("estimate_cost", {**ABOVE, **idle, "max_usd": 1}))
        above = content(await client.call_tool("estimate_cost", {**ABOVE, "max_usd": 2}))
        bought = await client.call_tool("generate_video", {**ABOVE, "max_usd": 1})
        wrong = await client.call_tool("estimate_cost", {**ABOVE, "max_usd": "much"})
    ignored, *_, within = below["notes"]
    assert ignored == f"Ignored, because nothing is bought here: {', '.join(idle)}."
    assert within == f"Ready, and within max_usd 1: {', '.join(FITS)}."
    assert "would be refused now" in below["next_step"]
    assert all(not note.startswith("Ignored") for note in above["notes"])
    assert "within max_usd 2: ark/seedance-2.0, " in above["notes"][-1]
    assert "above this call's max_usd" not in above["next_step"]
    for words in (text(bought), below["next_step"]):
        assert f"Ready, and within it: {FITS[0]} (0.2938 USD), {FITS[1]} (0.7098 USD)" in words
        assert "To raise max_usd is the person's decision." in words
    assert bool(wrong.is_error)
    assert "max_usd must be an amount" in text(wrong)


async def test_a_model_without_sound_is_told_before_it_is_bought(environ: dict[str, str], era: Era) -> None:
    wish = {"prompt": "a mug", "model": "seedance-1.0-pro-fast"}
    async with Client(create_server(load_settings(environ)), mode=era) as client:
        silent = content(await client.call_tool("estimate_cost", wish))
        loud = content(await client.call_tool("estimate_cost", {"prompt": "a mug", "model": "seedance-2.0"}))
    assert silent["advice"] == [{"code": "silent_model", "text": "seedance-1.0-pro-fast makes no sound."}]
    assert "advice" not in loud
    differences = {offer["model"]: offer["differences"] for offer in loud["offers"]}
    assert "no sound" in differences["seedance-1.0-pro-fast"]
    assert "no sound" not in differences["seedance-2.0-mini"]


async def test_the_offers_of_the_real_video_are_no_placeholders(environ: dict[str, str], era: Era) -> None:
    async with Client(create_server(load_settings(environ)), mode=era) as client:
        priced = content(await client.call_tool("estimate_cost", {"prompt": "a mug", "max_usd": 1}))
        listed = content(await client.call_tool("list_models", {}))
    assert priced["provider"] == "sandbox"
    assert priced["offers"]
    assert "sandbox" not in {offer["provider"] for offer in priced["offers"]}
    assert "Ready, and within max_usd 1: no offer of a real video." in priced["notes"]
    assert "example_usd is the price of 5 s at 720p from text" in listed["next_step"]
    prices = {offer["provider"]: offer["example_usd"] for offer in listed["models"][0]["offers"]}
    assert prices["fal"] == "2.365"


async def test_the_reason_for_a_model_that_no_limit_allows_does_not_say_that_it_does(
    tmp_path: Path, era: Era
) -> None:
    async with Emulator("ark") as emulator:
        told: list[str] = []
        for limit in ("0.0001", "5"):
            found = market.settings({**emulator.environment(), "SEEDANCE_MAX_USD_PER_JOB": limit}, tmp_path)
            async with Client(create_server(found), mode=era) as client:
                asked = {"prompt": "a paper boat", "duration": 5, "resolution": "480p"}
                told.append(content(await client.call_tool("estimate_cost", asked))["reason"])
    assert "none has a published price that is within the limit" in told[0]
    assert "newest model whose published price is within the limit" in told[1]


async def test_no_answer_promises_a_search_at_a_provider_that_cannot_be_asked(
    tmp_path: Path, era: Era
) -> None:
    wish = market.request("runcomfy").model_dump(exclude_defaults=True)
    messages: list[str] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        messages.append(message or "")

    with anyio.fail_after(60):
        async with Emulator("runcomfy") as emulator:
            emulator.fail("lost", "submit")
            here = market.settings(emulator.environment(), tmp_path)
            async with Client(create_server(here), mode=era) as client:
                first = await client.call_tool("generate_video", {**wish, "wait_seconds": 0})
                job_id = content(first)["job_id"]
                again = await client.call_tool(
                    "check_status", {"job_id": job_id, "wait_seconds": 1}, progress_callback=note
                )
                stop = await client.call_tool("cancel_job", {"job_id": job_id})
    for answer in (first, again, stop):
        job = content(answer)
        assert job["status"] == "unknown"
        for words in (job["next_step"], job["error"]["hint"]):
            assert "cannot be asked" in words
            assert f"jobs resolve {job_id}" in words
        assert "looks for" not in text(answer)
        assert "finding out" not in text(answer)
    assert all("looking for" not in message for message in messages)
    assert any("cannot be asked" in message for message in messages), messages


async def test_a_job_that_is_being_stopped_is_not_said_to_go_on(environ: dict[str, str], era: Era) -> None:
    asked = {"prompt": "a boat", "model": "seedance-1.0-pro-fast", "resolution": "480p", "duration": 2}
    settings: Settings = load_settings({**environ, "SEEDANCE_SANDBOX_SECONDS": "30"})
    with anyio.fail_after(30):
        async with Client(create_server(settings), mode=era) as client:
            job = content(await client.call_tool("generate_video", {**asked, "wait_seconds": 0}))
            stopped = await client.call_tool("cancel_job", {"job_id": job["job_id"]})
    assert "to be stopped" in text(stopped).splitlines()[0]
    assert "asked to stop" in content(stopped)["next_step"]
    assert "goes on by itself" not in text(stopped)
