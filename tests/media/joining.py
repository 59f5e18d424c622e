"""Makes the clips that the tests of joining join, and reads the films that come of it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import anyio
import av
import numpy as np
from numpy.typing import NDArray

from seedance_mcp.media.join import Clip, Cut, Joined, join
from tests.media.crafting import RATE, film, moving, plain, sine

BFRAMES = {"preset": "veryfast", "bf": "2", "g": "24"}
FRAMES = 48
SECONDS = 2.0
SAMPLES = 96_000
DRIFT = moving(2 * FRAMES - 1, 1)
"""A camera that moves on for two clips: the second begins with the last picture of the first."""


def click(at: float, seconds: float = SECONDS) -> NDArray[np.float32]:
    """Silence with a short loud burst whose middle is at this time."""
    time = np.arange(round(seconds * RATE)) / RATE - at
    wave = 0.8 * np.exp(-((time * 4000) ** 2)) * np.cos(2 * np.pi * 2000 * time)
    return np.repeat(wave.astype(np.float32)[None], 2, axis=0)


def make_clips(folder: Path) -> dict[str, Path]:
    """Clips of two seconds, 320 x 180; those in the first lines can be copied together."""

    def clip(name: str, pictures: Any, **options: Any) -> Path:
        return film(folder / f"{name}.mp4", pictures, **{"options": BFRAMES, **options})

    return {
        "drift": clip("drift", DRIFT[:FRAMES], sound=click(0.5)),
        "goes_on": clip("goes_on", DRIFT[FRAMES - 1 :], sound=click(1.0)),
        "other": clip("other", moving(FRAMES, 2), sound=click(1.5)),
        "loud": clip("loud", moving(FRAMES, 3), sound=sine(SECONDS, -6, hertz=440)),
        "silent": clip("silent", moving(FRAMES, 4)),
        "mono": clip("mono", moving(FRAMES, 5), sound=sine(SECONDS, -20, channels=1)),
        "red": clip("red", plain(FRAMES, (200, 30, 30)), sound=sine(SECONDS, -12, hertz=500)),
        "blue": clip("blue", plain(FRAMES, (30, 30, 200)), sound=sine(SECONDS, -12, hertz=4000)),
        "square": clip("square", plain(36, (30, 200, 30), (240, 240))),
        "fast": clip("fast", moving(60, 6), fps=30),
        "coarse": clip("coarse", moving(FRAMES, 7), options={**BFRAMES, "crf": "30"}),
    }


def clip(path: Path, **options: Any) -> Clip:
    """A clip named as its file is."""
    return Clip(**{"path": str(path), "name": path.stem, **options})


async def joined(output: Path, *clips: Clip, **options: Any) -> tuple[Joined, Film]:
    """Join, and read what came of it."""
    with anyio.fail_after(60):
        result = await join(Cut(clips=clips, **options), output)
    assert result.path == output
    return result, read(output)


@dataclass(frozen=True)
class Film:
    """A film as it is read back."""

    packets: list[bytes]
    pts: list[int]
    dts: list[int]
    base: Fraction
    sound: NDArray[np.float32]
    sound_length: int | None
    cues: list[tuple[float, float, str]]
    chapters: list[tuple[float, str]]
    tags: dict[str, str]
    codec_tag: str


def read(path: Path) -> Film:
    """Read all that is in a film."""
    with av.open(str(path)) as film:
        picture = film.streams.video[0]
        shown = [packet for packet in film.demux(picture) if packet.size]
        chapters = [
            (float(chapter["start"] * (chapter["time_base"] or 0)), chapter["metadata"]["title"])
            for chapter in film.chapters()
        ]
        tags, codec_tag, base = dict(film.metadata), picture.codec_context.codec_tag, picture.time_base
    sound, length = hear(path)
    assert base is not None
    return Film(
        packets=[bytes(packet) for packet in shown],
        pts=[packet.pts or 0 for packet in shown],
        dts=[packet.dts or 0 for packet in shown],
        base=base,
        sound=sound,
        sound_length=length,
        cues=cues(path),
        chapters=chapters,
        tags=tags,
        codec_tag=codec_tag,
    )


def hear(path: Path) -> tuple[NDArray[np.float32], int | None]:
    """The samples of a film from time 0 on, and how many it says that they are."""
    with av.open(str(path)) as film:
        if not film.streams.audio:
            return np.zeros((2, 0), np.float32), None
        stream = film.streams.audio[0]
        assert stream.duration is not None
        assert stream.time_base is not None
        assert stream.start_time == 0
        parts = [frame.to_ndarray() for frame in film.decode(stream)]
        length = stream.duration * stream.time_base * RATE
    assert length.denominator == 1
    return np.concatenate(parts, axis=1)[:, : int(length)].astype(np.float32), int(length)


def cues(path: Path) -> list[tuple[float, float, str]]:
    """The captions of a film: from when to when, and what is read."""
    found: list[tuple[float, float, str]] = []
    with av.open(str(path)) as film:
        for packet in film.demux(*film.streams.subtitles[:1]) if film.streams.subtitles else ():
            content = bytes(packet)
            if content[2:] and packet.pts is not None:
                start = packet.pts * packet.time_base
                end = start + (packet.duration or 0) * packet.time_base
                found.append((float(start), float(end), content[2:].decode()))
    return found


def pictures(path: Path) -> list[NDArray[np.uint8]]:
    """All pictures of a film, as RGB."""
    with av.open(str(path)) as film:
        shown = film.decode(film.streams.video[0])
        return [frame.to_ndarray(format="rgb24").astype(np.uint8) for frame in shown]


def packets(path: Path) -> list[bytes]:
    """The packets of a clip's pictures."""
    with av.open(str(path)) as film:
        return [bytes(packet) for packet in film.demux(film.streams.video[0]) if packet.size]


def level(sound: NDArray[np.float32], hertz: float) -> float:
    """How loud one tone is in a sound, in dB of its amplitude."""
    time = np.arange(sound.shape[1]) / RATE
    wave = np.exp(-2j * np.pi * hertz * time) * np.hanning(sound.shape[1])
    return float(20 * np.log10(4 * abs((sound[0] * wave).mean()) + 1e-9))
