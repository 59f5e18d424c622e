"""The command `migrate`: makes the tables of the database in PostgreSQL, or brings them up to date."""

from __future__ import annotations

import argparse

from ...config import load_settings
from ...store import migrate_chosen


def configure(parser: argparse.ArgumentParser) -> None:
    """Add nothing: the settings name the database."""


def execute(arguments: argparse.Namespace) -> int:
    """Bring the tables up to date, and say what was done."""
    before, now = migrate_chosen(load_settings().database_url)
    if before == now:
        print(f"The tables have version {now} already.")
    elif before:
        print(f"The tables were brought from version {before} to {now}.")
    else:
        print(f"The tables were made, in version {now}.")
    return 0
