"""The board as an app in a chat, in a real browser, in a host on the bridge that real hosts use, with the real server."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from mcp import Client
from playwright.async_api import Browser, Page, expect

from seedance_mcp.types import Job

from .browser import Complaints, page_of, violations, watched
from .chat import Origins, assistant, in_a_task, origins, show
from .scene import DEAR, HOSTILE, environment, make

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

HAND = 500
"""The height that a chat gives an app between messages, in pixels."""


@pytest.fixture(scope="module")
def where(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Origins]:
    """The chat's pages, served."""
    with origins(packages, tmp_path_factory.mktemp("chat")) as served:
        yield served


@dataclass(frozen=True)
class Chat:
    """A client that shows apps, and what was made before it came."""

    client: Client
    jobs: list[Job]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chat(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chat]:
    """Two takes and a video with a hostile prompt."""
    environ = environment(tmp_path_factory.mktemp("chat"))
    jobs = await make(environ, {"prompt": "A red fox trots through fresh snow", "seed": 1})
    jobs += await make(
        environ,
        {"based_on": jobs[0].id, "prompt": "A red fox sleeps in the snow", "seed": 2},
        {"prompt": HOSTILE},
    )
    async with in_a_task(assistant(environ)) as client:
        yield Chat(client, jobs)


async def _height(page: Page) -> float:
    return (await page.locator("iframe").bounding_box() or {"height": 0})["height"]


async def test_the_video_of_the_answer_plays_inside_the_chat(
    browser: Browser, where: Origins, chat: Chat
) -> None:
    async with page_of(browser, width=760) as page:
        frame = await show(page, where, chat.client, {"job_id": chat.jobs[0].id})
        await expect(frame.locator("#take-title")).to_have_text("Take 1 of 2")
        await expect(frame.locator(".take .player-stage img")).to_be_visible()
        assert await _height(page) <= HAND
        await frame.get_by_role("button", name="Play:").click()
        video = frame.locator("video")
        await expect(video).to_have_js_property("paused", False)
        assert (await video.get_attribute("src") or "").startswith("data:video/mp4;base64,")
        await video.evaluate(
            "video => new Promise(done => video.ontimeupdate = () => video.currentTime > 0.5 && done())"
        )
        assert await _height(page) <= HAND
        await frame.get_by_role("button", name="Take 2 of 2").click()
        await expect(frame.locator(".prompt")).to_have_text(chat.jobs[1].request.prompt or "")
        await expect(frame.locator("video")).to_have_count(0)


async def test_where_a_way_to_play_is_forbidden_the_next_is_taken(
    browser: Browser, where: Origins, chat: Chat
) -> None:
    """The provider's address is not among those that the host allows; then even the pieces are refused."""
    pieces: list[str] = []

    def alter(method: str, given: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any] | None:
        uri = given.get("uri", "")
        if "/video/" in uri:
            pieces.append(uri)
            if len(pieces) > 1:
                return {"contents": []}
        if uri == "seedance://board":
            board = json.loads(answer["contents"][0]["text"])
            board["local_url"] = "http://127.0.0.1:4321/"
            for job in board["jobs"]:
                job["video_url"] = "https://videos.example/a.mp4"
            answer["contents"][0]["text"] = json.dumps(board)
        return answer

    refused = Complaints("Content Security Policy", "videos.example")
    async with watched(browser, refused, width=760) as page:
        frame = await show(page, where, chat.client, {"job_id": chat.jobs[0].id}, alter=alter)
        await expect(frame.locator("#take-title")).to_have_text("Take 1 of 2")
        await frame.get_by_role("button", name="Play:").click()
        await expect(frame.locator("video")).to_have_js_property("paused", False)
        assert len(pieces) == 1

        await frame.get_by_role("button", name="Take 2 of 2").click()
        await frame.get_by_role("button", name="Play:").click()
        await expect(frame.locator(".take .player-told")).to_have_text("The video cannot be shown here.")
        await expect(frame.locator(".take .player-elsewhere")).to_contain_text(
            "`seedance-mcp board` shows it in the browser."
        )
        await frame.get_by_role("button", name="Open in the browser").click()
        await expect(page.locator("body")).to_have_attribute("data-links", '["http://127.0.0.1:4321/"]')


async def test_a_host_that_lets_the_app_do_nothing_still_shows_what_the_tool_answered(
    browser: Browser, where: Origins, chat: Chat
) -> None:
    async with page_of(browser, width=760) as page:
        frame = await show(
            page,
            where,
            chat.client,
            {"job_id": chat.jobs[0].id},
            capabilities={},
            availableDisplayModes=["inline"],
        )
        await expect(frame.locator(".prompt")).to_have_text(chat.jobs[0].request.prompt or "")
        await expect(frame.locator(".take-head")).to_contain_text("Ready")
        await frame.get_by_role("button", name="Play:").click()
        await expect(frame.locator(".take .player-elsewhere")).to_contain_text(
            "`seedance-mcp board` shows it in the browser."
        )
        await expect(frame.get_by_role("button", name="Whole board")).to_be_hidden()
        await frame.get_by_role("button", name="Another take").click()
        await expect(frame.locator(".making-price")).to_have_text(
            "This chat does not let the board call tools."
        )


