"""A job as it stands in a database, for tests that need one and not the way to it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from seedance_mcp.types import Job, JobState, Price, VideoRequest

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
