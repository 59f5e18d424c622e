"""Finds the commands that older models read out of a prompt, which could change the price behind our back."""

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
_COMMAND = re.compile(rf"(?<!\S)--({'|'.join(_FIELDS)})(?![\w-])(?:[\s=]+([^\s-]\S*))?", re.IGNORECASE)
_OTHER_COMMAND = re.compile(r"(?<!\S)--([A-Za-z][\w-]*)[\s=]+\S")


def command_problems(prompt: str) -> list[str]:
    """Name every text command in the prompt, with the field to use instead."""
    problems: list[str] = []
    for match in _COMMAND.finditer(prompt):
        field = _FIELDS[match[1].lower()]
        use = f"use the field {field} instead" if field else "every model makes 24 frames per second"
        problems.append(f"prompt: take {match[0].strip()!r} out; the model would read it as a command: {use}")
    return problems


def unknown_commands(prompt: str) -> list[str]:
    """Give every `--word value` in the prompt that is no known command."""
    return [f"--{match[1]}" for match in _OTHER_COMMAND.finditer(prompt) if match[1].lower() not in _FIELDS]
