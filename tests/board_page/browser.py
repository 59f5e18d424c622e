"""The browser that looks at the board, and a page of it that notes whatever it complains of."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Frame, Page, Playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_USUAL_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
)
_AXE_TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
PATIENCE = 10_000
"""For how long a page is waited for, in milliseconds."""


def chromium() -> str | None:
    """Return the path of a Chromium or Chrome; None if there is none."""
    return next(filter(None, map(shutil.which, (*_NAMES, *_USUAL_PLACES))), None)


async def launched(playwright: Playwright, path: str) -> Browser:
    """Start the browser; it plays videos without being asked by a hand, as tests cannot."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    switches = ["--autoplay-policy=no-user-gesture-required", *(["--no-sandbox"] if root else [])]
    return await playwright.chromium.launch(executable_path=path, args=switches)


class Complaints:
    """What pages of a context wrote to the console as wrong, threw, failed to load, or asked of any other machine."""

    def __init__(self, *expected: str) -> None:
        """Complaints that hold one of the `expected` words are none."""
        self.heard: list[str] = []
        self._expected = expected

    def listen(self, context: BrowserContext) -> None:
        """Note whatever is complained of on the pages of this context."""
        context.on("console", self._told)
        context.on("weberror", lambda thrown: self._note(str(thrown.error)))
        context.on("request", lambda request: self._requested(request.url))

    def expect(self, *words: str) -> None:
        """Take complaints with one of these words for granted from now on."""
        self._expected = (*self._expected, *words)

    def _told(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._note(message.text)

    def _requested(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "about", "blob") and parts.hostname not in ("127.0.0.1", "localhost"):
            self._note(f"requested {url[:200]}")

    def _note(self, text: str) -> None:
        if not any(word in text for word in self._expected):
            self.heard.append(text)


@contextlib.asynccontextmanager
async def page_of(
    browser: Browser, *, width: int = 1280, height: int = 900, **options: Any
) -> AsyncIterator[Page]:
    """Open an empty page in a context of its own, and fail if anything on it complained."""
    async with watched(browser, Complaints(), width=width, height=height, **options) as page:
        yield page


@contextlib.asynccontextmanager
async def watched(
    browser: Browser, complaints: Complaints, *, width: int = 1280, height: int = 900, **options: Any
) -> AsyncIterator[Page]:
    """Open an empty page, and fail if anything but what was expected is complained of."""
    context = await browser.new_context(viewport={"width": width, "height": height}, **options)
    complaints.listen(context)
    context.set_default_timeout(PATIENCE)
    try:
        yield await context.new_page()
        assert complaints.heard == []
    finally:
        await context.close()


async def violations(packages: Path, frame: Frame | Page) -> list[str]:
    """Return what axe-core finds wrong in this document, each with where it is."""
    axe = (packages / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    await frame.evaluate(f"() => {{ if (!window.axe) {{ {axe} }} }}")
    found = await frame.evaluate(
        "(tags) => axe.run(document, { runOnly: tags, iframes: false, resultTypes: ['violations'] })",
        list(_AXE_TAGS),
    )
    return [
        f"{one['id']}: {one['help']} ({', '.join(str(node['target'][0]) for node in one['nodes'][:3])})"
        for one in found["violations"]
    ]
