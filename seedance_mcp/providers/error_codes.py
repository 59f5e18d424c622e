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
    """
    What a code means for the caller: the class of our error (None: the HTTP status tells), and what to do.

    With `words`, one of these has to fit something that is said as well. `switch` names a true-or-false argument of
    the request that avoids this when it is false.
    """

    codes: tuple[str, ...]
    error: type[ProviderError] | None
    hint: str
    words: tuple[str, ...] = ()
    switch: str | None = None

    def fits(self, text: str, said: Sequence[str]) -> bool:
        """Return whether this is what `text` means, one of the texts in `said`."""
        return _like(text, self.codes) and (not self.words or any(_like(one, self.words) for one in said))


def _like(text: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)


@dataclass(frozen=True)
class Codes:
    """A provider's error codes, the first line that fits counts."""

    meanings: Sequence[Meaning]

    def meaning(self, *said: str | None) -> Meaning | None:
        """The line for the first of these that is documented: a code such as `InvalidParameter.Duration`, or a text."""
        texts = [text for text in said if text]
        fitting = (line for text in texts for line in self.meanings if line.fits(text, texts))
        return next(fitting, None)


@cache
def read_codes(module: str) -> Codes:
    """
    Read `errors.toml`, which lies beside the module with this dotted name.

    It holds `[[errors]]` with the fields of `Meaning`: `*` stands for anything, `error` is the class by its name.
    """
    folder = resources.files(module.rpartition(".")[0])
    lines = tomllib.loads(folder.joinpath("errors.toml").read_text(encoding="utf-8"))
    return Codes(
        tuple(
            Meaning(
                codes=tuple(line["codes"]),
                error=getattr(errors, line["error"]) if "error" in line else None,
                hint=line["hint"],
                words=tuple(line.get("words", ())),
                switch=line.get("switch"),
            )
            for line in lines["errors"]
        )
    )
