"""What a check-up found out about one thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Area = Literal[
    "program",
    "settings",
    "folders",
    "database",
    "jobs",
    "money",
    "video",
    "catalogue",
    "providers",
    "clients",
]
Verdict = Literal["ok", "off", "warning", "problem"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """
    What was found out about one thing.

    `off` is something that is not set up and need not be; only a `problem` can stand in the way of a video.
    """

    area: Area
    subject: str
    verdict: Verdict
    text: str
    hint: str = ""
    only_purchases: bool = False
    """A problem that stands in the way of whatever costs money, and not of the sandbox's placeholders."""
    free: bool = False
    """A seller whose videos are placeholders and cost nothing."""
