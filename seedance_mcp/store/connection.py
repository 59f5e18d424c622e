"""What every transaction is written against, whichever database runs it: one SQL text, with `?` for each value."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

import anyio
import anyio.to_thread

from ..errors import StoreError

T = TypeVar("T")
Clock = Callable[[], float]


class Cursor(Protocol):
    """The outcome of a statement: its rows, as tuples, or how many rows it changed."""

    @property
    def rowcount(self) -> int:
        """How many rows the statement changed."""
        ...

    def fetchone(self) -> Any:
        """Return the next row; None: there is none."""
        ...

    def fetchall(self) -> list[Any]:
        """Return all rows that are left."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """Runs statements inside the transaction that it was handed out for."""

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Cursor:
        """Run one statement with a value for each `?` in it."""
        ...

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> Cursor:
        """Run one statement with each of these values in turn."""
        ...


class Conflict(Exception):
    """A row that breaks a rule of its table, whichever database found it; the transaction is undone."""


class CommitUnknown(StoreError):
    """The connection broke while a transaction was committed: it happened as a whole, or not at all."""

    retryable = False
    default_hint = "Look whether it happened before doing it again."


class Database(ABC):
    """
    Runs transactions and queries, each whole in one worker-thread call.

    So no transaction is ever open across an `await`, and a cancelled caller cannot leave one behind.
    """

    clock: Clock
    """The clock on the wall, in seconds since the epoch."""

    def __init__(self, *, clock: Clock, at_once: int) -> None:
        """`at_once` is how many transactions and queries may run at the same time."""
        self.clock = clock
        self._at_once = at_once
        self._limiter: anyio.CapacityLimiter | None = None

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        """
        Run `transaction` as one transaction: all of it is durable on return, or none of it happened.

        Raises:
            StoreError: the database is locked, full, damaged or no longer there; nothing was changed.
            CommitUnknown: all of it happened or none, and which of them is not known.
            Conflict: a row breaks a rule of its table; nothing was changed.
        """
        return await anyio.to_thread.run_sync(self.write_now, transaction, limiter=self._turn())

    async def write_briefly(self, transaction: Callable[[Connection], T], seconds: float) -> T:
        """
        Do what `write` does, but wait only so long for another process that holds the database.

        Raises:
            StoreError, CommitUnknown, Conflict: as `write`.
        """
        run = partial(self.write_briefly_now, transaction, seconds)
        return await anyio.to_thread.run_sync(run, limiter=self._turn())

    async def read(self, query: Callable[[Connection], T]) -> T:
        """
        Run a query that changes nothing.

        Raises:
            StoreError: the database is locked, damaged or no longer there.
        """
        return await anyio.to_thread.run_sync(self.read_now, query, limiter=self._turn())

    @abstractmethod
    def write_now(self, transaction: Callable[[Connection], T]) -> T:
        """Do what `write` does in the calling thread."""

    @abstractmethod
    def write_briefly_now(self, transaction: Callable[[Connection], T], seconds: float) -> T:
        """Do what `write_briefly` does in the calling thread."""

    @abstractmethod
    def read_now(self, query: Callable[[Connection], T]) -> T:
        """Do what `read` does in the calling thread."""

    @abstractmethod
    def close(self) -> None:
        """Close the database, once whoever is using it has done so."""

    def _turn(self) -> anyio.CapacityLimiter:
        # Made on first use: a limiter belongs to the event loop that it is made in.
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(self._at_once)
        return self._limiter
