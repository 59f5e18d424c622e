"""What every transaction is written against, whichever database runs it: one SQL text, with `?` for each value."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, Protocol, TypeVar

import anyio
import anyio.to_thread

from ..errors import StoreError
from ..types import EVERYBODY, Scope

T = TypeVar("T")
Clock = Callable[[], float]

SPENDING_STOPPED = "spending_stopped"
"""The key in `meta` that stops every purchase until a person allows them again."""


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
    """Runs statements inside the transaction that it was handed out for, in the scope of whoever has it run."""

    @property
    def scope(self) -> Scope:
        """Whose things the transaction sees, and whose is what it writes."""
        ...

    def within(self, scope: Scope) -> AbstractContextManager[None]:
        """Run what is inside in another scope."""
        ...

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

    scope: Scope = EVERYBODY
    """Whose things its transactions see, and whose is what they write."""

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


class LifeLock(Protocol):
    """What tells that this process lives, and whether another one does."""

    @property
    def instance(self) -> str:
        """This process, by 16 hex digits; another one once the lock was lost."""
        ...

    def alive(self, instance: str) -> bool:
        """Return whether the process with this instance id holds its lock (also one that stands still). May block."""
        ...

    def at_work(self, instance: str) -> bool:
        """Return whether it is alive, and has not said that it ends soon. May block."""
        ...


class LocalLock(LifeLock, Protocol):
    """The life lock among the processes of this machine that share a state folder; it lasts as long as the process."""

    def say_ending(self) -> None:
        """Announce that this process ends soon, and may still be buying. Never blocks for long."""
        ...

    def anyone_ending(self) -> bool:
        """Return whether another process has said that it ends soon, and still runs."""
        ...


class Listening(Protocol):
    """Hears of the changes that any process makes to a job, as they are committed."""

    async def heard(self, seconds: float) -> frozenset[str]:
        """
        Return the ids of the jobs that were changed since the last call; wait for the first one at most so long.

        Raises:
            StoreError: the connection was lost, and with it perhaps some of them.
        """
        ...

    def close(self) -> None:
        """Stop listening."""
        ...


class Store(Database):
    """The database of jobs, and what goes by it: who is alive, what time it is, and whether anything may be bought."""

    ownership: LifeLock
    """By whose lock jobs are owned: by all processes that work on this database."""

    local: LocalLock
    """By whose lock files of this machine are owned."""

    shared: bool
    """Whether processes of other machines may work on it."""

    has_neighbours: bool = False
    """Whether other teams may buy from the same accounts, whose jobs are in databases of their own."""

    uptime: Clock
    """Seconds that the machine has been running, the same to all its processes; never set, only restarted."""

    running: Clock
    """Seconds that the machine has been running, its sleep included; counted from `start`."""

    start: str
    """What tells this start of the machine from others; where it has no name, only this process knows how long it was."""

    installation: str
    """What tells this installation from others that share an output folder, by 16 hex digits."""

    machine: str
    """What tells this machine, or rather this state folder, from others that work on the database; empty: there are none."""

    schema_version: int
    """The version of the tables that it has open."""

    notice: str | None
    """What the user should know about the database, such as that a damaged one was set aside."""

    role_warning: str | None = None
    """That the role which it is used as has rights that it should not have."""

    async def listen(self) -> Listening | None:
        """
        Begin to hear of every change of a job; None: nobody tells, so whoever wants to know has to look.

        Raises:
            StoreError: the database cannot be used now.
        """
        return None

    async def alive(self, instance: str) -> bool:
        """Return whether the process that owns jobs by this instance id still lives, or cannot be judged."""
        return self.ownership.alive(instance)

    @abstractmethod
    async def write_as(self, owner: str, transaction: Callable[[Connection], T]) -> T:
        """
        Do what `write` does, while this process certainly holds its life lock as the instance `owner`.

        Raises:
            StoreError: it does not; nothing was changed.
            StoreError, CommitUnknown, Conflict: as `write`.
        """

    @abstractmethod
    def all_read_archive(self) -> bool:
        """Return whether every process that has the database open can read the archive."""

    @abstractmethod
    def all_count_holds(self) -> bool:
        """Return whether every process that has the database open counts what films hold."""

    @abstractmethod
    async def ensure_current(self) -> None:
        """
        Look whether the database can be read now, and still has the schema of this version.

        Raises:
            StoreError: it cannot, or has not.
        """

    @abstractmethod
    async def ensure_sound(self) -> None:
        """
        Make sure that the database may be bought by. To be called before each purchase.

        Raises:
            StoreError: it may not, or cannot be read now; nothing may be bought.
        """
