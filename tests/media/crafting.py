"""Makes the small films, sounds and pictures that the media tests look at."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

RATE = 48_000

Picture = NDArray[np.uint8]


def picture(path: Path, size: tuple[int, int] = (64, 48), color: str = "red", **options: Any) -> Path:
    """An image file of one colour; the name's ending says the format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).save(path, **options)
    return path


def film(
    path: Path,
    pictures: Iterable[Picture],
    *,
    sound: NDArray[np.float32] | None = None,
    fps: int | Fraction = 24,
    codec: str = "libx264",
    rotation: int = 0,
    tags: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """A video of these RGB pictures, with this sound (channels x samples at 48 kHz) if there is one."""
    frames = iter(pictures)
    first = next(frames)
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags", **(options or {})}) as container:
        container.metadata.update(tags or {})
        shown = container.add_stream(codec, rate=fps)
        assert isinstance(shown, av.VideoStream)
        shown.width, shown.height, shown.pix_fmt = first.shape[1], first.shape[0], "yuv420p"
        if codec == "libx264":
            shown.options = {"preset": "ultrafast", "crf": "18", **(options or {})}
        if rotation:
            shown.set_display_rotation(rotation)
        heard = container.add_stream("aac", rate=RATE) if sound is not None else None
        if heard is not None and sound is not None:
            heard.layout = "mono" if sound.shape[0] == 1 else "stereo"
            heard.bit_rate = 192_000
        for array in (first, *frames):
            container.mux(shown.encode(av.VideoFrame.from_ndarray(array)))
        container.mux(shown.encode())
        if heard is not None and sound is not None:
            for frame in sound_frames(sound):
                container.mux(heard.encode(frame))
            container.mux(heard.encode())
    return path


def sound_frames(sound: NDArray[np.float32], size: int = 1024) -> Iterator[av.AudioFrame]:
    """The sound (channels x samples) as frames of the size that AAC takes."""
    for start in range(0, sound.shape[1], size):
        block = np.ascontiguousarray(sound[:, start : start + size], dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(block, "fltp", "mono" if sound.shape[0] == 1 else "stereo")
        frame.rate, frame.pts = RATE, start
        yield frame


def sine(seconds: float, dbfs: float, *, channels: int = 2, hertz: float = 997.0) -> NDArray[np.float32]:
    """A sine whose peaks reach this level, alike in every channel."""
    time = np.arange(round(seconds * RATE)) / RATE
    wave = (10 ** (dbfs / 20) * np.sin(2 * np.pi * hertz * time)).astype(np.float32)
    return np.repeat(wave[None], channels, axis=0)


def plain(count: int, color: tuple[int, int, int], size: tuple[int, int] = (320, 180)) -> list[Picture]:
    """Frames of one colour."""
    return [np.full((size[1], size[0], 3), color, np.uint8)] * count


def moving(count: int, seed: int, size: tuple[int, int] = (320, 180)) -> list[Picture]:
    """A shot: coarse patches of colour that drift slowly to the left."""
    width, height = size
    patches = np.random.default_rng(seed).integers(
        40, 255, (height // 20 + 1, width // 10, 3), dtype=np.uint8
    )
    scene = patches.repeat(20, axis=0).repeat(20, axis=1)[:height]
    return [scene[:, index * 2 : index * 2 + width] for index in range(count)]


def noise(count: int, size: tuple[int, int]) -> list[Picture]:
    """Frames that no encoder makes small."""
    random = np.random.default_rng(5)
    return [random.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8) for _ in range(count)]


def png_bomb(path: Path, side: int = 50_000) -> Path:
    """A small PNG that unpacks to `side` x `side` pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(10_000_000), 9)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )
    return path
