"""The store's statements on a connection of psycopg, which writes `%s` where SQLite has `?`."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Sequence
from functools import lru_cache
from typing import Any, LiteralString, cast

import psycopg
from psycopg import sql as text

from ...types import EVERYBODY, Scope
from ..connection import Cursor


class Statements:
    """A `Connection` of the store on one of psycopg's."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._scope = EVERYBODY

    @property
    def scope(self) -> Scope:
        """Whose things the transaction sees, and whose is what it writes."""
        return self._scope

    @contextlib.contextmanager
    def within(self, scope: Scope) -> Generator[None]:
        """Run what is inside in another scope, to which the rows' own policies hold it as well."""
        before = self._scope
        self._enter(scope)
        try:
            yield
        except psycopg.Error:
            self._scope = before  # the transaction is dead, and the database's own setting ends with it
            raise
        except BaseException:
            with contextlib.suppress(psycopg.errors.InFailedSqlTransaction):
                self._enter(before)
            raise
        self._enter(before)

    def _enter(self, scope: Scope) -> None:
        self._connection.execute(set_scope(scope), prepare=False)
        self._scope = scope

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Cursor:
        """Run one statement with a value for each `?` in it."""
        return self._connection.execute(_written(sql), parameters)

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> Cursor:
        """Run one statement with each of these values in turn."""
        cursor = self._connection.cursor()
        for row in (
            parameters
        ):  # psycopg's own way sends all before it reads the first answer, and logs it if one fails
            cursor.execute(_written(sql), row)
        return cursor


def set_scope(scope: Scope) -> text.Composed:
    """Write the statement that tells the policies on rows, for this transaction, whose may be seen and written."""
    return text.SQL("SET LOCAL seedance.person = {}").format("*" if scope.sees_all else f"={scope.person}")


@lru_cache(maxsize=1024)
def _written(sql: str) -> LiteralString:
    """Write a statement with `%s` for each `?` and `%%` for each `%`; what is between quotes keeps its question marks."""
    parts = sql.replace("%", "%%").split("'")
    parts[::2] = [part.replace("?", "%s") for part in parts[::2]]  # a quote inside of quotes is written twice
    return cast("LiteralString", "'".join(parts))
