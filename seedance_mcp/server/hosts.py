"""How long each assistant lets a call take, from `hosts.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Waits:
    """
    Seconds that a call may wait for a job.

    `generate` and `check` are for calls that do not say how long; `most` bounds what a call may ask for.
    """

    generate: float
    check: float
    most: float


def waits(client: str, *, wants_progress: bool) -> Waits:
    """
    Look up a client by the name it gives itself; several products add a version or a server's name to it.

    Of a client that is not in the table, nothing is known but whether it wants progress: some give up after
    five seconds, and one that shows progress has a person in front of it who sees that something happens.
    """
    name = client.casefold()
    for starts, found in _table():
        if name.startswith(starts):
            return found
    if wants_progress:
        return Waits(generate=25, check=50, most=600)
    return Waits(generate=0, check=25, most=600)


@cache
def _table() -> tuple[tuple[tuple[str, ...], Waits], ...]:
    text = resources.files(__name__.rpartition(".")[0]).joinpath("hosts.toml").read_text(encoding="utf-8")
    hosts: list[dict[str, Any]] = tomllib.loads(text)["host"]
    return tuple(
        (
            tuple(start.casefold() for start in host["starts"]),
            Waits(generate=host["wait"], check=host["wait"], most=host["most"]),
        )
        for host in hosts
    )
