"""
What drawing placeholders takes: five seconds at 720p against `ffmpeg` drawing its test pattern, and the memory at 4k.

    python -m benchmarks render
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measures import Measure
from benchmarks.programs import peak_megabytes, seconds
from seedance_mcp.media import PlaceholderSpec, render_placeholder

ROUNDS = 7
PROMPT = "A red fox runs through fresh snow at dawn, the camera follows low and close. 雪原上的狐狸。"
USUAL, LARGEST = (1280, 720), (4398, 1886)
"""What is ordered unasked, and the largest frame that any model has, in pixels."""
SECONDS, SECONDS_OF_LARGEST = 5.0, 1.0
"""Memory is at its height after a few frames: the length of a video does not count."""


def draw(target: Path, size: tuple[int, int], length: float) -> float:
    """Draw a placeholder; how long that took."""
    spec = PlaceholderSpec(
        prompt=PROMPT,
        model="seedance-2.0",
        width=size[0],
        height=size[1],
        duration_seconds=length,
        seed=7,
    )
    began = time.perf_counter()
    render_placeholder(spec, target, last_frame=None, progress=lambda _: None, cancelled=lambda: False)
    return time.perf_counter() - began


def pattern(target: Path, size: tuple[int, int], length: float) -> float:
    """Let `ffmpeg` draw and encode with the settings of `media/placeholder/render.py`; how long that took."""
    picture = f"testsrc2=size={size[0]}x{size[1]}:rate=24:duration={length}"
    sound = f"sine=frequency=440:sample_rate=48000:duration={length}"
    inputs = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound]
    video = ["-c:v", "libx264", "-preset", "superfast", "-crf", "21", "-threads", "4", "-g", "48"]
    audio = ["-c:a", "aac", "-ac", "2", "-b:a", "128k"]
    rest = ["-pix_fmt", "yuv420p", "-movflags", "+faststart", str(target)]
    return seconds(["ffmpeg", "-v", "error", "-y", "-nostdin", *inputs, *video, *audio, *rest])


def measure() -> list[Measure]:
    """Draw both in turn at 720p, where `ffmpeg` is installed; then the largest frame in a process of its own, on Linux."""
    found: list[Measure] = []
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out.mp4"
        if shutil.which("ffmpeg") is None:
            print("render at 720p: left out, ffmpeg is not installed", file=sys.stderr)
        else:
            draw(target, USUAL, SECONDS)
            pattern(target, USUAL, SECONDS)
            pairs = [(draw(target, USUAL, SECONDS), pattern(target, USUAL, SECONDS)) for _ in range(ROUNDS)]
            found.append(
                Measure(
                    name="placeholder of 5 s at 720p",
                    ours=statistics.median(own for own, _ in pairs),
                    unit="s",
                    reference=statistics.median(other for _, other in pairs),
                    against="ffmpeg testsrc2 and sine",
                    at_most=1.8,
                )
            )
        if sys.platform == "linux":
            found.append(
                Measure(
                    name="memory of a placeholder at 4k",
                    ours=peak_megabytes(draw, target, LARGEST, SECONDS_OF_LARGEST),
                    unit="MB",
                    at_most=200,
                )
            )
    return found
