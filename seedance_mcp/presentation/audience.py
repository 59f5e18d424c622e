"""For whom an answer is: somebody at the machine of the server, or somebody to whom its files are of no use."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from contextvars import ContextVar

_FROM_AFAR: ContextVar[bool] = ContextVar("from_afar", default=False)


def from_afar() -> bool:
    """Return whether the answer goes to another machine, or to another person than the one whose machine this is."""
    return _FROM_AFAR.get()


@contextlib.contextmanager
def answering_from_afar(afar: bool) -> Generator[None]:
    """Let everything that is told in here be for somebody elsewhere, or here."""
    before = _FROM_AFAR.set(afar)
    try:
        yield
    finally:
        _FROM_AFAR.reset(before)
