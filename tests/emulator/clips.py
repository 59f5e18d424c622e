"""The files that the pretended service makes: real ones, small, always the same for the same order."""

from __future__ import annotations

import functools
import io

FPS = 24
QUICK = {"aac_coder": "fast"}


@functools.cache
def clip(width: int, height: int, seconds: float, audio: bool) -> bytes:
    """An MP4 that plays: a colour that wanders, and a tone if asked for."""
    import av
    import numpy as np

    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        video = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "crf": "35"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        sound = container.add_stream("aac", rate=44_100, layout="mono", options=QUICK) if audio else None
        frames = max(1, round(seconds * FPS))
        for number in range(frames):
            picture = np.full((height, width, 3), (40, number * 200 // frames, 160), np.uint8)
            for packet in video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                container.mux(packet)
        for packet in video.encode(None):
            container.mux(packet)
        if sound:
            times = np.arange(int(frames / FPS * 44_100), dtype=np.float32) / 44_100
            tone = (np.sin(times * 2 * np.pi * 440) * 0.2).astype(np.float32)[None, :]
            frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
            frame.sample_rate = 44_100
            for packet in [*sound.encode(frame), *sound.encode(None)]:
                container.mux(packet)
    return buffer.getvalue()


@functools.cache
def still(width: int, height: int) -> bytes:
    """A PNG, as the last frame."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (40, 200, 160)).save(buffer, "PNG")
    return buffer.getvalue()
