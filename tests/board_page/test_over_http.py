"""The board over HTTP in a real browser: the form, the cookie, and the page that works by it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from seedance_mcp.app import open_app
from seedance_mcp.config import load_settings
from seedance_mcp.errors import ApprovalRequired
from seedance_mcp.types import PurchaseTerms, Scope, VideoRequest
from tests.over_http.local import serving, token
from tests.server.asking import SMALL, priced

from .browser import Complaints, violations, watched
from .scene import environment, make

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]


async def test_a_person_signs_in_plays_a_video_and_signs_out(
    browser: Browser, packages: Path, tmp_path: Path
) -> None:
    environ = environment(tmp_path)
    await make(environ, {"prompt": "A red fox trots through fresh snow"})
    settings = load_settings(environ, settings_file=tmp_path / "no.toml")
    text = await token(settings)
    complaints = Complaints("401")
    async with serving(settings, board=True) as url, watched(browser, complaints) as page:
        board = f"{url.removesuffix('/mcp')}/board"
        await page.goto(board)
        await page.wait_for_url(f"{board}/sign-in")
        assert await violations(packages, page) == []
        await page.get_by_label("Token").fill("sdc_wrong")
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("alert")).to_have_text("The token is not good here (any more).")
        await page.get_by_label("Token").fill(text)
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url(board)
        await expect(page.locator(".card")).to_have_count(1)
        await expect(page.locator(".reach")).to_have_attribute("data-reach", "live")
        assert await page.evaluate("document.cookie") == ""
        await page.get_by_role("button", name="Play: A red fox").click()
        await expect(page.locator("video")).to_have_js_property("paused", False)
        source = await page.locator("video").get_attribute("src")
        assert source is not None
        assert source.startswith("/board/media/")
        await page.get_by_role("button", name="Sign out").click()
        await page.wait_for_url(f"{board}/sign-in")
        await page.goto(board)
        await page.wait_for_url(f"{board}/sign-in")


async def test_administrators_see_the_team_and_agree_and_who_only_looks_has_no_buttons(
    browser: Browser, packages: Path, tmp_path: Path
) -> None:
    dear = {**environment(tmp_path), "SEEDANCE_APPROVE_ABOVE_USD": "1"}
    settings = load_settings(priced(dear, tmp_path, "0.75"), settings_file=tmp_path / "no.toml")
    boss = await token(settings, "boss", ("read", "spend", "admin"), person="boss")
    look = await token(settings, "look", ("read",), person="ann")
    fox = VideoRequest.model_validate({**SMALL, "prompt": "[sandbox:stall] a fox"})
    async with open_app(settings, scope=Scope(person="ann")) as app:
        with pytest.raises(ApprovalRequired) as waits:
            await app.generate(fox, PurchaseTerms())
    code = waits.value.approval
    async with serving(settings, board=True) as url:
        board = f"{url.removesuffix('/mcp')}/board"
        for text, name in ((look, "ann"), (boss, "boss")):
            async with watched(browser, Complaints("401")) as page:
                await page.goto(f"{board}/sign-in")
                await page.get_by_label("Token").fill(text)
                await page.get_by_role("button", name="Sign in").click()
                await page.wait_for_url(board)
                question = page.locator(".question")
                await expect(question).to_contain_text(code)
                if name == "ann":
                    await expect(question).to_contain_text("Waits for an administrator")
                    await expect(question.get_by_role("button")).to_have_count(0)
                    await expect(page.locator(".team")).to_be_hidden()
                    continue
                await expect(question).to_contain_text("Asked for by ann")
                await page.get_by_text("Team", exact=True).click()
                assert await violations(packages, page) == []
                await question.get_by_role("button", name="Approve · at most 1.50 USD").click()
                await expect(question).to_have_count(0)
                await expect(page.locator(".team")).to_contain_text("What administrators have answered")
                await expect(page.locator(".team")).to_contain_text("Agreed")
                await page.get_by_role("button", name="中文").click()
                await expect(page.locator(".team")).to_contain_text("管理员的答复")
