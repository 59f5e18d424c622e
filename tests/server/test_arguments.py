"""Arguments as clients make them up: nothing in words, lists in texts, and names that frameworks add."""

from __future__ import annotations

import time
import tomllib
from importlib import resources
from itertools import product
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from PIL import Image

from seedance_mcp.config import Settings, load_settings
from seedance_mcp.server import create_server

from .asking import SMALL, content, make, priced, refusal, text
from .conftest import Era

NOTHINGS: list[Any] = [
    None,
    "",
    " ",
    "null",
    "NULL",
    "undefined",
    "None",
    ["null"],
    [""],
    [None],
    ["", "null"],
]


async def test_nothing_in_whatever_words_is_as_if_it_had_been_left_out(settings: Settings, era: Era) -> None:
    """In every optional argument of every tool, and also where the list or the object comes as JSON in a text."""
    with anyio.fail_after(100):
        async with Client(create_server(settings), mode=era) as client:
            tools = (await client.list_tools()).tools
            last = sorted(tools, key=lambda tool: tool.name == "generate_video")
            for tool, nothing in product(last, NOTHINGS):
                schema = tool.input_schema
                absent = dict.fromkeys(set(schema["properties"]) - set(schema.get("required", [])), nothing)
                if tool.name not in ("generate_video", "estimate_cost"):
                    needed = dict.fromkeys(schema.get("required", []), "job_nothing")
                    plain = await client.call_tool(tool.name, needed)
                    made_up = await client.call_tool(tool.name, {**needed, **absent})
                    assert text(made_up) == text(plain), (tool.name, nothing)
                    continue
                asked = {**absent, **SMALL, **({"wait_seconds": 0} if tool.name == "generate_video" else {})}
                answered = content(await client.call_tool(tool.name, asked))
                if tool.name == "estimate_cost":
                    plain = content(await client.call_tool(tool.name, SMALL))
                    assert {**answered, "notes": None} == {**plain, "notes": None}, nothing


@pytest.mark.parametrize("tool", ["generate_video", "estimate_cost"])
async def test_a_note_names_the_files_that_were_left_out_because_they_were_empty(
    settings: Settings, era: Era, tool: str
) -> None:
    asked = {**SMALL, **({"wait_seconds": 0} if tool == "generate_video" else {})}
    nowhere = {"first_frame": " ", "last_frame": None, "model": SMALL["model"], "based_on": ""}
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era) as client:
            for given, told in (
                ({**nowhere, "reference_images": [""]}, "they are empty: first_frame and reference_images."),
                ({"reference_videos": '["", "null"]'}, "it is empty: reference_videos."),
            ):
                answered = content(await client.call_tool(tool, {**asked, **given}))
                [note] = [line for line in answered["notes"] if line.startswith("Left out")]
                assert note == f"Left out, because {told} If a file was meant, name it."
            for none in ("null", None, ["undefined"], []):
                answered = content(await client.call_tool(tool, {**asked, "reference_images": none}))
                assert "Left out" not in str(answered.get("notes")), none


@pytest.mark.parametrize("packed", ['["null"]', '[""]', "[null]", '""', '"null"', "null"])
async def test_nothing_that_comes_as_json_in_a_text_is_nothing_too(settings: Settings, packed: str) -> None:
    with anyio.fail_after(20):
        async with Client(create_server(settings)) as client:
            asked = {**SMALL, "reference_images": packed, "provider_options": packed}
            estimate = content(await client.call_tool("estimate_cost", asked))
    assert estimate["settings"].get("reference_images", []) == []


@pytest.mark.parametrize("word", ["null", "undefined", " None "])
async def test_a_prompt_that_says_only_null_is_no_prompt_and_buys_nothing(
    settings: Settings, era: Era, word: str
) -> None:
    with anyio.fail_after(20):
        async with Client(create_server(settings), mode=era) as client:
            refused = await client.call_tool("generate_video", {**SMALL, "prompt": word})
            error = refusal(refused)
            jobs = content(await client.call_tool("check_status", {}))["jobs"]
    assert error["code"] == "invalid_request"
    assert f"prompt says only {word.strip()!r}, which counts as no prompt." in text(refused)
    assert jobs == []


