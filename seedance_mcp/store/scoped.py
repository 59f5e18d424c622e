"""The one open database in the scope of one person, and what queries say of whose things they are about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ..types import Scope
from .connection import Connection, Store

T = TypeVar("T")

PERSON_OF_JOB = "COALESCE(jobs.person, '')"
"""Whose a job is, for a query that is to go by another index than that of people."""


def seen(connection: Connection, column: str = "person") -> tuple[str, tuple[str, ...]]:
    """Write the condition that a row is of those that the transaction sees, and its values. `column` says whose it is."""
    if connection.scope.sees_all:
        return "TRUE", ()
    return f"{column} = ?", (connection.scope.person,)


def own(connection: Connection, column: str = "person") -> tuple[str, tuple[str, ...]]:
    """Write the condition that a row is of the very person whose what is written will be, whoever else is seen."""
    return f"{column} = ?", (connection.scope.person,)


def seen_by_job(connection: Connection, column: str = "job_id") -> tuple[str, tuple[str, ...]]:
    """Write the condition that the job of a row is of those that the transaction sees, and its values."""
    return _by("jobs", connection, column)


def seen_by_film(connection: Connection, column: str = "film_id") -> tuple[str, tuple[str, ...]]:
    """Write the condition that the film of a row is of those that the transaction sees, and its values."""
    return _by("films", connection, column)


def _by(table: str, connection: Connection, column: str) -> tuple[str, tuple[str, ...]]:
    if connection.scope.sees_all:
        return "TRUE", ()
    rule = f"EXISTS (SELECT 1 FROM {table} AS whose WHERE whose.id = {column} AND whose.person = ?)"  # noqa: S608  only names
    return rule, (connection.scope.person,)


class ScopedStore(Store):
    """A store in another scope. All that it does is done by the one store, whose clocks and locks it has, too."""

    def __init__(self, store: Store, scope: Scope) -> None:
        self._store = store.one if isinstance(store, ScopedStore) else store
        self.scope = scope

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @property
    def one(self) -> Store:
        """The store that does the work."""
        return self._store

    async def alive(self, instance: str) -> bool:
        """Return whether the process that owns jobs by this instance id still lives, or cannot be judged."""
        return await self._store.alive(instance)

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        """Do what `Database.write` does."""
        return await self._store.write(self._scoped(transaction))

    async def write_briefly(self, transaction: Callable[[Connection], T], seconds: float) -> T:
        """Do what `Database.write_briefly` does."""
        return await self._store.write_briefly(self._scoped(transaction), seconds)

    async def write_as(self, owner: str, transaction: Callable[[Connection], T]) -> T:
        """Do what `Store.write_as` does."""
        return await self._store.write_as(owner, self._scoped(transaction))

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Do what `Database.read` does."""
        return await self._store.read(self._scoped(query))

    def write_now(self, transaction: Callable[[Connection], T]) -> T:
        """Do what `write` does in the calling thread."""
        return self._store.write_now(self._scoped(transaction))

    def write_briefly_now(self, transaction: Callable[[Connection], T], seconds: float) -> T:
        """Do what `write_briefly` does in the calling thread."""
        return self._store.write_briefly_now(self._scoped(transaction), seconds)

    def read_now(self, query: Callable[[Connection], T]) -> T:
        """Do what `read` does in the calling thread."""
        return self._store.read_now(self._scoped(query))

    def all_read_archive(self) -> bool:
        """Return whether every process that has the database open can read the archive."""
        return self._store.all_read_archive()

    def all_count_holds(self) -> bool:
        """Return whether every process that has the database open counts what films hold."""
        return self._store.all_count_holds()

    async def ensure_current(self) -> None:
        """Look whether the database can be read now, and has the schema of this version. Raises StoreError."""
        await self._store.ensure_current()

    async def ensure_sound(self) -> None:
        """Make sure that the database may be bought by. Raises StoreError."""
        await self._store.ensure_sound()

    def close(self) -> None:
        """Close the one store, for everybody."""
        self._store.close()

    def _scoped(self, run: Callable[[Connection], T]) -> Callable[[Connection], T]:
        def scoped(connection: Connection) -> T:
            with connection.within(self.scope):
                return run(connection)

        return scoped
