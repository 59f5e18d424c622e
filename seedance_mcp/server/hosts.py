"""What is known of each assistant by the name it gives itself, from `hosts.toml`: its patience, and what it drops."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
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


@dataclass(frozen=True, kw_only=True)
class _Host:
    starts: tuple[str, ...]
    exact: bool
    waits: Waits | None
    without_progress: bool
    links: bool

    def is_called(self, name: str) -> bool:
        return name in self.starts if self.exact else name.startswith(self.starts)


_IMPATIENT = "mcp"
"""What the most impatient client calls itself."""


def waits(client: str, *, wants_progress: bool, named: bool = True) -> Waits:
    """
    Look up a client by the name it gives itself; several products add a version or a server's name to it.

    Of a client that is not in the table, nothing is known but whether it wants progress: some give up after
    five seconds, and one that shows progress has a person in front of it who sees that something happens. One that
    was not `named`, and whose program nobody knows, may be the most impatient of all.
    """
    host = _host(client) or (None if named else _host(_IMPATIENT))
    if host is not None and host.waits is not None and not (host.without_progress and wants_progress):
        return host.waits
    if wants_progress:
        return Waits(generate=25, check=50, most=600)
    return Waits(generate=0, check=25, most=600)


def takes_links(client: str) -> bool:
    """False of a client that is known to throw away an answer over a `resource_link` in it."""
    host = _host(client)
    return host is None or host.links


def _host(client: str) -> _Host | None:
    name = client.casefold()
    return next((host for host in _table() if host.is_called(name)), None)


@cache
def _table() -> tuple[_Host, ...]:
    text = resources.files(__name__.rpartition(".")[0]).joinpath("hosts.toml").read_text(encoding="utf-8")
    hosts: list[dict[str, Any]] = tomllib.loads(text)["host"]
    return tuple(
        _Host(
            starts=tuple(start.casefold() for start in host["starts"]),
            exact=host.get("exact", False),
            waits=_waits(host) if "most" in host else None,
            without_progress=host.get("without_progress", False),
            links=host.get("links", True),
        )
        for host in hosts
    )


def _waits(host: Mapping[str, Any]) -> Waits:
    usual = host.get("wait")
    return Waits(generate=host.get("generate", usual), check=host.get("check", usual), most=host["most"])
