"""What there is to see on the board: videos of the sandbox, at a price, in every state; and rows by the thousand."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mcp import Client

from seedance_mcp.app import open_app
from seedance_mcp.config import load_settings
from seedance_mcp.films import Film
from seedance_mcp.server import create_server
from seedance_mcp.store import Connection, budget, open_store, transitions
from seedance_mcp.types import Job, JobState, PurchaseTerms, VideoRequest
from tests.jobs.records import PRICE, job
from tests.server.asking import SMALL, priced, refusal

DEAR = {
    **SMALL,
    "prompt": "A lighthouse in a storm, waves break over the rocks",
    "duration": 10,
    "wait_seconds": 0,
}
"""What costs so much that a person has to agree; the sandbox would take for ever with it."""

HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=2</script> <b>bold</b> ‮gnp "\'`&amp;'
"""A prompt that would do something if it were anything but text."""


def environment(folder: Path, **more: str) -> dict[str, str]:
    """The settings of a server with everything in this folder; the sandbox costs 0.10 USD a second, above 0.75 is asked."""
    settings = {
        "SEEDANCE_OUTPUT_DIR": str(folder / "videos"),
        "SEEDANCE_STATE_DIR": str(folder / "state"),
        "SEEDANCE_MEDIA_DIRS": str(folder / "media"),
        "SEEDANCE_SANDBOX_SECONDS": "0",
        "SEEDANCE_POLL_SECONDS": "0.05",
        "SEEDANCE_DETACH": "0",
        "SEEDANCE_CONFIRM_ABOVE_USD": "0.75",
        "SEEDANCE_MAX_USD_PER_DAY": "20",
        "HOME": str(folder),
    }
    folder.mkdir(parents=True, exist_ok=True)
    return {**priced(settings, folder, "0.10"), **more}


async def make(environ: Mapping[str, str], *wishes: Mapping[str, Any]) -> list[Job]:
    """Buy each of these in the sandbox and wait for its end, one after the other; the jobs."""
    settings = load_settings(environ, settings_file=Path(environ["HOME"]) / "none.toml")
    made: list[Job] = []
    async with open_app(settings) as app:
        for wish in wishes:
            request = VideoRequest(**{**SMALL, "provider": "sandbox", **wish})
            started = await app.generate(request, PurchaseTerms(confirmed=True))
            made.append(await app.wait(started.job.id, 0 if "[sandbox:stall]" in str(wish["prompt"]) else 60))
    return made


def film_of(*shots: Mapping[str, Any], **given: Any) -> dict[str, Any]:
    """A storyboard of small shots, which the sandbox draws quickly."""
    small = {"title": "The boat", "model": "seedance-1.0-pro-fast", "resolution": "480p"}
    return {**small, "shots": [{"seconds": 4, **shot} for shot in shots], **given}


async def make_film(
    environ: Mapping[str, str], storyboard: Mapping[str, Any], *later: Mapping[str, Any]
) -> Film:
    """Have a film made as an animatic and wait for its end; then take what changes of its storyboard `later`."""
    settings = load_settings(environ, settings_file=Path(environ["HOME"]) / "none.toml")
    async with open_app(settings) as app:
        film_id = (await app.films.take(storyboard, None)).id
        plan = await app.films.plan(film_id, "animatic")
        await app.films.make(film_id, plan.token, PurchaseTerms(confirmed=True))
        film = await app.films.wait(film_id, 180)
        for change in later:
            await app.films.take(change, film_id)
    return film


async def take_film(environ: Mapping[str, str], storyboard: Mapping[str, Any]) -> str:
    """Write a film of which nothing is made; its id."""
    settings = load_settings(environ, settings_file=Path(environ["HOME"]) / "none.toml")
    async with open_app(settings, watch=False) as app:
        return (await app.films.take(storyboard, None)).id


def server(environ: Mapping[str, str]) -> Client:
    """An assistant's client of a server in this process; to be opened."""
    return Client(create_server(load_settings(environ, settings_file=Path(environ["HOME"]) / "none.toml")))


async def ask(client: Client, **changes: Any) -> str:
    """Have an assistant ask for what a person has to agree to; the token that it may buy it with then."""
    return refusal(await client.call_tool("generate_video", {**DEAR, **changes}))["token"]


def fill(
    environ: Mapping[str, str], count: int, *, first: int = 0, error: str = "The prompt was refused."
) -> None:
    """Write so many jobs that have failed, a minute apart: they need no video."""
    with contextlib.closing(open_store(Path(environ["SEEDANCE_STATE_DIR"]))) as store:
        now = store.clock()

        def write(connection: Connection) -> None:
            for number in range(first, first + count):
                mark = hashlib.sha256(str(number).encode()).hexdigest()
                at = now - 60.0 * (first + count - number)
                new = replace(
                    job(),
                    id=f"job_{number:06}",
                    tag=mark[:24],
                    fingerprint=mark,
                    client_key=f"{mark}:0",
                    request=VideoRequest(
                        prompt=f"Scene {number}: a train crosses a bridge",
                        model="seedance-2.0",
                        quality="draft",
                    ),
                    model="seedance-2.0",
                    estimate=PRICE,
                    created_at=at,
                )
                one = transitions.insert(connection, new, day=budget.day_of(at))
                one = transitions.move(connection, one, JobState.SENDING, now=at, by=one.owner, sent_at=at)
                transitions.move(connection, one, JobState.REJECTED, now=at + 1, by=one.owner, error=error)

        store.write_now(write)
