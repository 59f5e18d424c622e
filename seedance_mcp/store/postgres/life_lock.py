"""
Who is alive among the processes of several machines: each holds an advisory lock, over a connection of its own, for life.

Unlike a kernel lock it is also lost with the connection, the server or the network, while its process lives on. So that
process buys only over the connection that holds the lock, and is another instance once it has lost it.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
from collections.abc import Callable, Generator
from typing import TypeVar

import psycopg
from psycopg.pq import TransactionStatus

from ...errors import StoreError
from .errors import explained

logger = logging.getLogger(__name__)

T = TypeVar("T")

_HELD = (
    "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND classid::bigint = %s AND objid::bigint = %s)"
)
_ID_BYTES = 8


class PostgresLifeLock:
    """This process's lock (the `LifeLock` protocol). Its methods block, and may be called in several threads at once."""

    def __init__(self, connect: Callable[[], psycopg.Connection]) -> None:
        """
        Take it, and a connection to ask about others: that may be asked while the first is in a transaction.

        Raises:
            psycopg.Error: the database cannot be used.
        """
        self._connect = connect
        self._holds, self._asks = threading.Lock(), threading.Lock()
        self._closed = False
        self.instance, self._holder = self._taken()
        try:
            self._asker = connect()
        except BaseException:
            self._holder.close()
            raise

    def alive(self, instance: str) -> bool:
        """Return whether the process with this instance id holds its lock; True as well if that cannot be judged."""
        if instance == self.instance:
            return not self._closed
        try:
            number = bytes.fromhex(instance)
        except ValueError:
            return False
        half = _ID_BYTES // 2
        parts = int.from_bytes(number[:half], "big"), int.from_bytes(number[half:], "big")
        try:
            return self.ask(lambda connection: connection.execute(_HELD, parts).fetchone()) == (True,)
        except psycopg.Error:
            return True

    def at_work(self, instance: str) -> bool:
        """Return whether it is alive: where its machine is another one, nobody hears that it ends soon."""
        return self.alive(instance)

    def ask(self, question: Callable[[psycopg.Connection], T]) -> T:
        """Run a query over a connection that is in no transaction. Raises psycopg.Error."""
        with self._asks:
            if self._asker.closed and not self._closed:
                self._asker = self._connect()
            return question(self._asker)

    @contextlib.contextmanager
    def held_as(self, instance: str) -> Generator[psycopg.Connection]:
        """
        Lend the connection that holds the lock of this instance, and end what is left of a transaction on it.

        Raises:
            StoreError: the lock was lost.
        """
        with self._holds:
            if instance != self.instance or self._holder.closed:
                raise StoreError(
                    "The connection by which this process shows that it lives was lost.",
                    hint="Try again in a moment. Nothing was sent.",
                )
            try:
                yield self._holder
            finally:
                with contextlib.suppress(psycopg.Error):
                    if self._holder.info.transaction_status is not TransactionStatus.IDLE:
                        self._holder.execute("ROLLBACK", prepare=False)

    def ensure(self) -> None:
        """
        Look whether the lock is still held; otherwise take another one, as another instance.

        Raises:
            StoreError: the database cannot be used.
        """
        with self._holds, explained():
            with contextlib.suppress(psycopg.Error):
                self._holder.execute("SELECT 1", prepare=False)
                return
            self._holder.close()
            if self._closed:
                raise StoreError(
                    "The job database was closed: the server is ending.",
                    hint="Call again in a moment; jobs go on by themselves.",
                )
            before = self.instance
            self.instance, self._holder = self._taken()
        logger.warning("the life lock of %s was lost; this process is %s from now on", before, self.instance)

    def close(self) -> None:
        """Let go of the lock: at once, and not only when the server has noticed that the connection ended."""
        self._closed = True
        with self._holds, contextlib.closing(self._holder), contextlib.suppress(psycopg.Error):
            if self._holder.info.transaction_status is TransactionStatus.IDLE:
                self._holder.execute("SELECT pg_advisory_unlock_all()", prepare=False)
        with self._asks:
            self._asker.close()

    def _taken(self) -> tuple[str, psycopg.Connection]:
        connection = self._connect()
        try:
            instance = secrets.token_bytes(_ID_BYTES)
            key = int.from_bytes(instance, "big", signed=True)
            connection.execute("SELECT pg_advisory_lock(%s)", (key,), prepare=False)
        except BaseException:
            connection.close()
            raise
        return instance.hex(), connection
