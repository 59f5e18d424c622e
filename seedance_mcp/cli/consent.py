"""Asks the person at the terminal."""

from __future__ import annotations

import sys


def at_a_terminal() -> bool:
    """True if there is somebody who can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def says_yes(question: str) -> bool:
    """
    Put a question; anything but y or yes is a no. Ctrl-C raises KeyboardInterrupt.

    To be called outside of an event loop, which would keep Ctrl-C to itself until the line is there.
    """
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