async def test_a_price_is_shown_in_the_chat_but_can_only_be_answered_outside(
    browser: Browser, where: Origins, tmp_path: Path
) -> None:
    environ = environment(tmp_path)
    async with assistant(environ) as client, page_of(browser, width=760) as page:
        frame = await show(page, where, client, DEAR)
        await expect(frame.get_by_role("heading", name="1 price waits for you")).to_be_visible()
        await expect(frame.locator(".question-what")).to_contain_text("at most 1.00 USD")
        await expect(frame.locator(".question")).to_contain_text(
            "Run `seedance-mcp board` in a terminal to answer."
        )
        assert await frame.get_by_role("button", name="Approve").count() == 0
        assert await frame.get_by_role("button", name="Decline").count() == 0
        assert await _height(page) <= HAND


async def test_another_take_is_made_from_the_chat_within_the_limits(
    browser: Browser, where: Origins, chat: Chat
) -> None:
    async with page_of(browser, width=760) as page:
        frame = await show(page, where, chat.client, {"job_id": chat.jobs[2].id})
        await frame.get_by_role("button", name="Another take · at most 0.20 USD").click()
        await frame.locator("#making-prompt").fill("A hare in the grass")
        await frame.get_by_role("button", name="Make it · at most 0.20 USD").click()
        await expect(frame.locator(".prompt")).to_have_text("A hare in the grass")
        await frame.get_by_role("button", name="Ask for a change").click()
        await frame.get_by_label("What should be different").fill("Make it night")
        await frame.get_by_role("button", name="Write it into the chat").click()
        await expect(frame.locator(".notice")).to_contain_text("It stands in the chat.")
        await expect(page.locator("body")).to_have_attribute(
            "data-messages", re.compile(r'^\["Please change job job_[\w-]+: Make it night"\]$')
        )


async def test_a_tool_that_refuses_is_quoted(browser: Browser, where: Origins, chat: Chat) -> None:

    def alter(method: str, given: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any] | None:
        if method == "tools/call" and given["name"] == "estimate_cost":
            return {"content": [{"type": "text", "text": f"The provider said {HOSTILE}"}], "isError": True}
        return answer

    async with page_of(browser, width=760) as page:
        frame = await show(page, where, chat.client, {"job_id": chat.jobs[0].id}, alter=alter)
        await frame.get_by_role("button", name="Another take").click()
        await expect(frame.locator(".making-price")).to_contain_text('<img src=x onerror="document.title=1">')
        await expect(frame.get_by_role("button", name="Make it")).to_be_disabled()
        assert await frame.evaluate("document.title") == "Seedance board"
        assert await frame.evaluate("document.querySelectorAll('img[src=x], script').length") == 0


async def test_it_looks_as_the_host_says_and_changes_with_it(
    browser: Browser, where: Origins, chat: Chat
) -> None:
    async with page_of(browser, width=760) as page:
        frame = await show(
            page, where, chat.client, {"job_id": chat.jobs[0].id}, theme="dark", locale="zh-CN"
        )
        await expect(frame.locator(".take-head")).to_contain_text("已完成")
        assert await frame.evaluate("document.documentElement.dataset.theme") == "dark"
        assert await frame.evaluate("getComputedStyle(document.body).backgroundColor") == "rgba(0, 0, 0, 0)"
        await page.evaluate(
            "changeContext({ theme: 'light', locale: 'en', styles: { variables: { '--color-text-primary': 'rgb(1, 2, 3)' } } })"
        )
        await expect(frame.locator(".take-head")).to_contain_text("Ready")
        await expect(frame.locator("body")).to_have_css("color", "rgb(1, 2, 3)")
        await frame.get_by_role("button", name="Whole board").click()
        await expect(frame.locator(".card")).not_to_have_count(0)
        await expect(page.locator("body")).to_have_attribute("data-modes", '["fullscreen"]')
        await frame.get_by_role("button", name="Back to the chat").click()
        await expect(frame.locator(".videos")).to_be_hidden()


async def test_nothing_is_inaccessible_in_a_chat(
    browser: Browser, where: Origins, chat: Chat, packages: Path
) -> None:
    found: dict[str, list[str]] = {}
    async with page_of(browser, width=700) as page:
        frame = await show(page, where, chat.client, {"job_id": chat.jobs[0].id})
        await expect(frame.locator(".take .player-stage img")).to_be_visible()
        for width in (352, 672):
            await page.set_viewport_size({"width": width, "height": 900})
            for theme in ("light", "dark"):
                await page.evaluate(
                    "theme => changeContext({ theme, locale: theme === 'dark' ? 'zh' : 'en' })", theme
                )
                await expect(frame.locator("html")).to_have_attribute("data-theme", theme)
                found[f"{width} {theme}"] = await violations(packages, frame)
                # The page behind is what shows through; axe takes it for white.
                found[f"{width} {theme}"] = [
                    one
                    for one in found[f"{width} {theme}"]
                    if theme == "light" or not one.startswith("color-contrast")
                ]
            assert not await frame.evaluate("document.documentElement.scrollWidth > innerWidth"), width
            assert not await frame.evaluate("document.documentElement.scrollHeight > innerHeight + 1"), width
            assert await _height(page) <= HAND, width
    assert {place: wrong for place, wrong in found.items() if wrong} == {}
