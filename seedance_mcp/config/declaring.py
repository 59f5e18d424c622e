"""How a setting is declared: its name, how it is read, its default, and what it means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Any, Literal

from . import cleaning

Clean = Callable[[str], str]
"""Takes off what is around a value; empty: it counts as not set. Raises NotAllowed."""


def setting(
    name: str,
    parse: Callable[[str], Any],
    default: Any,
    help_text: str,
    *,
    clean: Clean = cleaning.plain,
    role: Literal["secret", "limit"] | None = None,
) -> Any:
    """
    Declare a setting.

    A `secret` may hold a password, and is never repeated in a message. A `limit` of spending stops all purchases
    while it stands under a wrong name.
    """
    return field(
        default=default,
        metadata={
            "name": name,
            "parse": parse,
            "help": help_text,
            "clean": clean,
            "secret": role == "secret",
            "limits": role == "limit",
        },
    )
