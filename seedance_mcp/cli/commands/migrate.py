"""The command `migrate`: makes the tables of the database in PostgreSQL, or brings them up to date, for every team."""

from __future__ import annotations

import argparse
import sys

from ...config import load_settings
from ...errors import StoreError
from ...store import migrate_chosen

_SERVED_LATER = " Servers and workers that are running serve this team once they are restarted."


def configure(parser: argparse.ArgumentParser) -> None:
    """Add nothing: the settings name the database."""


def execute(arguments: argparse.Namespace) -> int:
    """Bring the tables up to date, and say what was done. What cannot be done for one team is told, and done for the others."""
    settings = load_settings()
    teams = settings.of_teams or (settings,)
    failure: StoreError | None = None
    for one in teams:
        whose = f"{one.team}: " if one.team else ""
        try:
            before, now = migrate_chosen(one.database_url, one.schema)
        except StoreError as error:
            if len(teams) == 1:
                raise
            print(f"{whose}{error.message} {error.hint}", file=sys.stderr)
            failure = error
            continue
        if before == now:
            print(f"{whose}The tables have version {now} already.")
        elif before:
            print(f"{whose}The tables were brought from version {before} to {now}.")
        else:
            print(f"{whose}The tables were made, in version {now}.{_SERVED_LATER if whose else ''}")
    return 0 if failure is None else 2
