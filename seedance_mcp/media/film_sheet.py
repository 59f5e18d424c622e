"""Film sheets: the shots of a film at a glance, one row for each, with both sides of every cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from ..errors import InvalidRequest
from .confine import together
from .sheets import MAX_BYTES, MIN_BYTES, Cell, Decoded, Sheet, composed, decoded
from .worker.layout import MAX_PIXELS

ROWS_ON_A_SHEET = 10
"""With more, the pictures would get too small to judge them by."""

_LEAST_FRAMES, _MOST_FRAMES = 4, 6


@dataclass(frozen=True, kw_only=True)
class ShotClip:
    """
    The clip of one shot of a film. `take` is which attempt at the shot it is, None where that is not told.

    With `drop_first` the film leaves out its first frame, because that repeats the last one of the shot before.
    """

    path: Path
    shot: str
    take: int | None = None
    drop_first: bool = False


@dataclass(frozen=True, kw_only=True)
class FilmSheet:
    """One of `of` sheets of a film, counted by `number` from 1, and the ids of the shots on it."""

    sheet: Sheet
    shots: tuple[str, ...]
    number: int
    of: int


@dataclass(frozen=True)
class _Edge:
    """The last picture of a shot, which the row of the next one begins with."""

    cell: Cell
    pixels: bytes


async def film_sheets(
    clips: Sequence[ShotClip], *, frames: int = 5, max_bytes: int = MAX_BYTES
) -> tuple[FilmSheet, ...]:
    """
    Draw a row for each shot: its number and id, take and seconds, and evenly spaced frames, the first and last among them.

    Ahead of them, touching the first frame, stands the last one of the shot before, so that both sides of each cut of the
    film lie side by side. Times count from the beginning of the clip. A sheet has at most ten rows; further shots go
    on further sheets, of at most `max_bytes` each. The paths must come from us or from `inspect`.

    Raises:
        InvalidRequest: there are no clips, `frames` is not 4 to 6, or `max_bytes` is below 8,000.
        MediaError: one of the files, which is named, is no video that decodes, or the disk is full.
    """
    _check(clips, frames, max_bytes)
    starts = range(0, len(clips), ROWS_ON_A_SHEET)
    sheets: list[FilmSheet] = []
    edge: _Edge | None = None
    for number, start in enumerate(starts, start=1):
        shown = clips[start : start + ROWS_ON_A_SHEET]
        pixels = MAX_PIXELS // (len(shown) * (frames + 1))
        rows = await together([partial(_decoded, clip, frames, pixels) for clip in shown])
        heading = (
            f"Sheet {number} of {len(starts)}: shots {start + 1} to {start + len(shown)} of {len(clips)}"
            if len(starts) > 1
            else ""
        )
        head: list[dict[str, object]] = []
        pieces: list[bytes] = []
        for place, (clip, row) in enumerate(zip(shown, rows, strict=True), start=start + 1):
            head.append(_described(place, clip, row, edge))
            pieces += [edge.pixels if edge else b"", row.pixels]
            edge = _edge(row)
        drawn = await composed("film_sheet", {"heading": heading, "rows": head}, pieces, max_bytes)
        shots = tuple(clip.shot for clip in shown)
        sheets.append(FilmSheet(sheet=drawn, shots=shots, number=number, of=len(starts)))
    return tuple(sheets)


async def _decoded(clip: ShotClip, frames: int, pixels: int) -> Decoded:
    order = {"frames": frames, "drop_first": clip.drop_first, "pixels": pixels}
    return await decoded(clip.path, "shot", order, frames)


def _described(number: int, clip: ShotClip, row: Decoded, edge: _Edge | None) -> dict[str, object]:
    take = [] if clip.take is None else [f"take {clip.take}"]
    return {
        "number": number,
        "label": clip.shot,
        "words": ", ".join([*take, f"{float(row.facts['seconds']):.2f} s"]),
        "cells": [cell and asdict(cell) for cell in (edge.cell if edge else None, *row.cells)],
    }


def _edge(row: Decoded) -> _Edge | None:
    last = row.cells[-1]
    return _Edge(last, row.pixels[-last.bytes :]) if last else None


def _check(clips: Sequence[ShotClip], frames: int, max_bytes: int) -> None:
    problems: list[str] = []
    if not clips:
        problems.append("there is no shot to draw")
    if not _LEAST_FRAMES <= frames <= _MOST_FRAMES:
        problems.append(f"frames is {frames}; allowed are {_LEAST_FRAMES} to {_MOST_FRAMES}")
    if max_bytes < MIN_BYTES:
        problems.append(f"max_bytes is {max_bytes}; allowed is {MIN_BYTES} or more")
    if problems:
        raise InvalidRequest(problems)
