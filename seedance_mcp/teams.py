"""Whose settings a process that serves all teams opens, one after the other; nothing of one team's is in another's."""

from __future__ import annotations

from .config import Settings
from .errors import ConfigError


def teams_of(settings: Settings) -> tuple[Settings, ...]:
    """
    Return the settings of each team; where there are none, or one is named, these settings alone.

    Raises:
        ConfigError: a provider's key stands where it would be everybody's. Teams have none in common: one that was forgotten
            there would have each team spend from one account.
    """
    if not settings.teams:
        return (settings,)
    refuse_common_keys(settings)
    return settings.of_teams or (settings,)


def refuse_common_keys(settings: Settings) -> None:
    """Raise ConfigError if a provider's key stands in what all teams have in common."""
    from .catalog import Catalog

    found = [
        f"{settings.with_place(name)} would be the key of every team."
        for info in Catalog.load(settings.catalog).providers.values()
        for name in info.key_variables
        if name in settings.sources
    ]
    if found:
        raise ConfigError.of(
            [
                *found,
                "With SEEDANCE_TEAMS each team has its own: a file keys/TEAM/PROVIDER beside config.toml.",
            ]
        )
