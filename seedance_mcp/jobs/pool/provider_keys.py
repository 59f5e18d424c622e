"""What is wrong with providers' keys as they are set: one that cannot be a key, one under a name that nobody reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...config import Settings, suspects
from ...errors import ConfigError

if TYPE_CHECKING:
    from pydantic import SecretStr

    from ...catalog import Catalog, ProviderInfo


def key_of(settings: Settings, info: ProviderInfo) -> SecretStr | None:
    """Return the key that is set for a provider: a team's is the team's own, or there is none."""
    if settings.team is not None:
        return settings.team_keys.get(info.name)
    return settings.secret(*info.key_variables)


def malformed_keys(settings: Settings, catalog: Catalog) -> Mapping[str, str]:
    """Return by provider a sentence on its variable, or a team's file, that holds what cannot be a key; never the value."""
    if settings.team is not None:
        return {
            name: words for name, words in settings.unusable_team_keys.items() if name in catalog.providers
        }
    if not settings.unusable_keys:
        return {}
    found = {name: settings.key_problem(*info.key_variables) for name, info in catalog.providers.items()}
    return {name: problem for name, problem in found.items() if problem is not None}


def misnamed_keys(settings: Settings, catalog: Catalog) -> Mapping[str, str]:
    """
    Return by provider a sentence on a variable that people take for the one of its key; never the value.

    Only names that its data file lists count, and only while its own variable is not set. What `unknown_names` tells
    is left out.
    """
    if settings.team is not None:
        return {}
    told = suspects(settings)
    return {
        name: f"{miss} is set; the variable is {' or '.join(info.key_variables)}."
        for name, info in catalog.providers.items()
        for miss in info.key_near_misses[::-1]
        if miss in settings.sources
        and miss not in told
        and settings.sources.keys().isdisjoint(info.key_variables)
    }


def unfilled_keys(settings: Settings, catalog: Catalog) -> Mapping[str, str]:
    """Return by provider a sentence on its variable that is a `${...}` which nobody filled in, if it has no other."""
    if settings.team is not None or not settings.left_open:
        return {}
    return {
        name: f"{variable} {settings.left_open[variable].words}, so it counts as not set."
        for name, info in catalog.providers.items()
        if settings.sources.keys().isdisjoint(info.key_variables)
        for variable in info.key_variables
        if variable in settings.left_open
    }


def keys_of_nobody(settings: Settings, catalog: Catalog) -> tuple[str, ...]:
    """List a sentence on each file among a team's keys that is named like no provider."""
    return tuple(
        f"The team {settings.team} has a key in the file {name!r}, and no provider has this name."
        for name in sorted({*settings.team_keys, *settings.unusable_team_keys} - set(catalog.providers))
    )


def no_key_of_team(team: str, info: ProviderInfo) -> ConfigError:
    """Make the refusal of a call that wants a provider for which the team has no key."""
    return ConfigError(
        f"The team {team} has no key of {info.title}.",
        hint=f"Whoever runs the server gets one at {info.key_page}, and puts it into the file {info.name} among the keys of the"
        f" team {team} (keys/{team}/{info.name} beside config.toml, or in SEEDANCE_TEAM_KEYS_DIR). Provider 'sandbox' needs"
        " none.",
    )


def not_by_name(provider: str, problem: str, *, setting: bool) -> ConfigError:
    """Make the refusal of a call that wants a provider whose key is malformed; `setting`: SEEDANCE_PROVIDER names it."""
    named = f"SEEDANCE_PROVIDER names {provider}, whose" if setting else f"{provider} cannot be asked: its"
    return ConfigError(
        f"{named} key cannot be used. {problem}",
        hint="The person who runs the server has to correct the key and start the server again: tell them. Other"
        " providers that are ready, and provider 'sandbox', can be named in the call. Nothing was spent.",
    )
