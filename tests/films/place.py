"""A film on an open installation: its document on disk, and what was bought for it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio

from seedance_mcp.app import App, open_app
from seedance_mcp.config import load_settings
from seedance_mcp.films import Film, FilmPlan
from seedance_mcp.types import PurchaseTerms
from tests.emulator import Emulator

SANDBOX = "sandbox"


class Studio:
    """One film's document, and an installation that makes it. `emulator` is None where the sandbox draws."""

    def __init__(self, app: App, path: Path, emulator: Emulator | None = None) -> None:
        self.app, self.path, self.emulator = app, path, emulator

    async def read(self, document: Mapping[str, Any] | None = None) -> str:
        """Write the document, if one is given, and have it read; its film's id."""
        if document is not None:
            self.path.write_text(json.dumps(document))
        return (await self.app.films.read(self.path)).id

    async def make(self, film_id: str, plan: FilmPlan) -> Film:
        """Have a plan made, and wait for the end of it."""
        await self.app.films.make(film_id, plan.token, PurchaseTerms())
        return await self.ended(film_id)

    async def ended(self, film_id: str) -> Film:
        return await self.app.films.wait(film_id, 60)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What every purchase that was taken had sent, in order."""
        assert self.emulator is not None
        return [task.body for task in self.emulator.ledger.tasks.values()]


def environment(folder: Path) -> dict[str, str]:
    return {
        "SEEDANCE_STATE_DIR": str(folder / "state"),
        "SEEDANCE_OUTPUT_DIR": str(folder / "videos"),
        "SEEDANCE_MEDIA_DIRS": str(folder),
        "SEEDANCE_POLL_SECONDS": "0.1",
        "SEEDANCE_SANDBOX_SECONDS": "0",
        "SEEDANCE_DETACH": "0",
        "SEEDANCE_CONFIRM": "off",
        "SEEDANCE_MAX_USD_PER_JOB": "50",
        "SEEDANCE_MAX_USD_PER_DAY": "500",
    }


@asynccontextmanager
async def opened(
    folder: Path, emulator: Emulator | None = None, *, watch: bool = True, **more: str
) -> AsyncIterator[Studio]:
    """Open an installation in a folder; with an emulator it buys there, else the sandbox draws."""
    given = {**environment(folder), **(emulator.environment() if emulator else {}), **more}
    settings = load_settings(given, settings_file=folder / "none.toml")
    with anyio.fail_after(90):
        async with open_app(settings, watch=watch) as app:
            yield Studio(app, folder / "film.json", emulator)


def storyboard(*shots: Mapping[str, Any], **given: Any) -> dict[str, Any]:
    """A short film of 1.0 pro fast, the cheapest, in its smallest size; by default of two shots."""
    usual = (
        {"id": "a", "seconds": 2, "prompt": "a boat of paper"},
        {"id": "b", "seconds": 2, "prompt": "it sinks"},
    )
    return {
        "title": "The boat",
        "model": "seedance-1.0-pro-fast",
        "resolution": "480p",
        "shots": list(shots or usual),
        **given,
    }


def shot(name: str, **given: Any) -> dict[str, Any]:
    return {"id": name, "seconds": 2, "prompt": f"a boat called {name}", **given}


def states(film: Film | FilmPlan) -> dict[str, str]:
    return {state.shot: state.state for state in film.shots}


def rows(plan: FilmPlan) -> dict[str, int]:
    return {row.shot: row.take for row in plan.rows}
