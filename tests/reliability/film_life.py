"""What a process does that makes a film, wherever the one before it died, and the document that it makes it from."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from seedance_mcp.app import App, open_app
from seedance_mcp.catalog import Catalog
from seedance_mcp.config import load_settings
from seedance_mcp.errors import PlanChanged, SeedanceError
from seedance_mcp.films import Film
from seedance_mcp.types import JobState, PurchaseTerms

PATIENCE_SECONDS = 120.0
NOT_MADE = 72
"""The exit code of a process whose film was not made, though nothing kept it from that."""

FOR_A_PERSON = 73
"""The exit code of one that has come to a purchase of which only a person can say whether it happened."""

SHOTS = ("a", "b", "c")
_MOST_PLANS = 12
_MODELS: dict[str, tuple[str, int]] = dict.fromkeys(("runcomfy", "atlas"), ("seedance-2.0", 4))
"""Model and seconds, where the cheapest model has no ratio, or no price that is known for a picture that is not there yet."""

_UNLINKED = ("runcomfy",)
"""Those that say a price only of what is there already: no shot can be planned to continue another one."""


def document(provider: str, name: str) -> dict[str, Any]:
    """A film of three shots, the second of which continues the first."""
    model, seconds = _MODELS.get(provider, ("seedance-1.0-pro-fast", 2))
    shots: list[dict[str, Any]] = [
        {"id": shot, "seconds": seconds, "prompt": f"{name}, shot {shot}"} for shot in SHOTS
    ]
    if provider not in _UNLINKED:
        shots[1]["continues"] = "last_frame"
    shots[2]["says"] = [{"text": "It floats."}]
    return {
        "title": name, "provider": provider, "model": model, "resolution": "480p", "generate_audio": False, "shots": shots,
    }  # fmt: skip


async def film(life: dict[str, Any], folder: Path, known: Catalog) -> int:
    """
    Live one life: `plan` only plans, `token` agrees to the token that was told first, `make` makes until the film is there.

    0 when that is done. What is told stands in the folder's log.
    """
    settings = load_settings(life["environ"], settings_file=folder / "none.toml")
    with anyio.move_on_after(PATIENCE_SECONDS):
        async with open_app(settings) as app:
            app.installation.__dict__["catalog"] = known
            read = partial(_read, app, folder)
            if life["film"] == "plan":
                await read()
                return 0
            for job_id, task_id in life.get("resolve", {}).items():
                await app.installation.resolve(job_id, task_id)
            return await _made(app, folder, again=life["film"] == "token")
    return 71


async def _read(app: App, folder: Path) -> str:
    """Read the film and plan it; the token of the first plan is kept, as a client keeps it that calls again."""
    film_id = (await app.films.read(folder / "film.json")).id
    plan = await app.films.plan(film_id)
    told = folder / "token.json"
    if not told.exists() and plan.rows:
        beside = told.with_suffix(".new")
        beside.write_text(json.dumps({"film": film_id, "token": plan.token}))
        beside.replace(told)
    return film_id


async def _made(app: App, folder: Path, *, again: bool) -> int:
    film_id = ""
    while not film_id:
        film_id = await _once(app, folder) or ""
    token = json.loads((folder / "token.json").read_text())["token"] if again else None
    for _ in range(_MOST_PLANS):
        film = await app.films.wait(film_id, PATIENCE_SECONDS)
        if film.status == "succeeded":
            return 0
        if any(state.job and state.job.state is JobState.UNRESOLVED for state in film.shots):
            return FOR_A_PERSON
        try:
            plan = token or (await app.films.plan(film_id)).token
            await app.films.make(film_id, plan, PurchaseTerms())
        except PlanChanged:
            pass  # made meanwhile, or ended: it is planned anew
        except SeedanceError as error:
            print(f"{error.code}: {error.message} {error.hint}")
            await anyio.sleep(0.1)
        token = None
        print(_told(await app.films.wait(film_id, PATIENCE_SECONDS)))
    return NOT_MADE


async def _once(app: App, folder: Path) -> str | None:
    try:
        return await _read(app, folder)
    except SeedanceError as error:  # the database was held for too long
        print(f"{error.code}: {error.message}")
        await anyio.sleep(0.1)
        return None


def _told(film: Film) -> str:
    shots = ", ".join(f"{state.shot} {state.state} {state.why}" for state in film.shots)
    return f"{film.status}: {shots}; {film.problems}"
