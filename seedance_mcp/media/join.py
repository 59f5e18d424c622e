"""Joins clips into one film in a confined subprocess; the film gets its name when it has been verified."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from anyio.to_thread import run_sync

from ..config import NewFile
from ..errors import InvalidRequest, MediaError
from .access.descriptors import open_plain
from .captions import Cue
from .confine import Limits, Reply, run_worker

Entry = Literal["cut", "dissolve", "fade_black", "fade_white", "wipe_left", "wipe_right"]
MAX_CLIPS = 120
MAX_BYTES = 16 * 1024**3
"""No film gets larger."""

_LIMITS = Limits(seconds=7200, megabytes=4096, file_bytes=MAX_BYTES)


@dataclass(frozen=True, kw_only=True)
class Clip:
    """
    A shot's video, and how the film passes into it.

    `name` is the shot's, and its chapter's title. During a transition the clip and the one before overlap for `overlap`
    seconds (less if one of them is too short). With `drop_first` the clip continues the last picture of the one before,
    which is then not shown twice, if measuring finds it to be the same picture.
    """

    path: str
    name: str
    entry: Entry = "cut"
    overlap: float = 0.0
    drop_first: bool = False


@dataclass(frozen=True, kw_only=True)
class Soundtrack:
    """Music under the film: its volume, how much quieter it is while the clips are loud, how long it fades in and out."""

    path: str
    volume_db: float = -12.0
    duck_db: float = 9.0
    fade_seconds: float = 1.5
    loop: bool = True


@dataclass(frozen=True, kw_only=True)
class Cut:
    """
    A film as it is to be joined.

    `language` is that of the cues, as BCP 47 (`und`: unknown). `loudness_lufs` is what the sound is brought to; None: it
    stays as it is. `picture`: pictures that must be rendered become H.264 with 8 bits; so does what has more bits, unless
    it is to stay "as bought". `size` is in pixels; None: that of most of the film.
    """

    clips: Sequence[Clip]
    cues: Sequence[Cue] = ()
    language: str = "und"
    music: Soundtrack | None = None
    loudness_lufs: float | None = None
    title: str = ""
    comment: str = ""
    cover: bool = True
    picture: Literal["h264", "as bought"] = "h264"
    size: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True)
class Joined:
    """
    A film that was joined and verified.

    `copied`: its pictures are those of the clips bit for bit; else `why_rendered` says why not. `starts` tells in seconds
    where each clip begins, `cues` have their times in the film, `dropped` names the clips whose first picture was
    the last one of the clip before and is not shown twice, `silent` those without sound. `samples` is the length of the
    sound at 48 kHz, 0 without any; `loudness_lufs` is how loud the film came to be, None if that was
    not asked for or nothing is to be heard.
    """

    path: Path
    copied: bool
    why_rendered: str | None
    frames: int
    seconds: float
    width: int
    height: int
    fps: float
    samples: int
    loudness_lufs: float | None
    starts: tuple[float, ...]
    cues: tuple[Cue, ...]
    dropped: tuple[str, ...]
    silent: tuple[str, ...]


async def join(cut: Cut, output: Path) -> Joined:
    """
    Join the clips into an MP4 that is ready to play while it loads, and verify it; then it gets its name.

    A file that is there under that name is replaced. When this fails, is cancelled or killed, that file stays as it was and
    nothing else is left behind (on Linux; elsewhere what a killed process leaves is removed when the film is joined again).
    The paths must come from us or from `inspect`: they are opened as they are.

    Raises:
        InvalidRequest: there are not 1 to 120 clips.
        MediaError: a clip (it is named) or the music cannot be used, the disk is full, or the film is not what it should be.
    """
    if not 1 <= len(cut.clips) <= MAX_CLIPS:
        raise InvalidRequest([f"{len(cut.clips)} clips are to be joined; allowed are 1 to {MAX_CLIPS}"])
    for source in [*(clip.path for clip in cut.clips), *([cut.music.path] if cut.music else [])]:
        os.close(open_plain(Path(source)))  # says what is wrong in the words that fit the system
    try:
        with NewFile(output) as file:
            # The order is larger than what a command line takes. It stands where the film then takes its place.
            os.write(file.descriptor, json.dumps(asdict(cut)).encode())
            reply = await run_worker("join", {}, source=file.descriptor, limits=_LIMITS)
            joined = _joined(reply, output)
            await run_sync(file.name_it)
    except OSError as error:
        raise MediaError(
            f"The film cannot be written to {output.parent}: {error.strerror or type(error).__name__}.",
            hint="Make that folder writable, and free some space there.",
        ) from error
    return joined


async def repeats(cut: Cut) -> tuple[str, ...]:
    """
    Name the clips of which `join` does not show the first picture, because it is the last one of the clip before.

    Raises:
        MediaError: a clip (it is named) cannot be used.
    """
    with tempfile.TemporaryFile() as file:
        file.write(json.dumps(asdict(cut)).encode())
        file.flush()
        reply = await run_worker("repeats", {}, source=file.fileno(), limits=_LIMITS)
    return tuple(str(name) for name in reply.facts.get("dropped", ()))


def _joined(reply: Reply, output: Path) -> Joined:
    """What the worker says. It is checked: a decoder may have been taken over."""
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(Joined).validate_python({**reply.facts, "path": output})
    except ValidationError as error:
        raise MediaError("The film could not be joined: the decoder answered nonsense.") from error
