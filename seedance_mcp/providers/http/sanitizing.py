"""Makes text from a provider safe to show: quoted data, never markup, a link or a command to a terminal."""

from __future__ import annotations

import re
import unicodedata

LIMIT = 300
"""Most characters of a provider's text that are kept."""

_READ = 8_000
"""Characters that are looked at; the rest of an endless text costs nothing."""

_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # ANSI: colours, cursor
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f]).*?(?:\x07|\x1b\\|\x9c|$)"  # titles, links, device strings
    r"|\x1b[ -/]*[0-~]?",
    re.DOTALL,
)
_LINKS = re.compile(
    r"[a-z][a-z0-9+.-]{0,15}:/{2}\S*"
    r"|\bwww\.\S+"
    r"|\b(?:data|javascript|vbscript|mailto|file):\S+"
    r"|\b(?:[a-z0-9-]+\.)+[a-z]{2,}/\S*",  # a bare host with a path: some clients make it a link
    re.IGNORECASE,
)
_MARKUP = str.maketrans({"`": "'", "<": "‹", ">": "›", "[": "(", "]": ")", "|": "/", "\\": "/"})

_BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0\u034f\u17b4\u17b5")
"""Letters and symbols that show nothing, so that hidden text can be spelled with them."""


def clean(text: str, *, limit: int = LIMIT) -> str:
    """
    Return `text` on one line, without invisible characters, markup or links, at most `limit` characters long.

    Control, format (bidi, zero-width, tag), private, surrogate and unassigned characters are dropped,
    links are replaced by words, brackets and backquotes by look-alikes that no renderer acts on.
    """
    plain = visible(text[:_READ])
    # Markup first: a backslash or bar that turns into a slash may complete a link.
    plain = _LINKS.sub("(link removed)", plain.translate(_MARKUP))
    plain = " ".join(plain.split())
    return plain if len(plain) <= limit else plain[: limit - 1].rstrip() + "…"


def visible(text: str) -> str:
    """Return `text` without commands to a terminal and characters that show nothing; every kind of space becomes a blank."""
    return "".join(_visible(character) for character in _ESCAPES.sub("", text))


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if character in "\t\n\r\v\f" or category in ("Zs", "Zl", "Zp"):
        return " "
    if category[0] == "C" or character in _BLANKS or _is_variation_selector(character):
        return ""
    return character


def _is_variation_selector(character: str) -> bool:
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
