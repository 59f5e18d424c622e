"""
The TypeScript clients that most hosts are built on, against the real server.

Each lists the tools first, as hosts do: from then on it checks every answer against the output schema that it was told.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from seedance_mcp.config import load_settings
from tests.over_http import local as over_http
from tests.server.asking import SMALL, priced
from tests.server.left import document, finished_once, processes, rows, until, with_hook

from .driver import Sdk, Threw, driving, driving_over_http
from .play import STALLED
from .play import job_id_in as _job_id
from .play import text_of as _text
from .rows import OLD, TYPESCRIPT

pytestmark = pytest.mark.timeout(400)

SDKS = TYPESCRIPT

REFUSALS: dict[str, dict[str, Any]] = {
    "generate_video": {**SMALL, "size": "big"},
    "check_status": {"job_id": "job_nothing"},
    "estimate_cost": {"prompt": "A fox", "provider": "nobody"},
    "upload_media": {"source": "/etc/passwd"},
    "list_models": {"model": "seedance-9"},
    "view_video": {"source": "job_nothing"},
    "review": {"job_id": "job_nothing", "verdict": "good"},
    "plan_film": {"storyboard": {"title": "A film"}},
    "create_film": {"film_id": "flm_000000000000", "plan": "0123456789abcdef"},
    "cancel_job": {"job_id": "job_nothing"},
}


def _fine(answer: dict[str, Any], sdk: Sdk) -> str:
    assert not answer.get("isError"), answer
    assert ("structuredContent" in answer) == (sdk != OLD)
    return _text(answer)


@pytest.mark.parametrize("sdk", SDKS, ids=str)
async def test_every_tool_answers_and_refuses_in_words_that_arrive(
    packages: Path, environ: dict[str, str], tmp_path: Path, sdk: Sdk
) -> None:
    picture = tmp_path / "media" / "fox.png"
    picture.parent.mkdir()
    Image.new("RGB", (640, 360), "orange").save(picture)
    async with driving(packages, sdk, environ, tmp_path) as client:
        tools = (await client.ask("listTools"))["tools"]
        assert {tool["name"] for tool in tools} == set(REFUSALS)
        assert all(("outputSchema" in tool) == (sdk != OLD) for tool in tools)

        for tool, arguments in REFUSALS.items():
            answer = await client.call(tool, **arguments)
            assert answer["isError"] is True
            error = answer["_meta"]["seedance/error"]
            for told in (error["code"], error["hint"], *(error.get("problems") or [error["message"]])):
                assert told in _text(answer)

        made = await client.call("generate_video", **SMALL, wait_seconds=60)
        said = _fine(made, sdk)
        [video] = (tmp_path / "videos").glob("*.mp4")
        assert f"video_path: {video}" in said
        kinds = [block["type"] for block in made["content"]]
        assert kinds == (
            ["text", "image"] if sdk == OLD else ["text", "resource_link", "resource_link", "image"]
        )
        _fine(await client.call("view_video", source=_job_id(made)), sdk)
        _fine(await client.call("estimate_cost", prompt="A fox", model="seedance-2.0"), sdk)
        _fine(await client.call("list_models"), sdk)
        _fine(await client.call("upload_media", source=str(picture)), sdk)
        assert "1 job, newest first" in _fine(await client.call("check_status"), sdk)
        with pytest.raises(Threw, match="There is no job"):
            await client.ask("readResource", uri="seedance://jobs/job_nothing")


@pytest.mark.parametrize("sdk", SDKS, ids=str)
async def test_a_price_is_agreed_to_with_the_token_that_the_refusal_shows(
    packages: Path, environ: dict[str, str], tmp_path: Path, sdk: Sdk
) -> None:
    async with driving(packages, sdk, priced(environ, tmp_path, "0.75"), tmp_path) as client:
        await client.ask("listTools")
        refused = await client.call("generate_video", **STALLED)
        assert refused["isError"] is True
        assert "1.50 USD" in _text(refused)
        [line] = [line for line in _text(refused).splitlines() if line.startswith("confirm_token: ")]
        token = line.removeprefix("confirm_token: ")
        assert refused["_meta"]["seedance/error"]["token"] == token
        _fine(await client.call("generate_video", **STALLED, confirm_token=token), sdk)


@pytest.mark.parametrize("sdk", [sdk for sdk in SDKS if sdk != OLD], ids=str)
async def test_a_client_that_can_ask_its_person_asks(
    packages: Path, environ: dict[str, str], tmp_path: Path, sdk: Sdk
) -> None:
    """In the newest protocol the tool answers that it needs input, and the client calls again with it."""
    async with driving(packages, sdk, priced(environ, tmp_path, "0.75"), tmp_path, agrees=True) as client:
        await client.ask("listTools")
        _fine(await client.call("generate_video", **STALLED), sdk)
        [question] = await client.ask("questions")
    assert "1.50 USD" in question


@pytest.mark.parametrize("sdk", SDKS, ids=str)
async def test_a_job_that_runs_when_the_client_closes_is_finished_and_its_hook_run_once(
    packages: Path, environ: dict[str, str], tmp_path: Path, sdk: Sdk
) -> None:
    """1.12 sends SIGTERM at once, the later ones close the input and wait two seconds before they do."""
    told = tmp_path / "told"
    told.mkdir()
    settings = with_hook({**environ, "SEEDANCE_SANDBOX_SECONDS": "4"}, tmp_path, told, seconds=0.5)
    async with driving(packages, sdk, settings, tmp_path) as client:
        job_id = _job_id(await client.call("generate_video", **SMALL, wait_seconds=0))
    assert document(settings)["state"] != "done"
    await until(lambda: rows(settings, "SELECT instance FROM watch_duty"))
    if sys.platform == "linux":
        await until(lambda: len(processes(settings)) == 1)
        assert processes(settings)[0].endswith("watch --until-idle")
    await finished_once(settings, told, job_id)


@pytest.mark.parametrize("sdk", SDKS, ids=str)
async def test_each_is_served_over_http_by_its_token(
    packages: Path, environ: dict[str, str], tmp_path: Path, sdk: Sdk
) -> None:
    settings = load_settings(environ, settings_file=tmp_path / "none.toml")
    good = {"Authorization": f"Bearer {await over_http.token(settings)}"}
    async with over_http.serving(settings) as url:
        async with driving_over_http(packages, sdk, url, good, tmp_path) as client:
            assert {tool["name"] for tool in (await client.ask("listTools"))["tools"]} == set(REFUSALS)
            asked = {**over_http.STALLED, "wait_seconds": 1}
            answer = await client.ask("call", tool="generate_video", args=asked, withProgress=True)
            assert "status: running" in _fine(answer["result"], sdk)
            assert answer["told"]
        with pytest.raises(Threw, match=r"token is not good|HTTP 401"):
            async with driving_over_http(packages, sdk, url, {"Authorization": "Bearer sdc_x"}, tmp_path):
                pass
