"""The worker's tasks `sheet`, `cuts`, `cells` and `shot`: frames of one video, on a JPEG with their times or as they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import IO, Any

from .drawing import Cell, Line, frames_on
from .layout import Wish, arranged
from .picking import Film, opened
from .refusal import RefusalError
from .scanning import AGAIN
from .signatures import Signature

_ENDED_SECONDS = 0.1
"""So long after its end a video's last frame still stands for it: takes of one order differ by some frames."""

Answer = tuple[dict[str, Any], bytes]


def draw_sheet(
    source: IO[bytes], signature: Signature, *, frames: int, start: float, end: float | None, max_bytes: int
) -> Answer:
    """
    Draw a sheet of at most `frames` evenly spaced frames, those of the two times included.

    Raises:
        RefusalError: the video does not decode.
    """
    with opened(source, signature) as film:
        first = film.shown_at(start)
        last = len(film) - 1 if end is None else film.shown_at(end)
        return _sheet(film, _spread(first, last, frames), joined=1, max_bytes=max_bytes)


def draw_cuts(source: IO[bytes], signature: Signature, *, cuts: Sequence[float], max_bytes: int) -> Answer:
    """
    Draw the last frame before each cut and, joined to it, the first one after it.

    Raises:
        RefusalError: the video does not decode.
    """
    with opened(source, signature) as film:
        after = [max(1, film.begins_at(cut)) for cut in cuts]
        wanted = [position for cut in after for position in (cut - 1, cut)]
        return _sheet(film, wanted, joined=2, max_bytes=max_bytes)


def draw_cells(source: IO[bytes], signature: Signature, *, times: Sequence[float], pixels: int) -> Answer:
    """
    Give the frames that are to be seen at these times, each with at most so many `pixels`.

    The payload holds the frames one after the other, as bytes of red, green and blue. `cells` tells the time, width and
    height of each; None where the video has ended.

    Raises:
        RefusalError: the video does not decode.
    """
    with opened(source, signature) as film:
        shown = [
            None if time >= film.end + _ENDED_SECONDS else film.shown_at(min(time, film.end))
            for time in times
        ]
        return _as_they_are(film, shown, pixels)


def draw_shot(
    source: IO[bytes], signature: Signature, *, frames: int, drop_first: bool, pixels: int
) -> Answer:
    """
    Give evenly spaced frames of a shot of a film as `draw_cells` does, its first and its last one among them.

    With `drop_first` the film leaves out the first one. `seconds` tells how long the rest is.

    Raises:
        RefusalError: the video does not decode.
    """
    with opened(source, signature) as film:
        first = 1 if drop_first and len(film) > 1 else 0
        facts, payload = _as_they_are(film, _spread(first, len(film) - 1, frames), pixels)
        return {**facts, "seconds": round(film.end - film.time(first), 3)}, payload


def _spread(first: int, last: int, frames: int) -> list[int]:
    """Evenly spaced positions between two, which are among them; each once."""
    count = max(1, min(frames, last - first + 1))
    return [first + round(place * (last - first) / max(1, count - 1)) for place in range(count)]


def _as_they_are(film: Film, shown: Sequence[int | None], pixels: int) -> Answer:
    wanted = [position for position in shown if position is not None]
    found = film.pictures(wanted, lambda shape: int(math.sqrt(pixels * max(shape, 1 / shape))))
    cells: list[dict[str, Any] | None] = []
    payload = bytearray()
    for position in shown:
        picture = None if position is None else found.get(position)
        if position is None or picture is None:
            cells.append(None)
            continue
        cells.append({"time": film.time(position), "width": picture.width, "height": picture.height})
        payload += picture.tobytes()
    return {"cells": cells}, bytes(payload)


def _sheet(film: Film, wanted: Sequence[int], *, joined: int, max_bytes: int) -> Answer:
    found = film.pictures(
        wanted,
        lambda shape: max(arranged(Wish(places=len(wanted) // joined, shape=shape, joined=joined)).cell),
    )
    groups = [wanted[first : first + joined] for first in range(0, len(wanted), joined)]
    cells: list[Cell] = [
        (film.time(position), found[position])
        for group in groups
        if all(position in found for position in group)
        for position in group
    ]
    if not cells:
        raise RefusalError("The pictures of the video that are asked for cannot be decoded.", AGAIN)
    jpeg, size = frames_on([Line(cells)], joined=joined, max_bytes=max_bytes)
    return {"width": size[0], "height": size[1], "times": [round(time, 3) for time, _ in cells]}, jpeg
