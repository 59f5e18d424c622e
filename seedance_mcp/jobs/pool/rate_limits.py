"""The turns of all processes to call a provider, kept in the store: below its limits, and none while it asked for a pause."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import anyio

from ...errors import StoreError
from ...providers import Kind
from ...store import Connection, RateKey, Store, rate_limits

if TYPE_CHECKING:
    from ...catalog import ProviderInfo

T = TypeVar("T")

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 0.5
"""How long a call waits for a busy database before it goes on without a turn."""

_FURTHEST_SECONDS = 600.0
"""A turn further away than this was written under another clock, and is forgotten."""


class SharedRateLimits:
    """
    The turns of one account at one provider (the `Pace` of its adapter).

    Economy only: a store that is busy or broken holds nobody up.
    """

    def __init__(self, store: Store, info: ProviderInfo, account: str) -> None:
        self._store = store
        self._info = info
        self._account = account

    async def turn(self, kind: Kind, longest: float) -> float:
        """Take the next turn, if it comes within `longest` seconds; returns the seconds until it comes."""

        def take(connection: Connection) -> float:
            now = self._store.clock()
            next_at, held_until = self._read(connection, kind, now)
            spread, early = self._spread(kind)
            at = max(now, held_until, next_at - early)
            if at - now <= longest and (spread or held_until > now):
                self._write(connection, kind, max(next_at, at) + spread, held_until)
            return at - now

        return await self._briefly(take) or 0.0

    async def hold(self, kind: Kind, seconds: float) -> None:
        """Let nobody have a turn for so long."""

        def stop(connection: Connection) -> None:
            now = self._store.clock()
            next_at, held_until = self._read(connection, kind, now)
            self._write(connection, kind, next_at, max(held_until, now + seconds))

        await self._briefly(stop)

    def _spread(self, kind: Kind) -> tuple[float, float]:
        """
        Seconds between two turns when calls come without end, and by how much a few calls may be early.

        A third of what a period allows may come at once. The rest is spread so that no period of that length,
        wherever it begins, holds more calls than are allowed.
        """
        limit = self._info.limits.get(kind)
        if limit is None:
            return 0.0, 0.0
        at_once = max(1, limit.calls // 3)
        spread = limit.seconds / (limit.calls - at_once + 1)
        return spread, spread * (at_once - 1)

    def _read(self, connection: Connection, kind: Kind, now: float) -> tuple[float, float]:
        next_at, held_until = rate_limits.read(connection, self._key(kind))
        furthest = now + _FURTHEST_SECONDS
        return max(now, next_at if next_at < furthest else 0.0), held_until if held_until < furthest else 0.0

    def _write(self, connection: Connection, kind: Kind, next_at: float, held_until: float) -> None:
        rate_limits.write(connection, self._key(kind), next_at=next_at, held_until=held_until)

    def _key(self, kind: Kind) -> RateKey:
        return RateKey(provider=self._info.name, account=self._account, kind=kind)

    async def _briefly(self, transaction: Callable[[Connection], T]) -> T | None:
        try:
            with anyio.move_on_after(PATIENCE_SECONDS):
                return await self._store.write_briefly(transaction, PATIENCE_SECONDS)
        except StoreError as error:
            logger.info("%s is called without a turn: %s", self._info.name, error.message)
        except Exception:
            logger.exception("%s is called without a turn", self._info.name)
        return None
