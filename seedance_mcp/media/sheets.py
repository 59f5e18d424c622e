"""Sheets: a video, its cuts, its sound or several videos at a glance, drawn in confined subprocesses."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from anyio.to_thread import run_sync

from ..errors import InvalidRequest, MediaError
from ..types import MAX_COMPARED, MAX_SHEET_FRAMES
from .access.descriptors import open_plain
from .confine import Limits, Reply, UnfinishedInspection, naming, run_worker, together
from .worker.layout import MAX_PIXELS, MAX_SIDE

MIN_BYTES = 8_000
MAX_BYTES = 150_000
_LIMITS = Limits(seconds=120)
_PIXELS_PER_TOKEN = 750
"""What a picture costs Claude, by Anthropic's documentation of vision."""


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """
    A drawn sheet: a JPEG and its pixels.

    No side is longer than 1,568 pixels and there are at most 1,150,000 of them, so that a look at it costs at most 1,534
    `tokens`.
    """

    jpeg: bytes
    width: int
    height: int

    @property
    def tokens(self) -> int:
        """About how many tokens it costs Claude to look at it."""
        return math.ceil(self.width * self.height / _PIXELS_PER_TOKEN)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One of several videos, and in a few letters which one it is; on a sheet only those of ASCII can be written."""

    path: Path
    label: str


async def contact_sheet(
    path: Path,
    *,
    frames: int = 9,
    start: float = 0.0,
    end: float | None = None,
    max_bytes: int = MAX_BYTES,
) -> Sheet:
    """
    Draw evenly spaced frames with their times, those at `start` and `end` among them.

    Without those they are the first and the last one. A stretch with fewer frames gives a smaller sheet. Size and quality
    go down until the JPEG has at most `max_bytes`. The path must come from us or from `inspect`: it is opened as it is.

    Raises:
        InvalidRequest: `frames` is not 1 to 36, or `max_bytes` is below 8,000.
        MediaError: the file is no video that decodes.
    """
    _check(frames, max_bytes)
    return await _drawn(path, "sheet", frames=frames, start=start, end=end, max_bytes=max_bytes)


async def cut_sheet(path: Path, cuts: Sequence[float], *, max_bytes: int = MAX_BYTES) -> Sheet:
    """
    Draw the last frame before and the first one after each of these cuts, joined, each with its time.

    Raises:
        InvalidRequest: there are not 1 to 18 cuts, or as in `contact_sheet`.
        MediaError: the file is no video that decodes.
    """
    _check(2 * len(cuts), max_bytes)
    return await _drawn(path, "cuts", cuts=list(cuts), max_bytes=max_bytes)


async def sound_sheet(
    path: Path, *, start: float, end: float, cuts: Sequence[float] = (), max_bytes: int = MAX_BYTES
) -> Sheet:
    """
    Draw the level of the sound between two times, with its silences; `cuts` are marked. All channels count together.

    Raises:
        InvalidRequest: `max_bytes` is below 8,000.
        MediaError: the file has no sound, or it does not decode.
    """
    _check(1, max_bytes)
    inside = [cut for cut in cuts if start <= cut <= end][:MAX_SHEET_FRAMES]
    return await _drawn(path, "sound", start=start, end=end, cuts=inside, max_bytes=max_bytes)


async def comparison_sheet(
    rows: Sequence[Row], times: Sequence[float], *, max_bytes: int = MAX_BYTES
) -> Sheet:
    """
    Draw the same times of several videos under each other, each video with a letter; what has ended has empty places.

    Each video is decoded in a subprocess of its own, and one more draws the sheet.

    Raises:
        InvalidRequest: there are not 2 to 6 videos, or more than 36 pictures, or as in `contact_sheet`.
        MediaError: one of the files is no video that decodes, or the frames could not be kept on disk meanwhile.
    """
    if not 2 <= len(rows) <= MAX_COMPARED:
        raise InvalidRequest([f"{len(rows)} videos are compared; allowed are 2 to {MAX_COMPARED}"])
    count = len(rows) * len(times)
    _check(count, max_bytes)
    pixels = MAX_PIXELS // count
    order = {"times": list(times), "pixels": pixels}
    replies = await together([partial(decoded, row.path, "cells", order, len(times)) for row in rows])
    head = [
        {"label": row.label, "cells": [cell and asdict(cell) for cell in found.cells]}
        for row, found in zip(rows, replies, strict=True)
    ]
    return await composed("compose", head, [found.pixels for found in replies], max_bytes)


@dataclass(frozen=True)
class Cell:
    """A decoded frame: its time in seconds, its sides in pixels."""

    time: float
    width: int
    height: int

    @property
    def bytes(self) -> int:
        """How many bytes its pixels have, as red, green and blue."""
        return 3 * self.width * self.height


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """Frames of one video, None where there is none, their pixels one after the other, and what else the worker found."""

    cells: tuple[Cell | None, ...]
    pixels: bytes
    facts: Mapping[str, Any]


async def decoded(path: Path, task: str, order: Mapping[str, object], most: int) -> Decoded:
    """
    Let a worker decode at most so many frames of a video; its answer is checked, for a decoder may have been taken over.

    Raises:
        MediaError: the file is no video that decodes; its name is said.
    """
    from pydantic import TypeAdapter, ValidationError

    with naming(path):
        reply = await _asked(path, task, order)
        try:
            cells = TypeAdapter(tuple[Cell | None, ...]).validate_python(reply.facts["cells"])
        except (KeyError, ValidationError):
            cells = ()
        there = [cell for cell in cells if cell]
        if (
            not 0 < len(cells) <= most
            or any(not 0 < side <= MAX_SIDE for cell in there for side in (cell.width, cell.height))
            or sum(cell.bytes for cell in there) != len(reply.payload)
        ):
            raise UnfinishedInspection("The file could not be read: the decoder answered nonsense.")
    return Decoded(cells=cells, pixels=reply.payload, facts=reply.facts)


async def composed(task: str, head: object, pixels: Sequence[bytes], max_bytes: int) -> Sheet:
    """
    Let a worker draw decoded frames on one sheet; `head` tells it what they are.

    Raises:
        MediaError: the frames could not be kept on disk meanwhile.
    """
    try:
        with tempfile.TemporaryFile() as file:
            file.write(json.dumps(head).encode() + b"\n")
            for piece in pixels:
                await run_sync(file.write, piece)
            file.flush()
            reply = await run_worker(task, {"max_bytes": max_bytes}, source=file.fileno(), limits=_LIMITS)
    except OSError as error:
        raise MediaError(
            f"The frames cannot be kept on disk to draw the sheet: {error.strerror or type(error).__name__}.",
            hint="Free some space in the system's folder for temporary files.",
        ) from error
    return _sheet(reply)


async def _drawn(path: Path, task: str, **order: object) -> Sheet:
    return _sheet(await _asked(path, task, order))


async def _asked(path: Path, task: str, order: Mapping[str, object]) -> Reply:
    source = open_plain(path)
    try:
        return await run_worker(task, order, source=source, limits=_LIMITS)
    finally:
        os.close(source)


def _sheet(reply: Reply) -> Sheet:
    return Sheet(jpeg=reply.payload, width=reply.facts["width"], height=reply.facts["height"])


def _check(frames: int, max_bytes: int) -> None:
    problems = (
        []
        if 1 <= frames <= MAX_SHEET_FRAMES
        else [f"frames is {frames}; allowed are 1 to {MAX_SHEET_FRAMES}"]
    )
    if max_bytes < MIN_BYTES:
        problems.append(f"max_bytes is {max_bytes}; allowed is {MIN_BYTES} or more")
    if problems:
        raise InvalidRequest(problems)
