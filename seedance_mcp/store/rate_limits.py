"""When an account may call a provider next, by kind of call, shared by all processes."""

from __future__ import annotations

from dataclasses import dataclass

from .database import Connection


@dataclass(frozen=True, kw_only=True)
class RateKey:
    """What is limited together: one kind of call of one account at one provider."""

    provider: str
    account: str
    kind: str


def read(connection: Connection, key: RateKey) -> tuple[float, float]:
    """When the next call may come, and until when none may, in seconds since the epoch; 0: at once."""
    row = connection.execute(
        "SELECT next_at, held_until FROM turns WHERE provider = ? AND account = ? AND kind = ?",
        (key.provider, key.account, key.kind),
    ).fetchone()
    return row or (0.0, 0.0)


def write(connection: Connection, key: RateKey, *, next_at: float, held_until: float) -> None:
    """Put down both moments."""
    connection.execute(
        "INSERT INTO turns (provider, account, kind, next_at, held_until) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (provider, account, kind) DO UPDATE SET"
        " next_at = excluded.next_at, held_until = excluded.held_until",
        (key.provider, key.account, key.kind, next_at, held_until),
    )
