"""
The simulated machine on PostgreSQL: `python -m tests.postgres.simulated --steps N` plays schedules there that are played on
SQLite otherwise, each in a database of its own, by the real transactions under the team's lock and the policies on rows.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import psycopg

from seedance_mcp.errors import StoreError
from seedance_mcp.store import Connection
from seedance_mcp.store.postgres import PostgresDatabase
from seedance_mcp.store.postgres.statements import Statements
from tests.reliability.simulation import Outcome, play
from tests.reliability.simulation_people import has_people
from tests.reliability.simulation_process import SimStore

from .server import SEES_ALL, Server, running

if TYPE_CHECKING:
    from tests.reliability.simulation_process import Process
    from tests.reliability.simulation_world import World

T = TypeVar("T")

_AS_ON_SQLITE = """
CREATE FUNCTION json_extract(document text, path text) RETURNS text IMMUTABLE LANGUAGE sql
AS $$ SELECT document::jsonb #>> string_to_array(substr(path, 3), '.') $$
"""


class Looks(Statements):
    """By which the promises look at everybody's, outside of transactions; `total_changes` counts what may have written."""

    in_transaction = False

    def __init__(self, url: str) -> None:
        self._looks = psycopg.connect(url, options=SEES_ALL, autocommit=True)
        super().__init__(self._looks)
        self.total_changes = 0

    def create_function(self, *_: object) -> None:
        """Do nothing: PostgreSQL is told the clocks with each transaction."""

    def close(self) -> None:
        """Look no more."""
        self._looks.close()


class SimPostgresStore(SimStore):
    """The schedule's own store, whose transactions run on PostgreSQL."""

    def __init__(self, world: World, process: Process, database: PostgresDatabase, looks: Looks) -> None:
        super().__init__(world, process)
        self._database, self._looks = database, looks

    def write_now(self, transaction: Callable[[Connection], T]) -> T:
        """Do what `write` does in the calling thread."""
        self._looks.total_changes += 1
        try:
            return self._database.write_now(transaction)
        except sqlite3.OperationalError as full:
            raise StoreError(f"The job database cannot be used now: {full}.") from full

    def read_now(self, query: Callable[[Connection], T]) -> T:
        """Do what `read` does in the calling thread."""
        return self._database.read_now(query)


class InPostgres:
    """The database of a world in PostgreSQL."""

    def __init__(self, server: Server) -> None:
        self._url = server.database()
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(_AS_ON_SQLITE)
        self.connection = Looks(self._url)
        self._database: PostgresDatabase | None = None

    def store(self, world: World, process: Process) -> SimPostgresStore:
        """Open it for a process: all have one connection, for they take turns."""
        if self._database is None:
            self._database = PostgresDatabase(
                self._url, clock=lambda: world.wall, uptime=lambda: world.uptime, connections=1
            )
        return SimPostgresStore(world, process, self._database, self.connection)

    def close(self) -> None:
        """Close all connections."""
        if self._database is not None:
            self._database.close()
        self.connection.close()


def run(server: Server, seeds: Iterable[int], steps: int) -> Outcome:
    """Play schedules until so many steps are done, or a promise is broken."""
    began, total = time.monotonic(), Outcome()
    for seed in seeds:
        database = InPostgres(server)
        try:
            total.add(play(seed, database))
        finally:
            database.close()
        if total.violations or total.steps >= steps:
            break
    total.seconds = time.monotonic() - began
    return total


def main() -> int:
    """Play, every other schedule with several people, and say what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.postgres.simulated", description=__doc__)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder, running(Path(folder) / "data") as server:
        outcome = run(server, seeds_of(asked.seed), asked.steps)
    print(
        f"{outcome.steps:,} steps in {outcome.schedules:,} schedules, {outcome.bought:,} purchases, {outcome.seconds:.0f} s"
    )
    print(*(outcome.violations or ["no violation"]), sep="\n")
    return int(bool(outcome.violations))


def seeds_of(first: int) -> Iterable[int]:
    """Name schedules from `first` on, of which every other one has several people."""
    people = (seed for seed in range(first, sys.maxsize) if has_people(seed))
    others = (seed for seed in range(first, sys.maxsize) if not has_people(seed))
    for pair in zip(people, others, strict=False):
        yield from pair


if __name__ == "__main__":
    sys.exit(main())
