"""What psycopg raises, in the store's own errors."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Generator

import psycopg
from psycopg import errors

from ...errors import StoreError
from ..connection import CommitUnknown, Conflict

_REFUSED = (
    (
        "password authentication failed|no password supplied",
        "Correct the role's name or password in SEEDANCE_DATABASE_URL: every other character than a letter or a digit in the"
        " password is written as %XX.",
    ),
    (
        'database ".*" does not exist',
        "Make the database (`CREATE DATABASE … OWNER …`), or correct its name at the end of SEEDANCE_DATABASE_URL; then run"
        " `seedance-mcp migrate`.",
    ),
    (
        'role ".*" does not exist',
        "Make the role (`CREATE ROLE … LOGIN PASSWORD …`), or correct its name in SEEDANCE_DATABASE_URL.",
    ),
    (
        "no pg_hba.conf entry",
        "PostgreSQL lets this role in from no such address, or not without TLS: see its pg_hba.conf, and sslmode in"
        " SEEDANCE_DATABASE_URL.",
    ),
    (
        "certificate|support SSL",
        "Correct what SEEDANCE_DATABASE_URL says of TLS: with sslmode=verify-full the server's name has to be in its"
        " certificate, and whoever signed that in sslrootcert (a file, or sslrootcert=system).",
    ),
    (
        "too many clients|too many connections|connection slots are reserved",
        "PostgreSQL lets in no more connections. Each server and worker of ours holds up to 7 for each team, beside whoever"
        " else uses it: raise its max_connections, or the limit of the role or the database, or run fewer of them.",
    ),
    (
        "failed to resolve|could not translate host",
        "Correct the host's name in SEEDANCE_DATABASE_URL, or see that it can be looked up from here.",
    ),
)
"""What libpq says of a connection that did not come about, which has no SQLSTATE, and what to do about it."""

_BUSY = (errors.LockNotAvailable, errors.DeadlockDetected)


@contextlib.contextmanager
def explained() -> Generator[None]:
    """
    Translate what psycopg raises inside. A mistake in a statement stays what it is.

    Raises:
        Conflict: a row breaks a rule of its table.
        StoreError: the database cannot be used now, or is damaged.
    """
    try:
        yield
    except psycopg.IntegrityError as error:
        raise Conflict(_first_line(error)) from error
    except psycopg.OperationalError as error:
        if isinstance(error, _BUSY):
            hint = "Another process holds the job database; try again in a moment."
        elif isinstance(error, errors.DiskFull):
            hint = "The disk of the database is full; free some space, then try again. Nothing was changed."
        else:
            hint = _hint_of_connecting(str(error))
        raise StoreError(f"The job database cannot be used now: {_first_line(error)}.", hint=hint) from error
    except (errors.ReadOnlySqlTransaction, errors.InsufficientPrivilege) as error:
        raise StoreError(
            f"The job database cannot be written to: {_first_line(error)}.",
            hint="Ask whoever runs the database.",
        ) from error
    except (errors.DataCorrupted, errors.IndexCorrupted) as error:
        raise StoreError(
            f"The job database is damaged: {_first_line(error)}.", hint="Ask whoever runs the database."
        ) from error


def commit(connection: psycopg.Connection) -> None:
    """
    Commit the open transaction.

    Raises:
        CommitUnknown: the connection broke before the answer came.
        StoreError: an error inside had ended the transaction already; nothing was changed.
        psycopg.Error: it was refused; nothing was changed.
    """
    try:
        cursor = connection.execute("COMMIT", prepare=False)
    except errors.IdleInTransactionSessionTimeout:
        raise  # the server had ended it before
    except psycopg.OperationalError as error:
        if connection.closed:
            raise CommitUnknown(
                f"The connection to the job database broke while it wrote: {_first_line(error)}. Whether that was done is"
                " not known."
            ) from error
        raise
    if cursor.statusmessage != "COMMIT":
        raise StoreError(
            "The job database undid what was written, for part of it had failed.",
            hint="Try again in a moment.",
        )


def _hint_of_connecting(words: str) -> str:
    """Advise on what PostgreSQL or libpq said; in another language than English only in general."""
    for said, hint in _REFUSED:
        if re.search(said, words):
            return hint
    return "Check that PostgreSQL runs, and can be reached at the host and port of SEEDANCE_DATABASE_URL."


def _first_line(error: psycopg.Error) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
