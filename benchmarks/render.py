"""How long placeholders take to draw: the usual five seconds at 720p, and the largest frame there is."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from PIL import Image

from seedance_mcp.media import PlaceholderSpec, render_placeholder

PROMPT = "A red fox runs through fresh snow at dawn, the camera follows low and close. 雪原上的狐狸。"


def main() -> None:
    """Draw each kind once and print what it took."""
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "photo.png"
        Image.radial_gradient("L").resize((1600, 900)).convert("RGB").save(photo)
        for title, size, seconds, first in (
            ("landscape 720p", (1280, 720), 5.0, None),
            ("first frame 720p", (1280, 720), 5.0, photo),
            ("landscape 9:16 480p", (496, 864), 5.0, None),
            ("landscape 1080p", (1920, 1088), 5.0, None),
            ("landscape 4k 21:9", (4398, 1886), 4.0, None),
        ):
            spec = PlaceholderSpec(
                prompt=PROMPT,
                model="seedance-2.0",
                width=size[0],
                height=size[1],
                duration_seconds=seconds,
                first_frame=first,
                seed=7,
            )
            target = Path(folder) / "out.mp4"
            began, used = time.perf_counter(), time.process_time()
            render_placeholder(
                spec, target, last_frame=None, progress=lambda _: None, cancelled=lambda: False
            )
            took, cpu = time.perf_counter() - began, time.process_time() - used
            print(
                f"{title:22} {seconds:g} s of video in {took:5.2f} s ({cpu:5.2f} s CPU), {target.stat().st_size / 1e6:.1f} MB"
            )


if __name__ == "__main__":
    main()
