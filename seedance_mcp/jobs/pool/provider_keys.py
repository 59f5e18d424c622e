"""What is wrong with providers' keys as they are set: one that cannot be a key, one under a name that nobody reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...config import Settings, suspects
from ...errors import ConfigError

if TYPE_CHECKING:
    from ...catalog import Catalog


def malformed_keys(settings: Settings, catalog: Catalog) -> Mapping[str, str]:
    """Return by provider a sentence on its variable that holds what cannot be a key; never the value."""
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
    if not settings.left_open:
        return {}
    return {
        name: f"{variable} {settings.left_open[variable].words}, so it counts as not set."
        for name, info in catalog.providers.items()
        if settings.sources.keys().isdisjoint(info.key_variables)
        for variable in info.key_variables
        if variable in settings.left_open
    }


def not_by_name(provider: str, problem: str, *, setting: bool) -> ConfigError:
    """Make the refusal of a call that wants a provider whose key is malformed; `setting`: SEEDANCE_PROVIDER names it."""
    named = f"SEEDANCE_PROVIDER names {provider}, whose" if setting else f"{provider} cannot be asked: its"
    return ConfigError(
        f"{named} key cannot be used. {problem}",
        hint="The person who runs the server has to correct the key and start the server again: tell them. Other"
        " providers that are ready, and provider 'sandbox', can be named in the call. Nothing was spent.",
    )