async def test_a_prompt_with_the_word_in_it_stays_whole(settings: Settings) -> None:
    with anyio.fail_after(20):
        async with Client(create_server(settings)) as client:
            asked = {**SMALL, "prompt": "undefined: a film about null", "wait_seconds": 0}
            assert content(await client.call_tool("generate_video", asked))["prompt"] == asked["prompt"]


async def test_a_required_argument_is_taken_at_its_word(settings: Settings) -> None:
    with anyio.fail_after(20):
        async with Client(create_server(settings)) as client:
            named = refusal(await client.call_tool("cancel_job", {"job_id": "null"}))
            absent = refusal(await client.call_tool("cancel_job", {"job_id": None}))
    assert named["code"] == "job_not_found"
    assert absent["problems"] == ["job_id is required."]


@pytest.mark.parametrize(
    "written",
    [
        "https://example.com/a.png",
        ["https://example.com/a.png"],
        '["https://example.com/a.png"]',
        '"https://example.com/a.png"',
    ],
    ids=["bare", "list", "list as JSON", "text as JSON"],
)
async def test_a_bare_text_is_a_list_of_one_where_texts_are_wanted(
    settings: Settings, era: Era, written: Any
) -> None:
    with anyio.fail_after(20):
        async with Client(create_server(settings), mode=era) as client:
            asked = {"prompt": "[1] A fox", "model": "seedance-2.0", "reference_images": written}
            estimate = content(await client.call_tool("estimate_cost", asked))
    assert estimate["settings"]["reference_images"] == ["https://example.com/a.png"]


async def test_a_bare_path_with_brackets_or_of_digits_is_a_path(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "media"
    folder.mkdir()
    with anyio.fail_after(30):
        async with Client(create_server(settings)) as client:
            for name in ("[1].png", "7.png"):
                Image.new("RGB", (640, 640), "orange").save(folder / name)
                asked = {"prompt": "A fox", "model": "seedance-2.0", "reference_images": str(folder / name)}
                estimate = content(await client.call_tool("estimate_cost", asked))
                assert estimate["settings"]["reference_images"] == [str(folder / name)]
            error = refusal(await client.call_tool("estimate_cost", {**SMALL, "reference_images": "7"}))
    assert "reference_images must be a list" not in str(error)


async def test_an_empty_list_takes_back_what_a_basis_has_and_nothing_does_not(settings: Settings) -> None:
    with anyio.fail_after(60):
        async with Client(create_server(settings)) as client:
            job = await make(
                client,
                model="seedance-2.0",
                resolution="480p",
                duration=4,
                reference_images=["https://example.com/a.png"],
            )
            asked = {"based_on": job["job_id"], "prompt": "Another"}
            kept = content(await client.call_tool("estimate_cost", {**asked, "reference_images": [""]}))
            emptied = content(await client.call_tool("estimate_cost", {**asked, "reference_images": []}))
    assert kept["settings"]["reference_images"] == ["https://example.com/a.png"]
    assert emptied["settings"].get("reference_images", []) == []


def _baggage() -> list[str]:
    data = resources.files("seedance_mcp.server").joinpath("baggage.toml").read_text(encoding="utf-8")
    frameworks = tomllib.loads(data)["framework"]
    assert all(framework["source"] for framework in frameworks)
    return [name for framework in frameworks for name in framework["arguments"]]


async def test_what_frameworks_add_is_ignored_with_a_note(settings: Settings, era: Era) -> None:
    """Also in a refusal, and never with what was in it."""
    names = _baggage()
    assert {"toolCallId", "sessionId", "action", "chatInput", "task_progress", "_meta"} <= set(names)
    baggage = dict.fromkeys(names, "secret-words")
    note = f"Ignored, because your framework added it: {', '.join(sorted(names))}."
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era) as client:
            tools = (await client.list_tools()).tools
            job = await make(client)
            needed = {
                "cancel_job": {"job_id": job["job_id"]},
                "view_video": {"source": job["job_id"]},
                "review": {"job_id": job["job_id"], "verdict": "good"},
                "upload_media": {"source": job["video_path"]},
                "generate_video": {**SMALL, "wait_seconds": 0},
                "estimate_cost": SMALL,
                "plan_film": {
                    "storyboard": {"title": "A film", "shots": [{"seconds": 4, "prompt": "A harbour"}]},
                    "quality": "animatic",
                },
            }
            for tool in tools:
                assert not set(names) & set(tool.input_schema["properties"])
                result = await client.call_tool(tool.name, {**needed.get(tool.name, {}), **baggage})
                assert note in content(result)["notes"]
                assert note in text(result)
                assert "secret-words" not in str(result)
                if tool.name == "plan_film":
                    planned = content(result)
                    needed["create_film"] = {"film_id": planned["film_id"], "plan": planned["plan"]}
            refused = await client.call_tool(
                "check_status", {"job_id": "job_nothing", "action": "secret-words"}
            )
    refusal(refused)
    assert "Ignored, because your framework added it: action." in text(refused)
    assert "secret-words" not in str(refused)


