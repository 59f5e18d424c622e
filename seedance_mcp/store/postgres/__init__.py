"""The job database in PostgreSQL, for a team's server: the same transactions as on SQLite, and one lock for all that write."""

from .database import SCHEMA_VERSION, PostgresDatabase, migrate, open_postgres

__all__ = ["SCHEMA_VERSION", "PostgresDatabase", "migrate", "open_postgres"]
