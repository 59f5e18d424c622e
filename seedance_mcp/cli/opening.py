"""Opens the installation for one command."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from ..app import App, open_app
from ..config import Settings
from ..errors import JobNotFound, SeedanceError
from ..texts import inert, listed
from ..types import EVERYBODY
from .words import told


@asynccontextmanager
async def opened(settings: Settings, *, watch: bool = True, leave: bool = False) -> AsyncGenerator[App]:
    """
    Open the app; `watch` and `leave` as in `open_app`.

    Whoever has the terminal administers the installation, and sees what is everybody's. What is logged as an error is shown,
    and what is wrong with names and keys. A job that is not there gets a note on where it was looked for.
    """
    log_to_stderr(settings)
    async with open_app(settings, watch=watch, leave=leave, scope=EVERYBODY) as app:
        with suppress(SeedanceError):  # trouble with the catalogue stops only who needs it
            for notice in app.settings_notices:
                print(f"note: {inert(told(notice))}", file=sys.stderr)
        try:
            yield app
        except JobNotFound as error:
            error.add_note(looked_into(settings))
            raise


def looked_into(settings: Settings) -> str:
    """Name which database a command goes by: that of a server may be another one, and then it finds nothing."""
    if settings.database_url is not None:
        return (
            f"This command looked into {_tables(settings)}the database that SEEDANCE_DATABASE_URL names. The server may use"
            " another one, if the entry of your client sets it: set it to the same here."
        )
    return (
        f"This command looked into the state folder {settings.state_dir}. The server may use another one, if the entry of"
        " your client sets SEEDANCE_STATE_DIR: set it to the same here."
    )


def _tables(settings: Settings) -> str:
    """Name whose tables they are; what is another team's is found with --team alone."""
    if settings.team is None:
        return ""
    others = [team for team in settings.teams if team != settings.team]
    return f"the tables of the team {settings.team}" + (
        f", not of {listed(others)} (--team), in " if others else " in "
    )


def log_to_stderr(settings: Settings) -> None:
    """A person is told by messages: without being asked, the log says only what has gone wrong."""
    from ..presentation import logs

    asked = "SEEDANCE_LOG_LEVEL" in settings.sources
    logs.configure(settings if asked else replace(settings, log_level="error"))
