"""Which database the settings choose: the file in the state folder, or one in PostgreSQL that several processes share."""

from __future__ import annotations

from types import ModuleType

from pydantic import SecretStr

from ..config import Settings, extra_command
from ..errors import ConfigError
from .connection import Store
from .database import open_store

_URL = "SEEDANCE_DATABASE_URL"


def open_chosen(settings: Settings, *, patience: float | None = None) -> Store:
    """
    Open the database; `patience` as in `open_store`, for the file alone.

    Raises:
        ConfigError: the library for PostgreSQL is not installed, or there are several teams and nobody says whose it is.
        StoreError: the database cannot be used.
    """
    if settings.of_teams:
        raise ConfigError(
            f"There are several teams ({', '.join(settings.teams)}), and it is not said which one this is for.",
            hint="Name it: --team TEAM with the command, or SEEDANCE_TEAM.",
        )
    if settings.database_url is None:
        return open_store(settings.state_dir, patience=patience)
    url = settings.database_url.get_secret_value()
    return _postgres().open_postgres_store(url, settings.state_dir, settings.schema)


def migrate_chosen(url: SecretStr | None, schema: str | None = None) -> tuple[int, int]:
    """
    Bring the tables of the database in PostgreSQL to this version; returns which they had (0: none), and which they have.

    `schema` is that of one of several teams, and is made if it is not there.

    Raises:
        ConfigError: there is no such database in the settings, or the library for it is not installed.
        StoreError: it cannot be reached or written to, or a newer version made its tables.
    """
    if url is None:
        raise ConfigError(
            f"{_URL} is not set, so the job database is a file, which is brought up to date by whatever opens it.",
            hint=f"Set {_URL} to the address of a database in PostgreSQL, if you want one.",
        )
    return _postgres().migrate(url.get_secret_value(), schema)


def _postgres() -> ModuleType:
    try:
        from . import postgres
    except ImportError:
        raise ConfigError(
            f"{_URL} is set, and what connects to PostgreSQL is not installed.",
            hint=f"Run `{extra_command('team')}`, then start again.",
        ) from None
    return postgres
