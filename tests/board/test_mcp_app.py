"""The board in a chat: what a client is told of it, the page as a resource, and its data for a model's eyes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, MCPError
from mcp.types import TextResourceContents

from seedance_mcp.app import open_app
from seedance_mcp.config import Settings
from seedance_mcp.server import create_server
from seedance_mcp.server.board.in_process import tools_here
from seedance_mcp.server.board.page import joined_page
from seedance_mcp.store import BoardFile, Connection, open_store, transitions
from seedance_mcp.types import JobState
from tests.jobs import records
from tests.server.asking import content, refusal, text

from .conftest import Era
from .local import STALLED

BOARD = "ui://seedance/board.html"


async def _read(client: Client, uri: str) -> TextResourceContents:
    [found] = (await client.read_resource(uri)).contents
    assert isinstance(found, TextResourceContents)
    return found


async def test_the_page_is_attached_where_jobs_are_shown_and_is_a_resource(
    settings: Settings, era: Era
) -> None:
    async with Client(create_server(settings), mode=era) as client:
        tools = {tool.name: tool.meta for tool in (await client.list_tools()).tools}
        attached = {"ui": {"resourceUri": BOARD}, "ui/resourceUri": BOARD, "openai/outputTemplate": BOARD}
        assert {name: meta for name, meta in tools.items() if meta} == {
            "generate_video": attached,
            "check_status": attached,
        }
        [listed] = [one for one in (await client.list_resources()).resources if one.uri == BOARD]
        page = await _read(client, BOARD)
        assert (page.mime_type, listed.mime_type) == ("text/html;profile=mcp-app",) * 2
        assert page.text == joined_page()
        assert page.meta
        assert page.meta["ui"] == {"csp": {"resourceDomains": []}, "prefersBorder": True}
        if era == "auto":  # the older protocol has no place for it
            assert "io.modelcontextprotocol/ui" in (client.server_capabilities.extensions or {})
        answer = await client.call_tool("check_status", {})  # by a client that has never heard of it
        assert "newest first" in text(answer) or "no jobs" in text(answer)


async def test_the_page_may_play_from_where_the_newest_videos_can_be_fetched(
    settings: Settings, era: Era
) -> None:
    urls = (
        "https://videos.example/a.mp4?sign=x",
        "https://b.example:8443/b.mp4",
        "file:///etc/passwd",
        "http://c.example/c",
    )
    store = open_store(settings.state_dir)
    for number, url in enumerate(urls):
        names = {"id": f"job_{number}", "tag": f"t{number}", "client_key": f"f:{number}"}
        job = replace(records.job(**names), video_url=url)
        store.write_now(lambda connection, job=job: transitions.insert(connection, job, day="2023-11-14"))
    store.close()
    async with Client(create_server(settings), mode=era) as client:
        meta = (await _read(client, BOARD)).meta
        hosts = ["https://b.example:8443", "https://videos.example"]
        assert meta
        assert meta["ui"]["csp"] == {"resourceDomains": hosts}
        assert meta["openai/widgetCSP"] == {"resource_domains": hosts, "connect_domains": []}
        cards = json.loads((await _read(client, "seedance://board")).text)["jobs"]
        assert [card["video_url"] for card in cards] == [None, None, urls[1], urls[0]]


async def test_the_data_of_the_board_names_no_place_on_this_machine(
    settings: Settings, tmp_path: Path, era: Era
) -> None:
    picture = tmp_path / "media" / "my face.png"
    request = {
        "prompt": "a fox", "model": "seedance-2.0",
        "reference_images": (str(picture), "https://x.example/a/b.png?sign=1", "media:1"),
        "first_frame": "job:job_0/last_frame", "based_on": "job_0",
    }  # fmt: skip
    store = open_store(settings.state_dir)
    fields = {"id": "job_1", "request": records.job().request.model_copy(update=request)}
    store.write_now(
        lambda connection: transitions.insert(connection, records.job(**fields), day="2023-11-14")
    )
    store.close()
    async with Client(create_server(settings), mode=era) as client:
        found = (await _read(client, "seedance://board")).text
        [card] = json.loads(found)["jobs"]
    assert card["settings"]["reference_images"] == ["my face.png", "https://x.example/…", "media:1"]
    assert card["lineage"] == {"based_on": "job_0", "continues": "job_0"}
    assert (card["video_path"], card["media"]) == (None, None)
    assert str(tmp_path) not in found
    assert "sign=" not in found


async def test_the_board_in_a_chat_comes_page_by_page(settings: Settings) -> None:
    store = open_store(settings.state_dir)
    for number in range(60):
        names = {"id": f"job_{number}", "tag": f"t{number}", "client_key": f"f:{number}"}
        store.write_now(
            lambda connection, names=names: transitions.insert(
                connection, records.job(**names), day="2023-11-14"
            )
        )
    store.close()
    async with Client(create_server(settings)) as client:
        first = json.loads((await _read(client, "seedance://board")).text)
        second = json.loads((await _read(client, f"seedance://board/{first['more']}")).text)
        assert (first["total"], len(first["jobs"]), len(second["jobs"]), second["more"]) == (60, 50, 10, None)
        assert [card["job_id"] for card in (*first["jobs"], *second["jobs"])] == [
            f"job_{n}" for n in reversed(range(60))
        ]
        for wrong in ("x", "-1", "1.5", "9" * 30, ""):
            with pytest.raises(MCPError):
                await client.read_resource(f"seedance://board/{wrong}")


async def test_answers_say_where_the_board_runs_and_only_then(settings: Settings, era: Era) -> None:
    async with Client(create_server(settings), mode=era) as client:
        before = await client.call_tool("check_status", {})
        asked = refusal(await client.call_tool("generate_video", STALLED))
        assert "seedance/board" not in (before.meta or {})
        assert "board" not in asked["hint"]
        place = BoardFile(settings.state_dir)
        assert place.claim()
        try:
            url = place.write(4321).url
            assert url == "http://127.0.0.1:4321/"
            first, second = [await client.call_tool("check_status", {}) for _ in range(2)]
            told = content(first)["notes"]
            assert [note for note in told if url in note]
            assert "notes" not in content(second)  # once for each session
            for answer in (first, second):
                assert (answer.meta or {})["seedance/board"] == {"url": url}
            refused = await client.call_tool("generate_video", STALLED)
            assert refusal(refused)["hint"].endswith(f"They can also answer on the board: {url}")
            assert json.loads((await _read(client, "seedance://board")).text)["local_url"] == url
        finally:
            place.release()
        after = await client.call_tool("check_status", {})
        assert "seedance/board" not in (after.meta or {})


async def test_the_page_is_there_while_the_settings_are_wrong(tmp_path: Path) -> None:
    from seedance_mcp.config import read_settings
    from seedance_mcp.server.assembly import assemble

    environ: dict[str, Any] = {"SEEDANCE_STATE_DIR": "not whole", "SEEDANCE_OUTPUT_DIR": str(tmp_path)}
    reading = read_settings(environ, settings_file=tmp_path / "no.toml")
    async with Client(assemble(reading.settings, reading.error)) as client:
        assert (await _read(client, BOARD)).text == joined_page()


async def test_only_one_process_has_the_place_of_the_board(settings: Settings) -> None:
    one, other = BoardFile(settings.state_dir), BoardFile(settings.state_dir)
    assert other.running() is None
    assert one.claim()
    board = one.write(1)
    assert other.running() == board
    assert not await anyio.to_thread.run_sync(other.claim)
    one.release()
    assert other.running() is None
    assert other.claim()
    assert other.running() is None
    (settings.state_dir / "board.json").write_text("{", encoding="utf-8")
    assert other.running() is None
    other.release()


async def test_a_persons_look_at_a_job_is_no_evidence_that_an_assistant_read_it(settings: Settings) -> None:
    """Else an assistant that lost the answer would buy again."""
    store = open_store(settings.state_dir)
    now = store.clock()

    def fill(connection: Connection) -> None:
        job = transitions.insert(connection, records.job(id="job_1", created_at=now), day="2023-11-14")
        transitions.move(connection, job, JobState.NOT_SENT, now=now, by="me")

    store.write_now(fill)
    store.close()
    async with open_app(settings, watch=False) as app, tools_here(app) as tools:
        for _ in range(3):  # the second call shows that the answer to the first one was read
            answer = await tools.call("check_status", {"job_id": "job_1"})
            assert answer
            assert answer["ok"]
        assert [job.id for job in await app.unread("seedance-mcp board")] == ["job_1"]
