"""The worker's task `compose`: frames that other workers have decoded, on one JPEG, a line for each video."""

from __future__ import annotations

import json
from typing import IO, Any

from PIL import Image

from .drawing import Cell, Line, frames_on


def compose(source: IO[bytes], *, max_bytes: int) -> tuple[dict[str, Any], bytes]:
    """
    Draw the lines that `source` holds: a line of JSON, then the bytes of all frames as `draw_cells` gives them.

    The JSON is a list of videos, each with a `label` and the `cells` as `draw_cells` tells of them.
    """
    source.seek(0)
    lines = [
        Line([read_cell(cell, source) for cell in video["cells"]], video["label"])
        for video in json.loads(source.readline())
    ]
    jpeg, size = frames_on(lines, joined=1, max_bytes=max_bytes)
    return {"width": size[0], "height": size[1]}, jpeg


def read_cell(cell: dict[str, Any] | None, source: IO[bytes]) -> Cell | None:
    """Read the next frame; `cell` is what the JSON says of it."""
    if cell is None:
        return None
    size = cell["width"], cell["height"]
    return cell["time"], Image.frombytes("RGB", size, source.read(size[0] * size[1] * 3))
