"""Opens the installation for one command."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

from ..app import App, open_app
from ..config import Settings


@asynccontextmanager
async def opened(settings: Settings, *, watch: bool = True) -> AsyncGenerator[App]:
    """Open the app; see `open_app` for `watch`. What is logged as an error is shown."""
    log_to_stderr(settings)
    async with open_app(settings, watch=watch) as app:
        yield app


def log_to_stderr(settings: Settings) -> None:
    """A person is told by messages: without being asked, the log says only what has gone wrong."""
    from ..server import logs

    asked = "SEEDANCE_LOG_LEVEL" in settings.sources
    logs.configure(settings if asked else replace(settings, log_level="error"))
