"""The store's statements on a connection of psycopg, which writes `%s` where SQLite has `?`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, LiteralString, cast

import psycopg

from ..connection import Cursor


class Statements:
    """A `Connection` of the store on one of psycopg's."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

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


@lru_cache(maxsize=1024)
def _written(sql: str) -> LiteralString:
    """Write a statement with `%s` for each `?` and `%%` for each `%`; what is between quotes keeps its question marks."""
    parts = sql.replace("%", "%%").split("'")
    parts[::2] = [part.replace("?", "%s") for part in parts[::2]]  # a quote inside of quotes is written twice
    return cast("LiteralString", "'".join(parts))
