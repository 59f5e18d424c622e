"""Deliberate mistakes in the money core, each one change of its source, and what each would break."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import NamedTuple


class Mutant(NamedTuple):
    """
    One mistake: in the definition of that qualified name (a function, a class, a constant) of the module of that dotted
    name, `old` becomes `new`; see `mutants_edit`.

    `seed` is a schedule that is known to find it; the others are tried when it does so no more. What the simulation
    does not play is noticed by `test` instead (a path from the root of the project, `::` and a name).
    """

    name: str
    module: str
    definition: str
    old: str
    new: str
    breaks: str
    seed: int = 0
    test: str = ""


def _read() -> tuple[Mutant, ...]:
    with Path(__file__).with_name("mutants.toml").open("rb") as file:
        return tuple(Mutant(**found) for found in tomllib.load(file)["mutant"])


MUTANTS = _read()