@pytest.mark.parametrize("name", ["promt", "size", "num_videos", "tool_call_id", "Action", "max_cost"])
async def test_every_other_unknown_name_is_refused_and_nothing_is_bought(
    environ: dict[str, str], tmp_path: Path, era: Era, name: str
) -> None:
    settings = load_settings(priced(environ, tmp_path, "0.1"))
    with anyio.fail_after(20):
        async with Client(create_server(settings), mode=era) as client:
            for value in ("x", "", "null", None):
                asked = {**SMALL, "wait_seconds": 0, "toolCallId": "call_1", name: value}
                result = await client.call_tool("generate_video", asked)
                if value is None:
                    continue
                assert f"There is no argument {name!r}." in refusal(result)["problems"][0]
            jobs = content(await client.call_tool("check_status", {}))["jobs"]
    assert len(jobs) == 1  # null under any name is nothing at all, as it always was


FLOODS: dict[str, dict[str, Any]] = {
    "unknown names": {f"k{number}": number for number in range(20_000)},
    "long unknown names": {f"k{number}" + "x" * 2000: number for number in range(2_000)},
    "unreadable texts": {"provider_options": {f"k{number}": "\0" for number in range(20_000)}},
    "long names of unreadable texts": {
        "provider_options": {f"k{number}" + "x" * 2000: "\0" for number in range(2_000)}
    },
    "many sources": {"reference_images": ["x"] * 20_000},
    "long sources": {"reference_images": [f"{number}" + "x" * 5000 for number in range(50)]},
}


@pytest.mark.parametrize("flood", FLOODS)
async def test_a_refusal_stays_short_however_much_is_wrong(settings: Settings, era: Era, flood: str) -> None:
    with anyio.fail_after(20):
        async with Client(create_server(settings), mode=era) as client:
            started = time.process_time()
            refused = await client.call_tool("generate_video", {**SMALL, **FLOODS[flood]})
            spent = time.process_time() - started
            jobs = content(await client.call_tool("check_status", {}))["jobs"]
    assert refusal(refused)["code"] == "invalid_request"
    assert len(text(refused)) < 12_000
    assert spent < 4, "other calls wait for as long"
    assert jobs == []


async def test_what_is_allowed_is_listed_once_and_the_rest_is_counted(settings: Settings, era: Era) -> None:
    unknown = {"promt": "x", **{f"zzz{number}": number for number in range(30)}}
    with anyio.fail_after(20):
        async with Client(create_server(settings), mode=era) as client:
            result = await client.call_tool("generate_video", {**SMALL, **unknown, "seed": "x"})
    problems = refusal(result)["problems"]
    assert problems[0] == "There is no argument 'promt'. Did you mean prompt?"
    assert problems[1].startswith("There is no argument 'zzz0'. Allowed: prompt, ")
    assert problems[2:4] == ["There is no argument 'zzz1'.", "There is no argument 'zzz2'."]
    assert problems[4:] == ["27 more names are no arguments either.", "seed must be a whole number."]


@pytest.mark.parametrize("value", ["x" * 1_000_000, ["x" * 2000] * 500, {"x" * 100_000: 1}])
async def test_a_wrong_value_of_an_option_is_not_repeated_at_length(
    settings: Settings, era: Era, value: object
) -> None:
    asked = {**SMALL, "provider": "ark", "provider_options": {"priority": value}}
    with anyio.fail_after(20):
        async with Client(create_server(settings), mode=era) as client:
            result = await client.call_tool("estimate_cost", asked)
    assert "provider_options.priority: " in str(refusal(result)["problems"])
    assert len(text(result)) < 2_000
