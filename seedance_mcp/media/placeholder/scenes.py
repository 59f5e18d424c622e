"""What a placeholder shows in each of its frames: the user's pictures or a landscape, and the words on top."""

from __future__ import annotations

from PIL import Image

from .captions import draw_mark, draw_subtitle
from .references import Cards, Lights, Shot, eased, load_picture
from .scenery import Landscape
from .spec import PlaceholderSpec

_MIX_BEGINS, _MIX_ENDS = 0.40, 0.85
"""The part of the video in which the first picture turns into the last one."""
_FADE_SECONDS = 0.35
"""How fast the subtitle comes and goes where the video has to start or end on a picture of the user's."""


class Scene:
    """The frames of one placeholder, each drawn on demand."""

    def __init__(self, spec: PlaceholderSpec) -> None:
        self._spec = spec
        size = (spec.width, spec.height)
        self._first = (
            Shot(load_picture(spec.first_frame, size, title="first frame"), size, spec.seed)
            if spec.first_frame is not None
            else None
        )
        self._last = (
            Shot(load_picture(spec.last_frame, size, title="last frame"), size, spec.seed + 1)
            if spec.last_frame is not None
            else None
        )
        self._landscape = None if self._first else Landscape(size, spec.seed)
        self._cards = Cards(spec.references, size) if spec.references else None
        self._lights = Lights(size, spec.seed) if self._first or self._last else None
        self._mark = draw_mark(size, (spec.model, f"{spec.duration_seconds:.4g} s"), spec.notes)
        self._subtitle = draw_subtitle(size, spec.prompt)

    def draw(self, number: int) -> Image.Image:
        """Draw frame `number`, from 0, with the words on it."""
        frame = self.bare(number)
        if self._subtitle:
            self._subtitle.onto(frame, self._subtitle_strength(number))
        if self._mark:
            self._mark.onto(frame)
        return frame

    def bare(self, number: int) -> Image.Image:
        """Draw frame `number` without words: a next video can start from it."""
        spec = self._spec
        share = number / max(1, spec.frames - 1)
        seconds = number / spec.fps
        near = 0.0 if spec.camera_fixed else 1.0
        mix = eased((share - _MIX_BEGINS) / (_MIX_ENDS - _MIX_BEGINS)) if self._last else 0.0
        if self._last and mix >= 1:
            frame = self._last.draw(near * eased(2 * (1 - share)))
        else:
            frame = self._opening(share, seconds, near)
            if self._last and mix > 0:
                frame = Image.blend(frame, self._last.draw(near * eased(2 * (1 - share))), mix)
        if self._lights:
            self._lights.onto(frame, seconds, self._away_from_pictures(share))
        return frame

    def _opening(self, share: float, seconds: float, near: float) -> Image.Image:
        if self._first:
            return self._first.draw(near * eased(share))
        assert self._landscape is not None
        frame = self._landscape.draw(seconds)
        if self._cards:
            self._cards.onto(frame, 0.0 if self._spec.camera_fixed else share)
        return frame

    def _away_from_pictures(self, share: float) -> float:
        """How far the video is from the frames that have to be the user's own, 0 to 1."""
        begins = share * 5 if self._first else 1.0
        ends = (1 - share) * 5 if self._last else 1.0
        return eased(min(1.0, begins, ends))

    def _subtitle_strength(self, number: int) -> float:
        faded = _FADE_SECONDS * self._spec.fps
        begins = number / faded if self._first else 1.0
        ends = (self._spec.frames - 1 - number) / faded if self._last else 1.0
        return min(1.0, begins, ends)
