"""What cannot be stored or sent is refused by the name of its place, over real pipes and in both eras; nothing breaks."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from .asking import SMALL
from .process import INITIALIZED, Server, call, initialize, request, serving

HALF, NUL = "half of a surrogate pair", "a NUL character"
NAN, INFINITE = float("nan"), float("inf")

STRANGE: list[tuple[str, dict[str, Any], str]] = [
    ("generate_video", {**SMALL, "prompt": "a fox\ud800"}, f"prompt has {HALF}"),
    ("generate_video", {**SMALL, "prompt": "a\0fox"}, f"prompt has {NUL}"),
    ("estimate_cost", {**SMALL, "prompt": "\udc00"}, f"prompt has {HALF}"),
    ("generate_video", {**SMALL, "model": "\ud800"}, f"model has {HALF}"),
    ("generate_video", {**SMALL, "provider": "\0"}, f"provider has {NUL}"),
    ("generate_video", {**SMALL, "first_frame": "/tmp/a\0.png"}, f"first_frame has {NUL}"),
    ("generate_video", {**SMALL, "reference_images": ["a.png", "b\ud800"]}, f"reference_images[1] has {HALF}"),
    ("generate_video", {**SMALL, "reference_images": '["a.png", "b\\ud800"]'}, f"reference_images[1] has {HALF}"),
    ("generate_video", {**SMALL, "request_key": "12345678\0"}, f"request_key has {NUL}"),
    ("generate_video", {**SMALL, "confirm_token": "\ud800"}, f"confirm_token has {HALF}"),
    ("generate_video", {**SMALL, "based_on": "job_\ud800"}, f"based_on has {HALF}"),
    ("generate_video", {**SMALL, "max_usd": NAN}, "max_usd must be a finite number"),
    ("generate_video", {**SMALL, "seed": INFINITE}, "seed must be a finite number"),
    ("generate_video", {**SMALL, "provider_options": {"a": {"b": ["\0"]}}}, f"provider_options.a.b[0] has {NUL}"),
    ("generate_video", {**SMALL, "provider_options": {"a": NAN}}, "provider_options.a must be a finite number"),
    ("generate_video", {**SMALL, "provider_options": {"\ud800": 1}}, f"a name in provider_options has {HALF}"),
    ("generate_video", {**SMALL, "\ud800": 1}, "There is no argument"),
    ("check_status", {"job_id": "job_\0"}, f"job_id has {NUL}"),
    ("cancel_job", {"job_id": "job_\ud800"}, f"job_id has {HALF}"),
    ("view_video", {"source": "/tmp/\ud800.mp4"}, f"source has {HALF}"),
    ("upload_media", {"source": "/tmp/\0.png"}, f"source has {NUL}"),
    ("upload_media", {"source": "a.png", "provider": "\ud800"}, f"provider has {HALF}"),
    ("list_models", {"model": "\0"}, f"model has {NUL}"),
]  # fmt: skip


async def _open(server: Server, era: str) -> None:
    if era == "legacy":
        await server.ask(initialize())
        await server.send(INITIALIZED)


@pytest.fixture(params=["auto", "legacy"])
def era(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_what_is_no_character_or_no_number_is_refused_by_the_name_of_its_place(
    environ: dict[str, str], tmp_path: Path, era: str
) -> None:
    modern = era == "auto"
    async with serving(environ, tmp_path) as server:
        await _open(server, era)
        for number, (tool, arguments, told) in enumerate(STRANGE, 10):
            answer = await server.ask(call(number, tool, arguments, modern=modern))
            refused = answer["result"]
            assert refused["isError"], told
            error = refused["_meta"]["seedance/error"]
            assert (error["code"], told in error["message"]) == ("invalid_request", True), error
        listed = await server.ask(call(2, "check_status", {}, modern=modern))
    assert listed["result"]["structuredContent"]["jobs"] == []
    assert b"Traceback" not in server.stderr


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (b'"a f\xf6x"', HALF),  # what a client writes that has never heard of UTF-8
        (b'"\xed\xa0\x80"', HALF),
        (b'"a fox", "seed": ' + b"9" * 5000, "seed must be a finite number"),
        (b'"a fox", "max_usd": 1e400', "max_usd must be a finite number"),
    ],
)
async def test_bytes_that_are_no_text_and_numbers_without_bounds_are_refused_by_name(
    environ: dict[str, str], tmp_path: Path, era: str, written: bytes, told: str
) -> None:
    line = json.dumps(call(5, "generate_video", {**SMALL, "prompt": "X"}, modern=era == "auto")).encode()
    async with serving(environ, tmp_path) as server:
        await _open(server, era)
        await server.send(line.replace(b'"X"', written) + b"\n")
        while (answer := await server.receive()).get("id") != 5:
            pass
    assert told in answer["result"]["_meta"]["seedance/error"]["message"]


async def test_whatever_else_is_asked_strangely_is_answered(
    environ: dict[str, str], tmp_path: Path, era: str
) -> None:
    modern = era == "auto"
    asked = [
        request(3, "tools/call", {"name": "\ud800", "arguments": {}}, modern=modern),
        request(4, "resources/read", {"uri": "seedance://jobs/\ud800"}, modern=modern),
        request(5, "resources/read", {"uri": "seedance://jobs/\0"}, modern=modern),
        request(6, "prompts/get", {"name": "\udfff"}, modern=modern),
        request(7, "\ud800", {}, modern=modern),
        request(8, "tools/call", {"name": "check_status", "arguments": {}, "x": "\ud800"}, modern=modern),
    ]
    async with serving(environ, tmp_path) as server:
        await _open(server, era)
        outcomes = ["error" in await server.ask(message) for message in asked]
    assert outcomes == [True, True, True, True, True, False]
    assert b"Traceback" not in server.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="names of variables that are no UTF-8")
async def test_an_answer_that_quotes_what_is_no_utf_8_goes_out(
    environ: dict[str, str], tmp_path: Path, era: str
) -> None:
    strange = os.fsdecode(b"SEEDANCE_MAX_\xff")
    async with serving({**environ, strange: "1"}, tmp_path) as server:
        await _open(server, era)
        answer = await server.ask(call(5, "list_models", {}, modern=era == "auto"))
    assert "SEEDANCE_MAX_\ufffd" in answer["result"]["content"][0]["text"]


@pytest.mark.skipif(sys.platform != "linux", reason="names of folders that are no UTF-8")
async def test_a_home_folder_that_no_json_can_name_is_told(
    environ: dict[str, str], tmp_path: Path, era: str
) -> None:
    home = os.fsdecode(os.fsencode(tmp_path) + b"/h\xff")
    without = {name: value for name, value in environ.items() if name != "SEEDANCE_OUTPUT_DIR"}
    async with serving({**without, "HOME": home, "XDG_VIDEOS_DIR": f"{home}/Videos"}, tmp_path) as server:
        await _open(server, era)
        answer = await server.ask(call(5, "generate_video", SMALL, modern=era == "auto"))
    error = answer["result"]["_meta"]["seedance/error"]
    assert error["code"] == "config"
    assert "SEEDANCE_OUTPUT_DIR cannot be used: the name of the folder is no UTF-8" in error["message"]
