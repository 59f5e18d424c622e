"""
How long it takes to join six clips of five seconds of 720p, against `ffmpeg` copying pictures and encoding sound.

Compared is the time until the film is written, ours in a process that has loaded its libraries. `ffmpeg` does not look at
the film afterwards; with that, which decodes all of it, and with its confined process, ours is in a line of its own. And how
much memory it takes to join ten times as many.

    python -m benchmarks join
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import anyio

from benchmarks.measures import Measure
from benchmarks.programs import peak_megabytes, seconds
from seedance_mcp.media import PlaceholderSpec, render_placeholder
from seedance_mcp.media.join import Clip, Cut, join
from seedance_mcp.media.worker.join import write_film

ROUNDS = 10
CLIPS, MANY = 6, 60


def clip(path: Path, number: int) -> Path:
    """Draw five seconds at 720p, with sound."""
    spec = PlaceholderSpec(
        prompt=f"Shot {number}: a red fox runs through fresh snow at dawn.",
        model="seedance-2.0",
        width=1280,
        height=720,
        duration_seconds=5,
        seed=number,
    )
    render_placeholder(spec, path, last_frame=None, progress=lambda _: None, cancelled=lambda: False)
    return path


def cut(paths: Sequence[Path]) -> Cut:
    """A film of these clips, without anything that `ffmpeg` does not make."""
    clips = [Clip(path=str(path), name=f"{number}") for number, path in enumerate(paths)]
    return Cut(clips=clips, cover=False)


def written(paths: Sequence[Path], film: Path) -> float:
    """Write the film; how long that took."""
    order = json.loads(json.dumps(asdict(cut(paths))))
    began = time.perf_counter()
    with ExitStack() as files:
        sources = [files.enter_context(path.open("rb")) for path in paths]
        facts, _ = write_film(order, sources, None, files.enter_context(film.open("w+b")))
    assert facts["copied"], facts["why_rendered"]
    return time.perf_counter() - began


def whole(paths: Sequence[Path], film: Path) -> float:
    """Join as the product does; how long that took."""
    began = time.perf_counter()
    anyio.run(join, cut(paths), film)
    return time.perf_counter() - began


def theirs(paths: Sequence[Path], film: Path) -> float:
    """Let `ffmpeg` copy the pictures and encode the sound, as ours is encoded."""
    listed = film.with_suffix(".txt")
    listed.write_text("".join(f"file '{path}'\n" for path in paths), encoding="utf-8")
    source = ["-f", "concat", "-safe", "0", "-i", str(listed)]
    sound = ["-c:v", "copy", "-c:a", "aac", "-b:a", "192k", "-ar", "48000", "-ac", "2"]
    return seconds(["ffmpeg", "-v", "error", "-y", "-nostdin", *source, *sound, str(film)])


def measure() -> list[Measure]:
    """Join in turn; without `ffmpeg` only the memory is measured."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [clip(Path(folder) / f"{number}.mp4", number) for number in range(CLIPS)]
        film = Path(folder) / "film.mp4"
        measures = [_memory(paths, film)]
        if shutil.which("ffmpeg") is None:
            print("joining: time left out, ffmpeg is not installed", file=sys.stderr)
            return measures
        written(paths, film)
        theirs(paths, film)
        rounds = [(written(paths, film), theirs(paths, film), whole(paths, film)) for _ in range(ROUNDS)]
    ours, reference, checked = (min(times) for times in zip(*rounds, strict=True))
    return [
        Measure(
            name="joining 6 clips of 5 s at 720p",
            ours=ours,
            unit="s",
            reference=reference,
            against="ffmpeg, pictures copied, sound encoded",
            at_most=1.3,
        ),
        Measure(name="the same in its own process, and verified", ours=checked, unit="s"),
        *measures,
    ]


def _memory(paths: Sequence[Path], film: Path) -> Measure:
    few = peak_megabytes(whole, paths, film)
    many = peak_megabytes(whole, list(paths) * (MANY // CLIPS), film)
    return Measure(
        name="memory for joining 60 clips",
        ours=many,
        unit="MB",
        reference=few,
        against="6 clips",
        at_most=1.2,
    )
