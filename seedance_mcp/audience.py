"""For whom an answer is: somebody at the machine of the server, or somebody to whom its files and paths are of no use."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Audience:
    """
    Who is answered. `afar`: at another machine, or another person than the one whose machine this is.

    `board` is the address at which they see the board over HTTP; empty where the server serves none. `team` is the team
    that they are in, where there are several.
    """

    afar: bool = False
    board: str = ""
    team: str = ""


_HERE = Audience()
_AUDIENCE: ContextVar[Audience] = ContextVar("audience", default=_HERE)


def audience() -> Audience:
    """Return whom the answer goes to."""
    return _AUDIENCE.get()


def from_afar() -> bool:
    """Return whether the answer goes to another machine, or to another person than the one whose machine this is."""
    return _AUDIENCE.get().afar


@contextlib.contextmanager
def answering(whom: Audience) -> Generator[None]:
    """Let everything that is told in here be for these."""
    before = _AUDIENCE.set(whom)
    try:
        yield
    finally:
        _AUDIENCE.reset(before)
