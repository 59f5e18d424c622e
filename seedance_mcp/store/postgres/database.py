"""A database of PostgreSQL: connections that are kept, the lock of a team, transactions under it, and the schema."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping
from functools import partial
from importlib import resources
from typing import Any, LiteralString, TypeVar, cast

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from ...counting import Counted, timed
from ...errors import StoreError
from ...types import EVERYBODY
from ..connection import Clock, Connection, Database
from . import schemas
from .errors import commit, explained
from .statements import Statements, set_scope

logger = logging.getLogger(__name__)

T = TypeVar("T")

SCHEMA_VERSION = 8
_SCHEMA = "schema"
"""The key in `meta` under which stands which version the tables have."""

TEAM = 1
"""The lock of an installation that is not divided into teams."""

_LOCKS = 0x5EEDA
"""What tells our advisory locks from those of others in the same database."""

_MIGRATING = 0
"""The lock, in place of a team's, of whoever brings the tables up to date."""

_WARNED = set[tuple[str, str]]()
"""The roles and databases of whose rights this process has warned: it opens its database several times."""

LOCK_SECONDS = 10.0
_CONNECT_SECONDS = 10
_OPTIONS = " ".join(
    (
        "-c default_transaction_isolation=read\\ committed",
        "-c idle_in_transaction_session_timeout=5s",  # a process that stands still inside a transaction blocks its team
        "-c idle_session_timeout=0",
        "-c tcp_keepalives_idle=15 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 -c tcp_user_timeout=30000",
        "-c synchronous_commit=on",
        "-c application_name=seedance-mcp",
    )
)
_SIGNS_OF_LIFE: Mapping[str, Any] = {
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


class PostgresDatabase(Database):
    """
    The open database of a team, in PostgreSQL. Build with `open_postgres`.

    Whoever changes something holds the team's lock from before its first look at a row until it has committed: that is
    what `BEGIN IMMEDIATE` is on SQLite. Only READ COMMITTED looks anew after the wait for the lock.
    """

    def __init__(
        self, url: str, *, clock: Clock, uptime: Clock, connections: int, schema: str | None = None
    ) -> None:
        """`schema` has the tables of one of several teams; None: they are where the role finds them."""
        super().__init__(clock=clock, at_once=connections)
        self.uptime = uptime
        """Seconds that the machine has been running; never set, only restarted."""
        self._connect = partial(connect, url, schema)
        self._lock = lock_of(schema)
        self._idle = deque[psycopg.Connection]()
        self._places = threading.BoundedSemaphore(connections)
        self._closed = False

    def write_now(self, transaction: Callable[[Connection], T]) -> T:
        """Do what `write` does in the calling thread."""
        return self.write_briefly_now(transaction, LOCK_SECONDS)

    def write_briefly_now(self, transaction: Callable[[Connection], T], seconds: float) -> T:
        """Do what `write_briefly` does in the calling thread."""
        with explained(), self._begun(self._begin_write, seconds) as connection:
            self._give_clocks(connection)  # only now: the wait for the lock may have taken a while
            with of_this_version(connection):
                result = transaction(Statements(connection))
            commit(connection)
            return result

    def read_now(self, query: Callable[[Connection], T]) -> T:
        """Do what `read` does in the calling thread, on one state of the database."""
        with explained(), self._begun(self._begin_read, 0.0) as connection:
            self._give_clocks(connection)
            with of_this_version(connection):
                return query(Statements(connection))

    def close(self) -> None:
        """Close the connections, those in use once they are given back."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _begin_write(self, connection: psycopg.Connection, seconds: float) -> None:
        # One message, and still each of its statements looks anew: the first that looks at rows comes after the lock.
        with timed(Counted.LOCK_WAIT):
            connection.execute(
                sql.SQL(
                    "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = {};"
                    " SELECT pg_advisory_xact_lock({}, {})"
                ).format(max(1, int(seconds * 1000)), _LOCKS, self._lock),
                prepare=False,
            )

    def _begin_read(self, connection: psycopg.Connection, seconds: float) -> None:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", prepare=False)

    def _give_clocks(self, connection: psycopg.Connection) -> None:
        connection.execute(
            sql.SQL("SET LOCAL seedance.wall_clock = {}; SET LOCAL seedance.steady_clock = {}; {}").format(
                repr(float(self.clock())), repr(float(self.uptime())), set_scope(EVERYBODY)
            ),
            prepare=False,
        )

    @contextlib.contextmanager
    def _begun(
        self, begin: Callable[[psycopg.Connection, float], None], seconds: float
    ) -> Generator[psycopg.Connection]:
        """Lend a connection with a transaction that has begun, and end what is left of it."""
        with self._places:
            connection = self._connected(begin, seconds)
            try:
                yield connection
            finally:
                self._take_back(connection)

    def _connected(
        self, begin: Callable[[psycopg.Connection, float], None], seconds: float
    ) -> psycopg.Connection:
        if self._closed:
            raise StoreError(
                "The job database was closed: the server is ending.",
                hint="Call again in a moment; jobs go on by themselves.",
            )
        while True:
            try:
                kept = self._idle.pop()
            except IndexError:
                break
            try:
                begin(kept, seconds)
                return kept
            except psycopg.OperationalError:
                if not kept.closed:
                    self._take_back(kept)
                    raise
                # It broke while it lay idle, as all do when the server is restarted; nothing had begun.
        connection = self._connect()
        try:
            begin(connection, seconds)
        except BaseException:
            connection.close()
            raise
        return connection

    def _take_back(self, connection: psycopg.Connection) -> None:
        with contextlib.suppress(psycopg.Error):
            if connection.info.transaction_status is not TransactionStatus.IDLE and not connection.closed:
                connection.execute("ROLLBACK", prepare=False)
        if (
            self._closed
            or connection.closed
            or connection.info.transaction_status is not TransactionStatus.IDLE
        ):
            connection.close()
        else:
            self._idle.append(connection)


def open_postgres(
    url: str,
    *,
    clock: Clock = time.time,
    uptime: Clock = time.monotonic,
    connections: int = 4,
    schema: str | None = None,
) -> PostgresDatabase:
    """
    Open a database that `migrate` has prepared; at most so many connections are used at once.

    `schema` has the tables of one of several teams; None: they are where the role finds them.

    Raises:
        StoreError: it cannot be reached, or its tables are of another version.
    """
    database = PostgresDatabase(url, clock=clock, uptime=uptime, connections=connections, schema=schema)
    try:
        database.read_now(ensure_usable)
    except BaseException:
        database.close()
        raise
    return database


def ensure_usable(connection: Connection) -> str | None:
    """Do what `ensure_version` and `look_at_role` do."""
    ensure_version(connection)
    return look_at_role(connection)


def look_at_role(connection: Connection) -> str | None:
    """Describe that the role passes over the policies that keep people apart, if it does; it is logged once for a database."""
    passes, role, database = connection.execute(
        "SELECT rolsuper OR rolbypassrls, rolname, current_database() FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    if not passes:
        return None
    words = (
        f"The job database is used as {role}, a superuser or a role with BYPASSRLS: PostgreSQL itself keeps nobody's jobs"
        " from others then, and only the server does. Give it a role of its own: CREATE ROLE … LOGIN NOSUPERUSER NOBYPASSRLS."
    )
    if (role, database) not in _WARNED:
        _WARNED.add((role, database))
        logger.warning(words)
    return words


def ensure_version(connection: Connection) -> None:
    """Raise StoreError if there are no tables, or those of another version."""
    found = _version(connection)
    if found == 0 and not _are_there(connection):
        raise schemas.absence(connection)
    if found != SCHEMA_VERSION:
        raise StoreError(
            f"The tables of the job database have version {found}; this server knows {SCHEMA_VERSION}.",
            hint="Run `seedance-mcp migrate`."
            if found < SCHEMA_VERSION
            else "Update this installation of seedance-mcp.",
        )


@contextlib.contextmanager
def of_this_version(connection: psycopg.Connection) -> Generator[None]:
    """
    Where a statement inside fails by what is in the tables or how they are made, look whether they are of this version.

    A server that was not ended before `migrate` goes on with the new tables: what it hears of them means nothing to anybody.
    The answer to a purchase is written down there all the same, where it can be.

    Raises:
        StoreError: they are of another version.
    """
    try:
        yield
    except (psycopg.OperationalError, psycopg.errors.UniqueViolation):
        raise
    except psycopg.Error as error:
        with contextlib.suppress(psycopg.Error):
            connection.execute("ROLLBACK", prepare=False)
            try:
                ensure_version(Statements(connection))
            except StoreError as another:
                raise another from error
        raise


def migrate(url: str, schema: str | None = None) -> tuple[int, int]:
    """
    Bring the tables of a database to this version, as a whole or not at all; one process at a time does so.

    `schema` is that of one of several teams, and is made if it is not there.

    Returns which version they had (0: there were none), and which they have.

    Raises:
        StoreError: it cannot be reached or written to, or a newer version made its tables.
    """
    with explained(), contextlib.closing(connect(url, schema)) as connection:
        connection.execute(
            sql.SQL("BEGIN; {}; SELECT pg_advisory_xact_lock({}, {})").format(
                set_scope(EVERYBODY), _LOCKS, _MIGRATING
            ),
            prepare=False,
        )
        found = _version(Statements(connection))
        if found > SCHEMA_VERSION:
            raise StoreError(
                f"The job database was made by a newer version (schema {found}, this one knows {SCHEMA_VERSION}).",
                hint="Update this installation of seedance-mcp.",
            )
        schemas.prepare(Statements(connection), schema, up_to_date=found == SCHEMA_VERSION)
        for version, script in _migrations():
            if version > found:
                connection.execute(script, prepare=False)
        connection.execute(
            "INSERT INTO meta (key, value) VALUES (%s, %s) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (_SCHEMA, str(SCHEMA_VERSION)),
        )
        look_at_role(Statements(connection))
        commit(connection)
        return found, SCHEMA_VERSION


def lock_of(schema: str | None) -> int:
    """
    Number the lock that whoever writes to a team's tables holds, the same in every process.

    Two teams whose names lead to one number would wait for each other, and nothing worse.
    """
    return (
        TEAM if schema is None else int.from_bytes(hashlib.sha256(schema.encode()).digest()[:4], signed=True)
    )


def connect(url: str, schema: str | None = None) -> psycopg.Connection:
    """
    Open a connection, which either side gives up half a minute after the other has fallen silent.

    With a `schema` it finds the tables there and nowhere else, whatever statement is run.

    Raises:
        StoreError: the address cannot be read.
        psycopg.Error: it did not come about.
    """
    options = _OPTIONS if schema is None else f"{_OPTIONS} -c search_path={schema}"
    try:
        return psycopg.connect(
            url, autocommit=True, connect_timeout=_CONNECT_SECONDS, options=options, **_SIGNS_OF_LIFE
        )
    except psycopg.ProgrammingError:  # its words repeat parts of the address, a password perhaps
        raise StoreError(
            "The address of the job database cannot be read.", hint="Correct SEEDANCE_DATABASE_URL."
        ) from None


def _version(connection: Connection) -> int:
    """Return which version the tables have; 0: there are none."""
    if not _are_there(connection):
        return 0
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (_SCHEMA,)).fetchone()
    return 0 if row is None else int(row[0])


def _are_there(connection: Connection) -> bool:
    (there,) = connection.execute("SELECT to_regclass('meta') IS NOT NULL").fetchone()
    return there


def _migrations() -> list[tuple[int, LiteralString]]:
    """List each version with the script that leads to it, in order."""
    folder = resources.files(__name__.rpartition(".")[0]).joinpath("migrations")
    scripts = {int(entry.name[:4]): entry for entry in folder.iterdir() if entry.name.endswith(".sql")}
    return [
        (version, cast("LiteralString", scripts[version].read_text(encoding="utf-8")))
        for version in sorted(scripts)
    ]
