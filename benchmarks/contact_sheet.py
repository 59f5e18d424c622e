"""
How long a contact sheet of ten seconds of 1080p takes, against `ffmpeg` drawing one of as many frames and the same size.

    python -m benchmarks contact_sheet
"""

from __future__ import annotations

import io
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import anyio
from PIL import Image

from benchmarks.measures import Measure
from benchmarks.programs import seconds
from seedance_mcp.media import PlaceholderSpec, contact_sheet, render_placeholder

ROUNDS = 7
FRAMES, COLUMNS, GAP = 9, 3, 6
"""As many as `view_video` shows unasked."""


def clip(path: Path) -> None:
    """Draw ten seconds at 1080p."""
    spec = PlaceholderSpec(
        prompt="A red fox runs through fresh snow at dawn.",
        model="seedance-2.0",
        width=1920,
        height=1080,
        duration_seconds=10,
    )
    render_placeholder(spec, path, last_frame=None, progress=lambda _: None, cancelled=lambda: False)


def ours(path: Path) -> tuple[float, bytes]:
    """Draw the sheet as `view_video` does; how long that took, and the JPEG."""
    began = time.perf_counter()
    sheet = anyio.run(lambda: contact_sheet(path, frames=FRAMES))
    return time.perf_counter() - began, sheet.jpeg


def theirs(path: Path, width: int) -> float:
    """Let `ffmpeg` draw as many frames on a sheet as wide."""
    cell = (width - GAP * (COLUMNS + 1)) // COLUMNS
    every = (240 - 1) // (FRAMES - 1)
    tiles = (
        rf"select='not(mod(n\,{every}))',scale={cell}:-2,tile={COLUMNS}x{COLUMNS}:padding={GAP}:margin={GAP}"
    )
    where = ["-i", str(path), "-vf", tiles, "-frames:v", "1", "-vsync", "0", "-q:v", "4"]
    return seconds(["ffmpeg", "-v", "error", "-y", "-nostdin", *where, str(path.with_suffix(".jpg"))])


def measure() -> list[Measure]:
    """Draw both sheets in turn; nothing where `ffmpeg` is not installed."""
    if shutil.which("ffmpeg") is None:
        print("contact sheet: left out, ffmpeg is not installed", file=sys.stderr)
        return []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        clip(path)
        _, jpeg = ours(path)
        width = Image.open(io.BytesIO(jpeg)).width
        theirs(path, width)
        pairs = [(ours(path)[0], theirs(path, width)) for _ in range(ROUNDS)]
    return [
        Measure(
            name="contact sheet of 10 s at 1080p",
            ours=statistics.median(own for own, _ in pairs),
            unit="s",
            reference=statistics.median(other for _, other in pairs),
            against="ffmpeg tile",
            at_most=1.2,
        )
    ]
