"""Finds a ratio or a resolution that is meant as a setting: "a cat, 16:9" and 竖屏9:16, not "a 4K television"."""

from __future__ import annotations

import re

_VALUE = re.compile(
    r"(?<![0-9A-Za-z_:.])(?:(?P<ratio>16:9|9:16|4:3|3:4|21:9)(?!\s*[ap]\.?m\b)|(?:480|720|1080)p|4k)(?![0-9A-Za-z_:])",
    re.IGNORECASE,
)
_SETTING = (
    r"videos?|footage|clips?|film|movie|resolution|ratio|aspect|format|quality|u?hd|hdr|cinematic|vertical|horizontal"
    r"|landscape|portrait|widescreen|output|render(?:ing)?|(?:16:9|9:16|4:3|3:4|21:9|480p|720p|1080p|4k)(?!\w)"
)
_BEHIND = re.compile(
    rf"\s*(?:[-,.;!?)\]\n，。；、！）】/|]|$)|\s+(?:{_SETTING})"
    r"|\s*的?(?:视频|画面|画质|分辨率|比例|画幅|竖屏|横屏|超清|高清|宽屏|格式|短片)",
    re.IGNORECASE,
)
"""What follows a setting: the end of the clause, or the word for what is set."""
_LED_TO = re.compile(
    r"(?:\b(?:in|ratio|aspect|resolution|format|quality)|竖屏|横屏|比例|画幅|分辨率|画质)\s*(?:of|is|为|是|[:=：])?\s*$",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    r"(?:\b(?:scored?|goals?|wins?|won|leads?|leading|beats?|stands?|lost|loses?|ends?|result|final)\b|比分|得分|领先|获胜)[^.,;，。；\n]*$"
    r"|\b(?:at|clock|reads|shows|until|by|before|after|around|since)\s*$|时间\s*$",
    re.IGNORECASE,
)
"""What stands before a score or a time of day."""
_LOOK_BACK = 60


def has_parameter(text: str) -> bool:
    """Return whether the text sets a ratio or a resolution."""
    return any(_is_setting(text, match) for match in _VALUE.finditer(text))


def _is_setting(text: str, match: re.Match[str]) -> bool:
    before = text[max(0, match.start() - _LOOK_BACK) : match.start()]
    if match["ratio"] and _COUNTED.search(before):
        return False
    return _LED_TO.search(before) is not None or _BEHIND.match(text, match.end()) is not None
