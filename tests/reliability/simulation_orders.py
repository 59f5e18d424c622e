"""What is asked for in the simulated machine, under which caps, and the database that it begins with."""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from functools import cache
from pathlib import Path

from seedance_mcp.config import Settings
from seedance_mcp.jobs.buying.intents import Intent
from seedance_mcp.store.database_file import SqliteConnection, migrate
from seedance_mcp.types import VideoRequest

from .simulation_market import MICROS


class Order(Intent):
    """An intent whose digests, which the same request always has, are worked out once."""

    @property
    def fingerprint(self) -> str:
        if self.place is not None:
            return super().fingerprint
        known = (self.provider, self.account, self.request.prompt or "")
        if known not in _FINGERPRINTS:
            _FINGERPRINTS[known] = super().fingerprint
        return _FINGERPRINTS[known]

    @property
    def stands_for(self) -> tuple[str, ...]:
        if self.place is not None:
            return super().stands_for
        known = (self.provider, self.request.prompt or "", self.asked or "", self.instead_of)
        if known not in _STANDS_FOR:
            _STANDS_FOR[known] = super().stands_for
        return _STANDS_FOR[known]


_FINGERPRINTS: dict[tuple[str, str, str], str] = {}
_STANDS_FOR: dict[tuple[str, str, str, tuple[str, ...]], tuple[str, ...]] = {}


@cache
def empty_database() -> bytes:
    """The tables of the product, with nothing in them."""
    connection = sqlite3.connect(":memory:", isolation_level=None, factory=SqliteConnection)
    migrate(connection, 0)
    whole = connection.serialize()
    connection.close()
    return whole


@cache
def settings(day: Decimal, hour: int) -> Settings:
    """An installation with these caps: USD in a day, jobs in an hour."""
    return Settings(
        output_dir=Path("videos"),
        state_dir=Path("state"),
        max_usd_per_day=day,
        max_usd_per_job=Decimal(MICROS) / 1_000_000,
        max_jobs_per_hour=hour,
    )


@cache
def request(number: int) -> VideoRequest:
    """The request of this number: always the same."""
    return VideoRequest(
        prompt=f"intent {number}", model="seedance-2.0", resolution="480p", aspect_ratio="16:9", duration=5
    )
