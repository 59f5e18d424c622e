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
        ConfigError: the library for PostgreSQL is not installed.
        StoreError: the database cannot be used.
    """
    if settings.database_url is None:
        return open_store(settings.state_dir, patience=patience)
    return _postgres().open_postgres_store(settings.database_url.get_secret_value(), settings.state_dir)


def migrate_chosen(url: SecretStr | None) -> tuple[int, int]:
    """
    Bring the tables of the database in PostgreSQL to this version; returns which they had (0: none), and which they have.

    Raises:
        ConfigError: there is no such database in the settings, or the library for it is not installed.
        StoreError: it cannot be reached or written to, or a newer version made its tables.
    """
    if url is None:
        raise ConfigError(
            f"{_URL} is not set, so the job database is a file, which is brought up to date by whatever opens it.",
            hint=f"Set {_URL} to the address of a database in PostgreSQL, if you want one.",
        )
    return _postgres().migrate(url.get_secret_value())


def _postgres() -> ModuleType:
    try:
        from . import postgres
    except ImportError:
        raise ConfigError(
            f"{_URL} is set, and what connects to PostgreSQL is not installed.",
            hint=f"Run `{extra_command('team')}`, then start again.",
        ) from None
    return postgres
