"""The job database in PostgreSQL, for several machines: the same transactions as on SQLite, and one lock for all that write."""

from .database import SCHEMA_VERSION, PostgresDatabase, migrate, open_postgres
from .store import PostgresStore, open_postgres_store

__all__ = [
    "SCHEMA_VERSION",
    "PostgresDatabase",
    "PostgresStore",
    "migrate",
    "open_postgres",
    "open_postgres_store",
]
