"""Finds variables that were meant as settings and are none: a limit under a wrong name limits nothing."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from functools import cache

from .settings import Settings

__all__ = [
    "ENVIRONMENT",
    "PREFIX",
    "UnknownName",
    "is_declared",
    "meant_for_us",
    "nearest",
    "suspects",
    "unknown_names",
]

ENVIRONMENT = "environment"
"""Where a setting is from that no file holds."""

PREFIX = "SEEDANCE_"
_ABOUT_MONEY = frozenset(
    {"USD", "BUDGET", "CAP", "CONFIRM", "COST", "LIMIT", "LIMITS", "PRICE", "SPEND", "SPENDING"}
)
_LIKE_THE_PREFIX = 0.7


@dataclass(frozen=True, kw_only=True)
class UnknownName:
    """A name that is no setting's: where it stands, the real one most like it, and whether it seems to limit spending."""

    name: str
    origin: str
    near: str | None
    is_limit: bool

    @property
    def place(self) -> str:
        """Where it stands, in words."""
        return "the environment" if self.origin == ENVIRONMENT else self.origin

    @property
    def advice(self) -> str:
        """What to do about it."""
        return f"Did you mean {self.near}?" if self.near else "Remove it, or correct its name."

    def __str__(self) -> str:
        return f"{self.name} (from {self.place}) is no setting and does nothing. {self.advice}"


def meant_for_us(name: str) -> bool:
    """Return whether a variable of the environment has our prefix, or one of our names behind a prefix much like it."""
    head, _, tail = _spelt(name).partition("_")
    if f"{head}_" == PREFIX:
        return True
    ours = f"{PREFIX}{tail}" in _declared()
    return ours and difflib.SequenceMatcher(None, f"{head}_", PREFIX).ratio() > _LIKE_THE_PREFIX


def suspects(settings: Settings) -> dict[str, str]:
    """
    Return the names that are no declared setting's, each with its origin.

    In the environment only what seems to be meant for us counts, in the settings file every name. A provider's key or
    base URL may be among them: only the catalogue knows those.
    """
    return {
        name: origin
        for name, origin in sorted(settings.sources.items())
        if name not in _declared() and (origin != ENVIRONMENT or meant_for_us(name))
    }


def unknown_names(
    settings: Settings, *, providers: Collection[str], keys: Collection[str]
) -> tuple[UnknownName, ...]:
    """List what was given and is no setting; `providers` are the names of all, `keys` the variables of their keys."""
    limits = _declared()
    known = {*limits, *(f"{PREFIX}{name.upper()}_BASE_URL" for name in providers), *keys}
    found: list[UnknownName] = []
    for name, origin in suspects(settings).items():
        if name in known:
            continue
        meant = _nearest(name, known)
        is_limit = limits.get(meant, False) if meant else False
        is_limit = is_limit or not _ABOUT_MONEY.isdisjoint(_tail(name).split("_"))
        found.append(UnknownName(name=name, origin=origin, near=meant, is_limit=is_limit))
    return tuple(found)


def is_declared(name: str) -> bool:
    """Return whether a setting has this name."""
    return name in _declared()


def nearest(name: str) -> str | None:
    """Return the setting whose name is most like this one; None: none is."""
    return _nearest(name, _declared())


def _nearest(name: str, known: Collection[str]) -> str | None:
    near = {one.removeprefix(PREFIX): one for one in known}
    like = difflib.get_close_matches(_tail(name), near, n=1)
    return near[like[0]] if like else None


def _spelt(name: str) -> str:
    """The name as settings are written: in capitals, with an underscore where some clients' files have a hyphen."""
    return name.upper().replace("-", "_")


def _tail(name: str) -> str:
    """What follows the prefix, or what is meant for it; of a name inside a table, its own."""
    name = _spelt(name.rpartition(".")[2])
    head, _, tail = name.partition("_")
    return tail if f"{head}_" == PREFIX or f"{PREFIX}{tail}" in _declared() else name


@cache
def _declared() -> Mapping[str, bool]:
    """Every setting, and whether it limits spending."""
    return {entry.metadata["name"]: entry.metadata["limits"] for entry in fields(Settings) if entry.metadata}
