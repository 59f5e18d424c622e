"""Text commands in a prompt: those that could change the price are refused, others are advised against."""

from __future__ import annotations

import re

_FIELDS = {
    "rs": "resolution",
    "resolution": "resolution",
    "rt": "aspect_ratio",
    "ratio": "aspect_ratio",
    "dur": "duration",
    "duration": "duration",
    "frames": "provider_options.frames",
    "seed": "seed",
    "cf": "camera_fixed",
    "camerafixed": "camera_fixed",
    "camera_fixed": "camera_fixed",
    "wm": "watermark",
    "watermark": "watermark",
    "fps": "",
    "framespersecond": "",
}
_DASHES = "[-\u2010-\u2015\u2212]{2,}"  # typed, or made from two hyphens by a word processor
_COMMAND = re.compile(
    rf"{_DASHES}\s*({'|'.join(_FIELDS)})\b(?:[\s=]+(?![-\u2010-\u2015])\S+)?", re.IGNORECASE
)
_ANY_COMMAND = re.compile(r"(?<!\S)--([A-Za-z][\w-]*)")


def command_problems(prompt: str) -> list[str]:
    """Name every text command in the prompt that a model would obey, with the field to use instead."""
    problems: list[str] = []
    for match in _COMMAND.finditer(prompt):
        field = _FIELDS[match[1].lower()]
        use = f"use the field {field} instead" if field else "every model makes 24 frames per second"
        problems.append(f"prompt: take out {match[0].strip()!r}, which the model would obey; {use}")
    return problems


def unknown_commands(prompt: str) -> list[str]:
    """Return the names of what looks like a command that no model has."""
    return [match[1] for match in _ANY_COMMAND.finditer(prompt) if match[1].lower() not in _FIELDS]
