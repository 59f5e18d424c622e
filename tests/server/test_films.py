"""Films by the tools: priced first, agreed to once, made shot by shot, and shown wherever a job is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, MCPError
from mcp.types import ElicitResult, TextResourceContents

from seedance_mcp.config import Settings, load_settings
from seedance_mcp.films import Films
from seedance_mcp.server import create_server
from seedance_mcp.types import FilmRecord

from .asking import content, priced, refusal, text
from .conftest import Era
from .test_confirmation import YES, Person

MODEL = "seedance-1.0-pro"


def storyboard(*prompts: str) -> dict[str, Any]:
    """Short shots, called s01 and so on."""
    shots = [{"seconds": 2, "prompt": prompt} for prompt in prompts or ("a harbour", "a lantern")]
    return {"title": "Lantern", "model": MODEL, "resolution": "480p", "shots": shots}


async def plan(client: Client, **arguments: Any) -> dict[str, Any]:
    return content(await client.call_tool("plan_film", arguments))


async def make(client: Client, planned: dict[str, Any], **more: Any) -> dict[str, Any]:
    asked = {"film_id": planned["film_id"], "plan": planned["plan"], "wait_seconds": 0, **more}
    film = content(await client.call_tool("create_film", asked))
    waited = {"job_id": film["film_id"], "wait_seconds": 40}
    return content(await client.call_tool("check_status", waited))


def states(film: dict[str, Any]) -> dict[str, str]:
    return {shot["shot"]: shot["state"] for shot in film["shots"]}


async def test_a_storyboard_becomes_a_film_and_a_changed_line_one_shot(settings: Settings, era: Era) -> None:
    with anyio.fail_after(90):
        async with Client(create_server(settings), mode=era) as client:
            planned = await plan(client, storyboard=storyboard(), quality="animatic")
            assert [shot["in_plan"] for shot in planned["shots"]] == [True, True]
            assert planned["price"]["maximum"] == "0"
            assert planned["plan"] in planned["next_step"]
            film = await make(client, planned)
            film_id = film["film_id"]
            seen = await client.call_tool("view_video", {"source": film_id, "frames": 2})
            viewed = content(seen)
            (read,) = (await client.read_resource(f"seedance://films/{film_id}")).contents
            listed = [str(one.uri) for one in (await client.list_resources()).resources]
            changes = {"shots": [{"id": "s02", "prompt": "a lantern goes out"}]}
            changed = await plan(client, film_id=film_id, storyboard=changes, quality="animatic")
            kept = await plan(client, film_id=film_id, quality="animatic", keep=["s02"])
            job = {"job_id": film["shots"][0]["job_id"], "verdict": "good"}
            bad = content(await client.call_tool("review", {**job, "verdict": "bad"}))
            reviewed = content(await client.call_tool("review", job))
            await client.call_tool("review", {**job, "by": "person", "choose": True})
            redone = await make(client, await plan(client, film_id=film_id, quality="animatic", redo=["s01"]))
            chosen = await client.call_tool("review", {**job, "choose": True})
            shown = content(await client.call_tool("check_status", {"job_id": film_id}))
            none = {"job_id": "job_aaaaaaaaaaaaaaaaaaaaaa", "verdict": "good", "choose": True}
            refused = refusal(await client.call_tool("review", none))
    assert (film["status"], film["problems"]) == ("succeeded", [])
    assert states(film) == {"s01": "current", "s02": "current"}
    assert Path(film["film_path"]).is_file()
    assert viewed["video_path"] == film["film_path"]
    assert Path(film["film_path"]).with_name("film-animatic-sheet.jpg").is_file()
    assert [block.type for block in seen.content].count("image") == 1
    assert viewed["facts"]["duration_seconds"] == pytest.approx(4, abs=0.1)
    assert isinstance(read, TextResourceContents)
    assert json.loads(read.text)["film_path"] == film["film_path"]
    assert f"seedance://films/{film_id}" in listed
    assert [shot["shot"] for shot in changed["shots"] if shot["in_plan"]] == ["s02"]
    assert states(changed) == {"s01": "current", "s02": "stale"}
    assert states(kept) == {"s01": "current", "s02": "current"}
    assert f"plan_film and film_id {film_id}" in bad["next_step"]
    assert "estimate_cost" not in bad["next_step"]
    assert reviewed["review"]["verdict"] == "good"
    assert [one["shots"][0]["take"] for one in (film, redone, shown)] == [1, 2, 1]
    assert f"Shot s01 of film {film_id} shows it; plan_film" in text(chosen)
    assert shown["problems"][0].startswith("film-animatic.mp4 is not of what its shots show now.")
    assert "is no take of a film" in refused["message"]
    assert shown["shots"][0]["takes"]["1"] == job["job_id"]
    assert "takes" not in film["shots"][0] or film["shots"][0]["takes"] == {}


async def test_every_problem_of_a_storyboard_is_told_at_once(settings: Settings, era: Era) -> None:
    wrong = {"title": "x", "shots": [{"prompt": "@ben", "seconds": 2}, {"prompt": "a", "second": 3}]}
    with anyio.fail_after(30):
        async with Client(create_server(settings), mode=era) as client:
            error = refusal(await client.call_tool("plan_film", {"storyboard": wrong}))
            nothing = refusal(await client.call_tool("plan_film", {}))
    assert [problem.partition(":")[0] for problem in error["problems"]][:3] == [
        "shot s02.seconds",
        "shot s02.second",
        "shot s01.prompt",
    ]
    assert nothing["code"] == "invalid_request"
    assert "seedance://guide/film" in nothing["hint"]


async def test_a_plan_is_of_the_words_that_were_sent_whoever_writes_meanwhile(
    settings: Settings, era: Era, monkeypatch: pytest.MonkeyPatch
) -> None:
    others: list[dict[str, Any]] = []
    take = Films.take

    async def hurried(films: Films, storyboard: dict[str, Any], film_id: str | None) -> FilmRecord:
        """Write, and let another assistant write before it is planned."""
        record = await take(films, storyboard, film_id)
        if others:
            await take(films, others.pop(), film_id)
        return record

    monkeypatch.setattr(Films, "take", hurried)
    with anyio.fail_after(90):
        async with Client(create_server(settings), mode=era) as client:
            film_id = (await plan(client, storyboard=storyboard()))["film_id"]
            others += [{"shots": [{"id": "s02", "prompt": "their words"}]}]
            mine = {"shots": [{"id": "s02", "prompt": "my words"}]}
            film = await make(
                client, await plan(client, film_id=film_id, storyboard=mine, quality="animatic")
            )
            job = film["shots"][1]["job_id"]
            (read,) = (await client.read_resource(f"seedance://jobs/{job}")).contents
    assert isinstance(read, TextResourceContents)
    assert (others, film["status"]) == ([], "succeeded")
    assert "my words" in read.text
    assert "their words" not in read.text


async def test_a_token_for_one_plan_makes_that_plan_alone(
    environ: dict[str, str], tmp_path: Path, era: Era
) -> None:
    settings = load_settings(priced(environ, tmp_path, "0.3"))
    with anyio.fail_after(90):
        async with Client(create_server(settings), mode=era) as client:
            planned = await plan(client, storyboard=storyboard())
            assert planned["price"]["maximum"] == "1.2"
            asked = {"film_id": planned["film_id"], "plan": planned["plan"], "wait_seconds": 0}
            low = refusal(await client.call_tool("create_film", {**asked, "max_usd": 1}))
            error = refusal(await client.call_tool("create_film", asked))
            assert content(await client.call_tool("check_status", {}))["jobs"] == []
            changes = {"shots": [{"id": "s02", "prompt": "something else"}]}
            other = await plan(client, film_id=planned["film_id"], storyboard=changes)
            wrong = {**asked, "plan": other["plan"], "confirm_token": error["token"]}
            refused = refusal(await client.call_tool("create_film", wrong))
            film = await make(client, other, confirm_token=refused["token"])
            jobs = content(await client.call_tool("check_status", {}))["jobs"]
    assert low["code"] == "budget_exceeded"
    assert error["code"] == refused["code"] == "confirmation_required"
    assert "1.20 USD" in error["message"]
    assert planned["next_step"].endswith("They are asked to agree.")
    assert (film["status"], len(jobs)) == ("succeeded", 2)


@pytest.mark.parametrize("agrees", [True, False])
async def test_a_client_that_can_ask_puts_one_question_for_the_whole_film(
    environ: dict[str, str], tmp_path: Path, era: Era, agrees: bool
) -> None:
    settings = load_settings(priced(environ, tmp_path, "0.3"))
    person = Person(YES if agrees else ElicitResult(action="decline"))
    prompts = ("[sandbox:stall] a harbour", "[sandbox:stall] a lantern")
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era, elicitation_callback=person) as client:
            planned = await plan(client, storyboard=storyboard(*prompts))
            asked = {"film_id": planned["film_id"], "plan": planned["plan"], "wait_seconds": 0}
            answered = await client.call_tool("create_film", asked)
            again = await client.call_tool("create_film", asked) if agrees else None
    assert len(person.questions) == 1
    assert "1.20 USD" in person.questions[0]
    if again is not None:
        assert content(answered)["status"] == content(again)["status"] == "making"
    else:
        error = refusal(answered)
        assert error["message"].startswith("The client answered no: ")
        assert "plan_film" in error["hint"]


async def test_a_plan_that_no_longer_fits_is_answered_with_the_new_one(settings: Settings, era: Era) -> None:
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era) as client:
            planned = await plan(client, storyboard=storyboard(), quality="animatic")
            changes = {"shots": [{"prompt": "a gull", "seconds": 2, "id": "s03"}]}
            now = await plan(client, film_id=planned["film_id"], storyboard=changes, quality="animatic")
            result = await client.call_tool(
                "create_film", {"film_id": planned["film_id"], "plan": planned["plan"]}
            )
            jobs = content(await client.call_tool("check_status", {}))["jobs"]
    error = refusal(result)
    assert (error["code"], jobs) == ("plan_changed", [])
    assert error["plan"]["plan"] == now["plan"] != planned["plan"]
    assert [words for words in error["differences"] if words.startswith("s03 is bought as well")]
    assert f"plan: {now['plan']}" in text(result)


async def test_a_film_that_is_cancelled_buys_nothing_more(settings: Settings, era: Era) -> None:
    told: list[str] = []

    async def report(progress: float, total: float | None, message: str | None) -> None:
        told.append(message or "")

    prompts = ("a harbour", "[sandbox:stall] a lantern")
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era) as client:
            planned = await plan(client, storyboard=storyboard(*prompts), quality="animatic")
            film_id = planned["film_id"]
            asked = {"film_id": film_id, "plan": planned["plan"], "wait_seconds": 8}
            film = content(await client.call_tool("create_film", asked, progress_callback=report))
            while states(film)["s01"] == "making":
                more = {"job_id": film_id, "wait_seconds": 2}
                film = content(await client.call_tool("check_status", more, progress_callback=report))
            viewed = refusal(await client.call_tool("view_video", {"source": film_id}))
            listed = content(await client.call_tool("check_status", {}))["films_in_making"]
            ended = content(await client.call_tool("cancel_job", {"job_id": film_id}))
            stopped = {"job_id": film["shots"][1]["job_id"], "wait_seconds": 20}
            assert content(await client.call_tool("check_status", stopped))["status"] == "cancelled"
            left = await plan(client, film_id=film_id, quality="animatic")
    assert (film["status"], film["film_path"]) == ("making", None)
    assert states(film) == {"s01": "current", "s02": "making"}
    assert any("1 of 2 shots" in words for words in told)
    assert viewed["code"] == "job_not_finished"
    assert film["shots"][0]["job_id"] in viewed["hint"]
    assert listed == [f"{film_id} (Lantern): 1 of 2 shots; making s02"]
    assert ended["status"] == "cancelled"
    assert [shot["shot"] for shot in left["shots"] if shot["in_plan"]] == ["s02"]


async def test_takes_of_films_are_not_told_one_by_one_as_finished_meanwhile(settings: Settings) -> None:
    with anyio.fail_after(60):
        async with Client(create_server(settings)) as client:
            film = await make(
                client, await plan(client, storyboard=storyboard("a harbour"), quality="animatic")
            )
        async with Client(create_server(settings)) as other:
            first = await plan(other, film_id=film["film_id"], quality="animatic")
    assert film["status"] == "succeeded"
    assert "finished_meanwhile" not in first


async def test_a_film_that_there_is_not_is_told_so_everywhere(settings: Settings, era: Era) -> None:
    nothing = "flm_aaaaaaaaaaaa"
    with anyio.fail_after(30):
        async with Client(create_server(settings), mode=era) as client:
            answers = [
                await client.call_tool("check_status", {"job_id": nothing}),
                await client.call_tool("cancel_job", {"job_id": nothing}),
                await client.call_tool("view_video", {"source": nothing}),
                await client.call_tool("plan_film", {"film_id": nothing}),
                await client.call_tool("create_film", {"film_id": nothing, "plan": "0" * 16}),
            ]
            with pytest.raises(MCPError) as raised:
                await client.read_resource(f"seedance://films/{nothing}")
    assert [refusal(one)["code"] for one in answers] == ["film_not_found"] * 5
    assert "There is no film" in raised.value.error.message
