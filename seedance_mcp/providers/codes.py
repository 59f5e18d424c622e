"""Reads what a provider's error codes mean from the table beside its adapter."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources

from .. import errors
from ..errors import ProviderError


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """What a code means for the caller: the class of our error (None: the HTTP status tells), and what to do."""

    codes: tuple[str, ...]
    error: type[ProviderError] | None
    hint: str


@dataclass(frozen=True)
class Codes:
    """A provider's error codes, the first line that fits counts."""

    meanings: Sequence[Meaning]

    def meaning(self, *said: str | None) -> Meaning | None:
        """The line for the first of these that is documented: a code such as `InvalidParameter.Duration`, or a text."""
        fitting = (
            line
            for text in said
            if text
            for line in self.meanings
            if any(fnmatchcase(text, known) for known in line.codes)
        )
        return next(fitting, None)


@cache
def read_codes(name: str) -> Codes:
    """Read `<name>.toml` in this folder: `[[errors]]` with `codes` (`*`: anything), `error`, `hint`."""
    lines = tomllib.loads(
        resources.files("seedance_mcp.providers").joinpath(f"{name}.toml").read_text(encoding="utf-8")
    )
    return Codes(
        tuple(
            Meaning(
                codes=tuple(line["codes"]),
                error=getattr(errors, line["error"]) if "error" in line else None,
                hint=line["hint"],
            )
            for line in lines["errors"]
        )
    )
