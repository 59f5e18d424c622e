"""Fixtures of the tests that look at the board in a real browser."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NoReturn

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.clients.packages import Missing, installed_of

from .browser import chromium, launched


@pytest.fixture(scope="session")
def packages() -> Path:
    """The folder with what package.json names. Skipped where there is no npm, but never where CI says that it runs."""
    try:
        return installed_of(Path(__file__).with_name("package.json"), "board")
    except Missing as why:
        _skip(str(why))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """A Chromium without a window; skipped as the packages are where there is none."""
    path = chromium()
    if path is None:
        _skip("there is no Chromium and no Chrome here")
    async with async_playwright() as playwright:
        found = await launched(playwright, path)
        yield found
        await found.close()


def _skip(why: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(f"CI has to look at the board in a browser: {why}.")
    pytest.skip(f"the board cannot be looked at: {why}")
