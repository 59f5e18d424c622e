"""Asks the person at the terminal."""

from __future__ import annotations

import sys

from ..config import pasted_key
from ..errors import ConfigError


def at_a_terminal() -> bool:
    """True if there is somebody who can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def says_yes(question: str) -> bool:
    """
    Put a question; anything but y or yes is a no. Ctrl-C raises KeyboardInterrupt.

    To be called outside of an event loop, which would keep Ctrl-C to itself until the line is there.
    """
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return _line().lower() in ("y", "yes")


def asks_for_a_line(question: str) -> str:
    """Put a question and return the answer without blanks around it; empty at the end of input, or if it is no text."""
    print(question, end="", file=sys.stderr, flush=True)
    return _line()


def asks_for_a_key(question: str) -> str:
    """
    Put a question whose answer is not shown, and return the key in it; empty for Enter alone.

    Raises:
        ConfigError: it cannot be a key; the message does not repeat it.
    """
    from getpass import getpass

    try:
        return pasted_key(getpass(question, stream=sys.stderr if sys.platform == "win32" else None))
    except EOFError:
        return ""
    except UnicodeDecodeError:
        raise ConfigError(
            "That cannot be a key: there are bytes in it that are no text.",
            hint="Copy the key from the provider's page again. Nothing was stored.",
        ) from None


def _line() -> str:
    try:
        return sys.stdin.readline().strip()
    except UnicodeDecodeError:  # a terminal sends whatever bytes are typed or pasted
        return ""
