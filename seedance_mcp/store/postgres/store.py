"""The store on PostgreSQL: for processes on one or several machines that share a database."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.to_thread
import psycopg

from ...config import SCHEMA_OF_A_TEAM, make_private
from ...errors import StoreError
from ..connection import Connection, Store
from ..machine import machine_time
from ..machine.machine_id import machine_id
from ..machine.network_drives import find_share
from ..machine.process_locks import Ownership
from . import origin
from .database import (
    LOCK_SECONDS,
    SCHEMA_VERSION,
    PostgresDatabase,
    connect,
    ensure_usable,
    ensure_version,
    of_this_version,
)
from .database_clock import DatabaseClock
from .errors import commit, explained
from .life_lock import PostgresLifeLock
from .notifications import JobNotifications
from .statements import Statements

logger = logging.getLogger(__name__)

T = TypeVar("T")

_CONNECTIONS = 4
_MOVED = (
    "The job database was restored from a copy, or is on another server since that of before failed: what was bought last may"
    " be missing in it."
)
_ALLOW = (
    "Nothing is bought until a person has looked at the providers' consoles and has run"
    " `seedance-mcp jobs allow-spending{}`."
)


class PostgresStore(PostgresDatabase, Store):
    """
    The open database of several processes, in PostgreSQL. Build with `open_postgres_store`.

    Its time is the database's. Files of this machine, such as receipts, go by a kernel lock beside them.
    """

    schema_version = SCHEMA_VERSION

    def __init__(self, url: str, local: Ownership, machine: str, schema: str | None = None) -> None:
        """Connect; `schema` as in `connect`. Raises psycopg.Error."""
        self._life = life = PostgresLifeLock(partial(connect, url, schema))
        self._time = life.ask(DatabaseClock)
        self._looking = threading.Lock()
        super().__init__(
            url, clock=self._time, uptime=time.monotonic, connections=_CONNECTIONS, schema=schema
        )
        self.has_neighbours = schema is not None
        self._team = None if schema is None else schema.removeprefix(SCHEMA_OF_A_TEAM)
        self._local = local
        self.ownership, self.local, self.shared = life, local, True
        self.running = machine_time.running
        self.start = machine_time.start() or local.instance
        self.installation, self.machine = "", machine
        self.notice = None

    def settle(self) -> None:
        """
        Look whether the database is the one that it was; if not, let nothing be bought until a person allows it.

        Raises:
            StoreError: it cannot be used now, or its tables are of another version.
        """
        if self.read_now(_moved) and self.write_now(origin.settle):
            self.notice = _MOVED
            whose, which = (
                (f"For the team {self._team}: ", f" --team {self._team}") if self._team else ("", "")
            )
            logger.error("%s%s %s", whose, _MOVED, _ALLOW.format(which))

    async def listen(self) -> JobNotifications:
        """
        Begin to hear of every change of a job, over a connection of its own.

        Raises:
            StoreError: the database cannot be used now.
        """
        return await anyio.to_thread.run_sync(self._listen)

    def _listen(self) -> JobNotifications:
        with explained():
            connection = self._connect()
            try:
                return JobNotifications(connection)
            except BaseException:
                connection.close()
                raise

    async def alive(self, instance: str) -> bool:
        """Return whether the process that owns jobs by this instance id still lives, or cannot be judged."""
        return await anyio.to_thread.run_sync(self._life.alive, instance)

    async def write_as(self, owner: str, transaction: Callable[[Connection], T]) -> T:
        """Do what `write` does, over the connection that holds the life lock of the instance `owner`."""
        return await anyio.to_thread.run_sync(self._write_as, owner, transaction, limiter=self._turn())

    def _write_as(self, owner: str, transaction: Callable[[Connection], T]) -> T:
        with explained(), self._life.held_as(owner) as connection:
            self._begin_write(connection, LOCK_SECONDS)
            self._give_clocks(connection)
            with of_this_version(connection):
                result = transaction(Statements(connection))
            commit(connection)
            return result

    def all_read_archive(self) -> bool:
        """Return True: no process opens tables of another version."""
        return True

    def all_count_holds(self) -> bool:
        """Return True: no process opens tables of another version."""
        return True

    async def ensure_current(self) -> None:
        """
        Look whether the database can be read now, and still has the schema of this version.

        Raises:
            StoreError: it cannot, or has not.
        """
        await self.read(ensure_version)

    async def ensure_sound(self) -> None:
        """
        Look whether the life lock is held, or take another one, and whether the database is what it was, with our tables.

        Raises:
            StoreError: it cannot be used now; nothing may be bought.
        """
        await anyio.to_thread.run_sync(self._life.ensure)
        await anyio.to_thread.run_sync(self.settle, limiter=self._turn())

    def write_briefly_now(self, transaction: Callable[[Connection], T], seconds: float) -> T:
        """Do what `write_briefly` does in the calling thread."""
        self._look_at_times()
        return super().write_briefly_now(transaction, seconds)

    def read_now(self, query: Callable[[Connection], T]) -> T:
        """Do what `read` does in the calling thread, on one state of the database."""
        self._look_at_times()
        return super().read_now(query)

    def close(self) -> None:
        """Close the connections, those in use once they are given back, and let go of the locks."""
        super().close()
        self._life.close()
        self._local.close()

    def _look_at_times(self) -> None:
        """Once a minute, ask what time it is, and see that the life lock is held."""
        if self._time.is_due and self._looking.acquire(blocking=False):
            try:
                # What is in the way here is told by whoever needs the database.
                with contextlib.suppress(psycopg.Error, StoreError):
                    self._life.ask(self._time.ask)
                    self._life.ensure()
            finally:
                self._looking.release()


def _moved(connection: Connection) -> bool:
    ensure_version(connection)
    return origin.moved(connection)


def open_postgres_store(url: str, folder: Path, schema: str | None = None) -> PostgresStore:
    """
    Open a database that `migrate` has prepared; `folder` is this machine's own, for the locks of files.

    `schema` has the tables of one of several teams; None: they are where the role finds them.

    Raises:
        StoreError: the database cannot be reached, its tables are of another version, or the folder cannot be used.
    """
    share = find_share(folder)
    if share is not None:
        raise StoreError(
            f"The state folder {folder} is on {share.what} ({share.kind}), where file locks cannot be trusted.",
            hint="Set SEEDANCE_STATE_DIR to a folder on a local disk: every machine needs its own.",
        )
    try:
        make_private(folder)
        machine = machine_id(folder)
        local = Ownership(folder / "instances")
    except OSError as error:
        raise StoreError(
            f"The state folder {folder} cannot be used: {error.strerror or error}.",
            hint="Make it writable, or set SEEDANCE_STATE_DIR to another folder.",
        ) from error
    try:
        local.sweep()
        with explained():
            store = PostgresStore(url, local, machine, schema)
    except BaseException:
        local.close()
        raise
    try:
        store.role_warning = store.read_now(ensure_usable)
        store.installation = store.read_now(origin.installation)
        store.settle()
    except BaseException:
        store.close()
        raise
    return store
