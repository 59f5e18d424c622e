"""Installations that two teams share, as their settings and files are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from seedance_mcp.config import Settings, load_settings
from seedance_mcp.store import migrate_chosen

from .server import Server

TEAMS = ("red", "blue")


def environment(url: str, folder: Path, **more: str) -> dict[str, str]:
    """What a process of an installation with two teams is started with; their files are below the folder."""
    return {
        "SEEDANCE_TEAMS": ",".join(TEAMS),
        "SEEDANCE_TEAMS_DIR": str(folder / "teams"),
        "SEEDANCE_TEAM_KEYS_DIR": str(folder / "keys"),
        "SEEDANCE_DATABASE_URL": url,
        "SEEDANCE_STATE_DIR": str(folder / "state"),
        "SEEDANCE_OUTPUT_DIR": str(folder / "videos"),
        **more,
    }


def read(environ: Mapping[str, str], folder: Path) -> Settings:
    """The settings of both."""
    return load_settings(environ, settings_file=folder / "no.toml")


def write_settings(folder: Path, team: str, text: str) -> None:
    """Write the settings file of a team."""
    (folder / "teams").mkdir(parents=True, exist_ok=True)
    (folder / "teams" / f"{team}.toml").write_text(text)


def write_key(folder: Path, team: str, provider: str, key: str) -> None:
    """Write the file with a team's key."""
    (folder / "keys" / team).mkdir(parents=True, exist_ok=True)
    (folder / "keys" / team / provider).write_text(f"{key}\n")


def migrated(settings: Settings) -> Settings:
    """Make the tables of all teams."""
    for one in settings.of_teams:
        migrate_chosen(one.database_url, one.schema)
    return settings


def two(server: Server, environ: Mapping[str, str], folder: Path, **more: str) -> tuple[Settings, Settings]:
    """The settings of two teams whose tables are there, in a database of their own."""
    folder.mkdir(exist_ok=True)
    red, blue = both(server, environ, folder, **more).of_teams
    return red, blue


def both(server: Server, environ: Mapping[str, str], folder: Path, **more: str) -> Settings:
    """The settings of a process that is for both teams, whose tables are there, in a database of their own."""
    folder.mkdir(exist_ok=True)
    return migrated(read({**environ, **environment(server.empty(), folder, **more)}, folder))
