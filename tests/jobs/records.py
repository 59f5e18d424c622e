"""A job as it stands in a database, for tests that need one and not the way to it."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from seedance_mcp.store import open_store, transitions
from seedance_mcp.types import WORKERS, Job, JobState, Price, VideoRequest

START = 1_700_000_000.0
PRICE = Price(amount=Decimal(1), currency="USD", usd=Decimal(1))


def job(**fields: Any) -> Job:
    """A reserved job that was made at `START`, in seconds since the epoch; `fields` replace what it is otherwise."""
    usual: dict[str, Any] = {
        "id": "j", "state": JobState.RESERVED, "version": 1, "owner": "me", "provider": "byteplus", "account": "a",
        "model": "m", "endpoint": "e", "request": VideoRequest(prompt="x", model="seedance-2.0"),
        "fingerprint": "f", "client_key": "f:0", "tag": "t", "estimate": PRICE, "maximum": PRICE,
        "created_at": START,
    }  # fmt: skip
    return Job(**(usual | fields))


def keep_order(state: Path, *, created_at: float) -> None:
    """Put into the job database of this folder an order that waits for a worker, reserved then (seconds since the epoch)."""
    order = job(id="job_waiting", owner=WORKERS, provider="ark", created_at=created_at)
    with contextlib.closing(open_store(state)) as store:
        store.write_now(partial(transitions.insert, job=order, day="2026-11-30"))
