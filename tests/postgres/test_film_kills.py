"""Films whose worker is killed, or stands still and goes on, in the middle: another makes them, once."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import anyio
import pytest

from .film_kill import ALL, film_playing
from .server import Server
from .worker_kill import PATIENCE_SECONDS

pytestmark = [
    pytest.mark.skipif(
        sys.platform != "linux", reason="processes are forked from one that has imported everything"
    ),
    pytest.mark.timeout(5000),
]

LONG = bool(os.environ.get("SEEDANCE_TEST_LONG"))
FEW = ("after answer", "before joining", "after copies", "deciding end")
"""When a shot is bought, before the film has a name, when it is stored, and before its record is."""


async def test_a_film_whose_worker_is_killed_is_made_once_by_another(
    postgres: Server, tmp_path: Path
) -> None:
    """With SEEDANCE_TEST_LONG at every point."""
    async with film_playing(postgres, tmp_path) as played:
        for point in ALL if LONG else FEW:
            await played.order()
            await played.killed_at(point)
        lasting = await played.work()
        for film_id in played.films:
            played.judge(await played.ended(film_id))
        lasting.send(signal.SIGTERM)
        assert await lasting.end(60) == 0
    assert "\n".join(played.play.outcome.violations) == ""


@pytest.mark.parametrize("point", ["before shot", "after copies"])
async def test_a_worker_that_stood_still_while_another_made_its_film_harms_nothing(
    point: str, postgres: Server, tmp_path: Path
) -> None:
    async with film_playing(postgres, tmp_path) as played:
        film_id = await played.order()
        still = await played.stopped_at(point)
        lasting = await played.work()
        film = await played.ended(film_id)
        played.judge(film)
        still.send(signal.SIGCONT)
        with anyio.fail_after(PATIENCE_SECONDS):
            while played.left(film):  # noqa: ASYNC110  no other process rings a bell here
                await anyio.sleep(0.05)
        for life in (still, lasting):
            life.send(signal.SIGTERM)
        assert [await life.end(60) for life in (still, lasting)] == [0, 0]
        again = await played.play.replica.films.find(film_id)
        assert (again.cut, again.status) == (film.cut, "succeeded")
        played.judge(again)
    assert played.play.outcome.violations == []
