"""What a video model can do by itself, wherever it is bought."""

from __future__ import annotations

from typing import Literal

from ..types import MediaKind
from .conditions import Line, Rule

Size = tuple[int, int]
Mode = Literal["text", "image", "frames", "reference", "edit", "extend"]


class Durations(Line):
    """Lengths of the output in whole seconds; `auto`: the model can be left to choose (-1)."""

    min: int
    max: int
    default: int
    auto: bool = False


class Frames(Line):
    """Lengths that may be given as a number of frames instead: `min` to `max`, `step` apart."""

    min: int
    max: int
    step: int

    def allows(self, count: int) -> bool:
        """Return whether the model can make exactly this many frames."""
        return self.min <= count <= self.max and (count - self.min) % self.step == 0


class Limits(Line):
    """
    What one kind of input has to look like. A pair is the smallest and the largest value, both included.

    `sides` in pixels, `ratio` is width by height, `pixels` is width times height, `seconds` is for one file,
    `total_seconds` for all files of this kind together. `slack_seconds`: how far a duration may lie outside
    before it is refused here, because measured lengths are never whole.
    """

    count: int
    formats: tuple[str, ...]
    max_bytes: int
    sides: Size | None = None
    ratio: tuple[float, float] | None = None
    pixels: tuple[int, int] | None = None
    seconds: tuple[float, float] | None = None
    total_seconds: float | None = None
    slack_seconds: float = 0.25
    fps: tuple[float, float] | None = None
    video_codecs: tuple[str, ...] = ()
    audio_codecs: tuple[str, ...] = ()


class Inputs(Line):
    """What may go in. A kind that is None is not taken. `total` counts all files together."""

    image: Limits | None = None
    reference_images: int = 0
    """How many images may be references; first and last frame are not."""
    video: Limits | None = None
    audio: Limits | None = None
    audio_alone: bool = False
    real_faces: bool = True
    """Whether pictures of real people may be sent; where not, only assets that the provider has authorised."""
    total: int | None = None

    def of(self, kind: MediaKind) -> Limits | None:
        """Return the limits of one kind of file; None if the model takes none."""
        return {"image": self.image, "video": self.video, "audio": self.audio}[kind]


class Prompting(Line):
    """How this model likes its prompts: what the prompt check looks at, and the name of its guide."""

    guide: str
    dialogue: Literal["none", "quotes", "braces"]
    shots: Literal["cut to", "shot numbers", "timeline"]
    negatives: Literal["ignored", "subtitles and audio"]
    references: str = ""
    """How an input is called in the text, such as `@Image 1`; empty where there are none."""
    most_words: int = 1000
    most_characters: int = 500
    """Above so many words, or Chinese characters, details get lost: its maker's advice for every model (read 2026-11-20)."""


class Model(Line):
    """
    One video model.

    `rank` orders models, the newest and best first. `video_input_minimum` is the least that counts when a
    video goes in: that many times the output seconds, as numerator and denominator. `follows_frames`: a
    video of adaptive ratio takes the shape of its first frame, whatever that is, not that of a ratio. `retirement` says in
    words that its maker has withdrawn it; an offer says whether that very provider still sells it.
    """

    id: str
    title: str
    summary: str
    family: str
    rank: int
    modes: tuple[Mode, ...]
    fps: int
    resolutions: tuple[str, ...]
    default_resolution: str
    aspect_ratios: tuple[str, ...]
    default_aspect_ratio: str
    sizes: dict[str, dict[str, Size]]
    durations: Durations
    frames: Frames | None = None
    audio: bool = False
    seed: bool = False
    camera_fixed: bool = False
    draft: bool = False
    inputs: Inputs = Inputs()
    rules: tuple[Rule, ...] = ()
    video_input_minimum: tuple[int, int] | None = None
    languages: tuple[str, ...]
    prompting: Prompting
    follows_frames: bool = False
    retirement: str = ""

    def size(self, resolution: str, aspect_ratio: str) -> Size:
        """
        Return the exact width and height in pixels.

        Raises:
            KeyError: the model has no such resolution or ratio, or the ratio is `adaptive`.
        """
        return self.sizes[resolution][aspect_ratio]
