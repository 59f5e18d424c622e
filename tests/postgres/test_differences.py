"""Every transaction of the store does on PostgreSQL what it does on SQLite."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

import pytest

from seedance_mcp.store import open_store
from seedance_mcp.store.postgres import open_postgres

from .differences import Clocks, Played, play

LONG = bool(os.environ.get("SEEDANCE_TEST_LONG"))
USUAL = 5
SEEDS = range(20) if LONG else (USUAL,)
CALLS = 500
DONE = {
    *("reserve", "order_film", "draw", "give_back", "take_up", "mark", "refuse a row", "keep_join"),
    *("approve", "decline", "tokens.add", "tokens.find", "tokens.revoke"),
    *("copies.owe", "copies.stored", "copies.failed", "money", "adopt"),
}
"""Calls that come to something with the usual seed: what carries money, decisions and tokens is not only refused."""


@pytest.fixture
def both(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Played]:
    """Play so many calls of a seed on both databases."""
    codes = ["none"]
    monkeypatch.setattr(secrets, "token_hex", lambda size: codes[0])
    monkeypatch.setattr(secrets, "token_urlsafe", lambda size: codes[0].rjust(43, "-"))
    monkeypatch.setattr(secrets, "choice", lambda letters: letters[crc32(codes[0].encode()) % len(letters)])

    def run(seed: int) -> Played:
        clocks = Clocks()
        store = open_store(tmp_path, clock=clocks.clock)
        store.uptime = clocks.uptime
        store.read_now(lambda connection: connection.execute("PRAGMA synchronous=OFF"))
        postgres = open_postgres(url, clock=clocks.clock, uptime=clocks.uptime, connections=1)
        try:
            return play(seed, CALLS, clocks, store, postgres, codes)
        finally:
            postgres.close()
            store.close()

    return run


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", SEEDS)
def test_random_calls_come_to_the_same_on_both_databases(both: Callable[[int], Played], seed: int) -> None:
    played = both(seed)
    assert played.differences == []
    assert played.counts.total() == CALLS
    if seed == USUAL:
        assert played.done.keys() >= DONE
    print(played.done.most_common(), played.errors.most_common())
