"""Whether the schema that the tables belong into is there, may be made or written to, and what lies beside it."""

from __future__ import annotations

from dataclasses import dataclass

from ...config import SCHEMA_OF_A_TEAM
from ...errors import StoreError
from ..connection import Connection

_MIGRATE = "then run `seedance-mcp migrate`."

_OURS = ("jobs", "ledger", "meta")
"""Tables by which a schema with ours is known."""


def prepare(connection: Connection, schema: str | None, *, up_to_date: bool) -> None:
    """
    Make the schema of a team if it is not there; without a `schema` the tables go where the role finds them.

    One that is there already, such as by a superuser, needs no right to make any. Unless its tables are `up_to_date`, the
    role needs rights in it.

    Raises:
        StoreError: the role has no right to that; or what was there before there were teams may have to become this team's.
    """
    here = _look(connection, schema)
    if not here.exists:
        words = _hindrance(connection, here)
        if words is not None:
            raise StoreError(words[0], hint=words[1])
        connection.execute(f"CREATE SCHEMA {here.schema}")
    elif not up_to_date and not here.may_write:
        raise StoreError(_NO_TABLES_MADE.format(here=here), hint=_GRANT.format(here=here) + _MIGRATE)


def absence(connection: Connection) -> StoreError:
    """Describe that there are no tables where this connection looks for them, and what has to be done first."""
    (path,) = connection.execute("SELECT current_setting('search_path')").fetchone()
    here = _look(connection, path if path.startswith(SCHEMA_OF_A_TEAM) else None)
    words = None if here.exists else _hindrance(connection, here)
    if words is not None:
        return StoreError(words[0], hint=words[1])
    message = f"The job database has no tables yet in the schema {here.schema}."
    if here.exists and not here.may_write:
        return StoreError(
            f"{message} {_NO_TABLES_MADE.format(here=here)}", hint=_GRANT.format(here=here) + _MIGRATE
        )
    return StoreError(message, hint="Run `seedance-mcp migrate`.")


@dataclass(frozen=True, kw_only=True)
class _Place:
    """A schema of this database as the role finds it; names are written as SQL takes them."""

    schema: str
    role: str
    database: str
    exists: bool
    may_write: bool
    may_make: bool


_NO_TABLES_MADE = "The role {here.role} may not make tables in the schema {here.schema}."
_GRANT = "Have the owner of the schema run `GRANT USAGE, CREATE ON SCHEMA {here.schema} TO {here.role}`, "


def _look(connection: Connection, schema: str | None) -> _Place:
    name = schema or connection.execute("SELECT coalesce(current_schema(), 'public')").fetchone()[0]
    written, role, database, may_make = connection.execute(
        "SELECT quote_ident(?), quote_ident(current_user), quote_ident(current_database()),"
        " has_database_privilege(current_database(), 'CREATE')",
        (name,),
    ).fetchone()
    found = connection.execute(
        "SELECT has_schema_privilege(oid, 'USAGE') AND has_schema_privilege(oid, 'CREATE')"
        " FROM pg_namespace WHERE nspname = ?",
        (name,),
    ).fetchone()
    return _Place(
        schema=written,
        role=role,
        database=database,
        exists=found is not None,
        may_write=found == (True,),
        may_make=may_make,
    )


def _hindrance(connection: Connection, here: _Place) -> tuple[str, str] | None:
    """Say what keeps `migrate` from making the schema that is not there, and what to do; None: nothing does."""
    old = _undivided(connection)
    if old is not None:
        return (
            f"The schema {here.schema} is not there, no team has one yet, and the schema {old} has the tables of the"
            " installation before it was divided.",
            f"To make what was there this team's, stop all processes and run `ALTER SCHEMA {old} RENAME TO {here.schema}` in"
            f' this database ("From one team to several" in docs/team.md). To begin without it, run `CREATE SCHEMA'
            f" {here.schema}`: what was there stays where it is and is no team's. Either way, {_MIGRATE}",
        )
    if not here.may_make:
        return (
            f"The schema {here.schema} is not there, and the role {here.role} may not make one.",
            f"Have the owner of the database run `GRANT CREATE ON DATABASE {here.database} TO {here.role}`, or a superuser"
            f" `CREATE SCHEMA {here.schema} AUTHORIZATION {here.role}`, {_MIGRATE}",
        )
    return None


def _undivided(connection: Connection) -> str | None:
    """Name the schema with the tables of an installation that is not divided yet; None: there is none, or it is by now."""
    rows = connection.execute(
        "SELECT nspname, quote_ident(nspname), count(relname) FROM pg_namespace"
        " LEFT JOIN pg_class ON relnamespace = pg_namespace.oid AND relkind = 'r' AND relname IN (?, ?, ?)"
        " WHERE nspname IN ('public', current_user) OR starts_with(nspname, ?) GROUP BY nspname",
        (*_OURS, SCHEMA_OF_A_TEAM),
    ).fetchall()
    if any(name.startswith(SCHEMA_OF_A_TEAM) for name, _, _ in rows):
        return None
    return next((written for _, written, tables in rows if tables == len(_OURS)), None)
