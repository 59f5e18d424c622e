"""What a log says of something that goes on failing for one reason."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path

import pytest

from seedance_mcp.backoff import Outage
from seedance_mcp.errors import StoreError
from seedance_mcp.jobs.incidents import Incidents
from seedance_mcp.store import open_store


def test_a_failure_that_goes_on_is_told_more_and_more_seldom() -> None:
    now = 100.0
    outage = Outage(clock=lambda: now)
    told: list[float] = []
    for second in range(24 * 3600):
        now = 100.0 + second
        told += [second] if outage.failed() else []
    assert told[:5] == [0, 10, 30, 70, 150]
    assert len(told) == 102, "at the end every quarter of an hour"
    assert outage.over() == 24 * 3600
    assert outage.over() == 0
    assert outage.failed()


def test_a_database_that_is_away_fills_no_log_and_its_return_is_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with contextlib.closing(open_store(tmp_path)) as store:
        incidents = Incidents(store)
        for _ in range(60):
            for doing in ("Looking for orders", "Counting the time"):
                with incidents.contained(doing):
                    raise StoreError("The job database cannot be used now.", hint="Wait.")
        for _ in range(3):
            with incidents.contained("Looking for orders"):
                pass
    assert [record.message for record in caplog.records] == [
        "Looking for orders failed: The job database cannot be used now. Wait.",
        "Counting the time failed: The job database cannot be used now. Wait.",
        "Looking for orders works again; it had failed 60 times in a row",
    ]
