"""Opens the installation for one command."""

from __future__ import annotations

import logging
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from ..app import App, open_app
from ..config import Settings


@asynccontextmanager
async def opened(settings: Settings, *, watch: bool = True) -> AsyncGenerator[App]:
    """Open the app, saying what the person should know of the job database; see `open_app` for `watch`."""
    _log_to_stderr(settings)
    failure: Exception | None = None
    async with open_app(settings, watch=watch) as app:
        if app.notice:
            print(f"note: {app.notice}", file=sys.stderr)
        try:
            yield app
        except Exception as error:
            failure = error  # raised outside: in here, the group of background tasks would wrap it
    if failure is not None:
        raise failure


def _log_to_stderr(settings: Settings) -> None:
    """A person is told by messages; the log is for those who have asked for it."""
    asked = "SEEDANCE_LOG_LEVEL" in settings.sources
    logging.basicConfig(
        level=settings.log_level.upper() if asked else "ERROR", format="%(levelname)s %(name)s: %(message)s"
    )
    for chatty in ("httpx2", "httpcore2"):  # they log whole URLs, signatures included
        logging.getLogger(chatty).setLevel("WARNING")
