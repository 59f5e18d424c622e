"""The settings of an installation that several teams share, each with a database schema, caps and keys of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from . import places, values
from .declaring import setting
from .serving import ServeSettings

if TYPE_CHECKING:
    from .settings import Settings


SCHEMA_OF_A_TEAM = "seedance_"
"""What the name of each team's schema begins with; the team's follows."""


@dataclass(frozen=True, kw_only=True)
class TeamSettings(ServeSettings):
    """
    Which teams there are, and where what is theirs alone stands.

    Either these are the settings of one `team`, or, where there are `teams` and no `team`, those of all: then `of_teams` has
    the settings of each, and nothing can be opened by these.
    """

    teams: tuple[str, ...] = setting(
        "SEEDANCE_TEAMS",
        values.teams,
        (),
        "Names of the teams that share the installation, with commas between them; each has a schema of its own in"
        ' `SEEDANCE_DATABASE_URL` (`docs/team.md`, "Several teams"). Default: one team, without a name.',
    )
    team: str | None = setting(
        "SEEDANCE_TEAM",
        values.team,
        None,
        "Which of them a command is for, as `--team` says it; a server or worker with it is for that team alone.",
    )
    teams_dir: Path | None = setting(
        "SEEDANCE_TEAMS_DIR",
        places.path,
        None,
        "Folder with a settings file `TEAM.toml` for each team that has settings of its own. Default: `teams` beside the"
        " settings file.",
    )
    team_keys_dir: Path | None = setting(
        "SEEDANCE_TEAM_KEYS_DIR",
        places.path,
        None,
        "Folder with a folder for each team, where a file named like a provider holds the team's key there. Default: `keys`"
        " beside the settings file.",
    )
    team_file: Path | None = None
    """The settings file of the `team`, which need not be there; None: there can be none."""
    team_keys_folder: Path | None = None
    """The folder with the keys of the `team`, which need not be there; None: there can be none."""
    team_keys: Mapping[str, SecretStr] = field(default_factory=dict[str, SecretStr], repr=False)
    """By provider, the key of the `team`; it has no others."""
    unusable_team_keys: Mapping[str, str] = field(default_factory=dict[str, str])
    """By provider, a sentence on a file of the team's that holds no key."""
    of_teams: tuple[Settings, ...] = ()

    @property
    def served_teams(self) -> tuple[str, ...]:
        """The teams that a server or worker with these settings is for; empty: it is for an installation without teams."""
        return self.teams if self.team is None else (self.team,)

    @property
    def schema(self) -> str | None:
        """The schema of the database that has the team's tables; None: that in which the role finds them."""
        return None if self.team is None else f"{SCHEMA_OF_A_TEAM}{self.team}"
