"""The document that `seedance-mcp film new` writes: a small film in which every field is explained."""

from __future__ import annotations

import json
from importlib.resources import files

from ..texts import one_line

_UNTITLED = "Untitled film"
_MOST_CHARACTERS = 200
_TITLE_LINE = 'title = "Untitled film"\n'


def starter(title: str) -> str:
    """Return a film document in TOML that can be planned as it stands; `title` is written on one line, at most 200 long."""
    text = files("seedance_mcp.films").joinpath("starter.toml").read_text(encoding="utf-8")
    name = one_line(title, _MOST_CHARACTERS) or _UNTITLED
    return text.replace(_TITLE_LINE, f"title = {json.dumps(name, ensure_ascii=False)}\n", 1)
