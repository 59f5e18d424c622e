"""Random schedules of films that change while they are made: no promise about what is bought and shown is ever broken."""

from __future__ import annotations

import os

from .film_studio_play import play

SEEDS = 400 if os.environ.get("SEEDANCE_TEST_LONG") else 6
FIRST = 3
HAPPENS = (
    "a plan with rows", "a plan without", "ordered", "bought", "bought after it was not sent", "joined", "current", "stale",
    "not ordered: PlanChanged", "not ordered: OrderedOtherwise",
)  # fmt: skip


async def test_no_schedule_of_changing_films_breaks_a_promise() -> None:
    counts = await play(range(FIRST, FIRST + SEEDS))
    assert [what for what in HAPPENS if not counts[what]] == []
