"""The board over HTTP in a real browser: the form, the cookie, and the page that works by it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from seedance_mcp.config import load_settings
from tests.over_http.local import serving, token

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
