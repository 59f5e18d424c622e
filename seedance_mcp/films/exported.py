"""What an export is given, and what it made."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ..types import Price
from .document import EntryKind


@dataclass(frozen=True, kw_only=True)
class ExportedShot:
    """
    One shot as it is in the film: its clip, where that is from, and how the film passes into it.

    `number` is its place in the film, from 1. `seconds`, `frames` and `fps` are those of the whole clip. `overlap` is the
    seconds that it shares with the shot before; with `drop_first` the film leaves out its first frame, which
    repeats the last one there. `sha256` is what the clip's file has to have; None if nobody knows it. `charge` is None
    where it is not known.
    """

    id: str
    number: int
    prompt: str
    path: Path
    seconds: float
    frames: int
    fps: float
    has_audio: bool
    take: int
    job_id: str
    provider: str
    model: str
    seed: int | None = None
    charge: Price | None = None
    sha256: str | None = None
    entry: EntryKind = "cut"
    overlap: float = 0.0
    drop_first: bool = False


@dataclass(frozen=True, kw_only=True)
class ExportedMusic:
    """The sound under the film, so many seconds long, and how it is played there."""

    path: Path
    seconds: float
    volume_db: float
    duck_db: float
    fade_seconds: float
    loop: bool

    @property
    def name(self) -> str:
        """What its file is called in an export."""
        return f"music{ending(self.path, '')}"


@dataclass(frozen=True, kw_only=True)
class ExportedFilm:
    """The film and its files; None for one that there is not. `sha256` is what the film's file has to have, if known."""

    id: str
    title: str
    quality: str
    path: Path | None = None
    sha256: str | None = None
    sheets: tuple[Path, ...] = ()
    srt: Path | None = None
    vtt: Path | None = None
    cover: Path | None = None
    music: ExportedMusic | None = None


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """
    How to export.

    `otioz`: a bundle for editors with the clips in it as well. `replace`: files of the same names with other content give
    way, and so do those that an earlier export left there and this one has not, if nobody changed them. `copies`: never a
    hard link, so that a program which changes a clip does not change the one that was bought.
    """

    otioz: bool = False
    replace: bool = False
    copies: bool = False


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What was exported: the folder, the paths of all files of this export, and what is to be known about them."""

    folder: Path
    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()


def ending(path: Path, usual: str = ".mp4") -> str:
    """Return the ending of a file's name, or the `usual` one where that would not be safe."""
    suffix = path.suffix.lower()
    return suffix if re.fullmatch(r"\.[a-z0-9]{1,5}", suffix) else usual
