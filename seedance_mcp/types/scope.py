"""For whom something is read and written: one person of those who share an installation, or all of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Scope:
    """
    Whose things are seen, and whose is what is written.

    `person` is empty for whoever runs the installation. With `sees_all` everybody's things are seen; what is written is
    the `person`'s all the same. Who `administers` may agree to prices above `SEEDANCE_APPROVE_ABOVE_USD`.
    """

    person: str = ""
    sees_all: bool = False
    administers: bool = False


OWNER = Scope()
"""Whoever runs the installation: on stdin and stdout, in the terminal, and over HTTP with a token of nobody else's."""

EVERYBODY = Scope(sees_all=True, administers=True)
"""The work that belongs to no call, such as following jobs, and the commands of whoever administers the installation."""
