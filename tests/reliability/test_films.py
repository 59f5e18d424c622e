"""Random schedules of films' orders: no promise about their money is ever broken."""

from __future__ import annotations

import os
from collections import Counter

from .film_play import play

SEEDS = 20_000 if os.environ.get("SEEDANCE_TEST_LONG") else 40
HAPPENS = (
    "ordered", "drawn", "the same plan again", "the same row again", "a draw refused", "a purchase refused",
    "an order refused: BudgetExceeded", "an order refused: OrderedOtherwise", "a plan whose takes are used up",
    "expired", "given back to its row", "drawn again",
)  # fmt: skip


def test_no_schedule_of_orders_breaks_a_promise() -> None:
    counts = Counter[str]()
    for seed in range(SEEDS):
        counts += play(seed)
    assert [what for what in HAPPENS if not counts[what]] == []
    assert counts["drawn"] > SEEDS, "a schedule in which little is bought proves little"
