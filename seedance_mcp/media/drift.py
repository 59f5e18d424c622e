"""Drift of colour over shots that continue each other: measured on the pictures that they end on, never corrected."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..errors import InvalidRequest
from ..texts import listed, one_line
from .access.descriptors import open_plain
from .confine import Limits, UnfinishedInspection, naming, run_worker, together

Channels = tuple[float, float, float]
"""Red, green and blue."""

_NAMES = ("red", "green", "blue")
_LIMITS = Limits(seconds=60)
_FRAMES = 8
"""Last frames that are measured: a third of a second, so that one frame's noise does not decide."""
_SEEN_MEAN = 4.0
"""Out of 255. A smaller change of the whole picture's mean is hardly seen beside it."""
_SEEN_SPREAD = 0.1
"""A smaller change of contrast, as a share, is hardly seen."""
_LEAST_SPREAD = 8.0
"""Out of 255. In a picture flatter than this, noise would count as a change of contrast."""
_SHOT_CHARACTERS = 40


@dataclass(frozen=True, kw_only=True)
class LinkColours:
    """The colours that one link of a chain ends on: mean and spread (standard deviation) of each channel, 0 to 255."""

    shot: str
    mean: Channels
    spread: Channels


@dataclass(frozen=True, kw_only=True)
class ColourDrift:
    """How the colours change over a chain of at least two links, from the end of the first to the end of the last."""

    links: tuple[LinkColours, ...]

    @property
    def mean_change(self) -> Channels:
        """By how much each channel's mean rose, out of 255; what fell is negative."""
        return _difference(self.links[0], self.links[-1])

    @property
    def spread_change(self) -> Channels:
        """By what share each channel's spread, which is its contrast, rose; what fell is negative."""
        red, green, blue = (
            (last - first) / max(first, _LEAST_SPREAD)
            for first, last in zip(self.links[0].spread, self.links[-1].spread, strict=True)
        )
        return red, green, blue

    @property
    def largest_step(self) -> tuple[str, str]:
        """The two links after each other between whose ends the means change most."""
        steps = zip(self.links, self.links[1:], strict=False)
        before, after = max(steps, key=lambda step: max(map(abs, _difference(*step))))
        return before.shot, after.shot

    @property
    def is_seen(self) -> bool:
        """Whether it is large enough to be seen."""
        return (
            max(map(abs, self.mean_change)) >= _SEEN_MEAN or max(map(abs, self.spread_change)) >= _SEEN_SPREAD
        )

    @property
    def words(self) -> str:
        """Say it in a sentence or two."""
        first, last = (one_line(link.shot, _SHOT_CHARACTERS) for link in (self.links[0], self.links[-1]))
        over = f"From the end of {first} to the end of {last} ({len(self.links)} linked shots)"
        means = listed(
            [f"{name} {change:+.0f}" for name, change in zip(_NAMES, self.mean_change, strict=True)]
        )
        spreads = listed(
            [f"{name} {change:+.0%}" for name, change in zip(_NAMES, self.spread_change, strict=True)]
        )
        measured = f"mean colour changes by {means} of 255, contrast by {spreads}"
        if not self.is_seen:
            return f"{over} no drift of colour can be seen: {measured}."
        before, after = (one_line(shot, _SHOT_CHARACTERS) for shot in self.largest_step)
        where = f" The largest step is from {before} to {after}." if len(self.links) > 2 else ""
        return f"{over} {measured}.{where} What happens in the pictures counts too, so look at them."


async def colour_drift(links: Sequence[tuple[str, Path]]) -> ColourDrift:
    """
    Measure the last frames of clips that continue each other, given as shot id and file, in the order of the chain.

    The paths must come from us or from `inspect`.

    Raises:
        InvalidRequest: there are fewer than two.
        MediaError: one of the files, which is named, is no video that decodes.
    """
    if len(links) < 2:
        raise InvalidRequest([f"a chain has at least two shots; there {'is one' if links else 'are none'}"])
    return ColourDrift(links=tuple(await together([partial(_measured, *link) for link in links])))


async def _measured(shot: str, path: Path) -> LinkColours:
    with naming(path):
        source = open_plain(path)
        try:
            reply = await run_worker("colours", {"frames": _FRAMES}, source=source, limits=_LIMITS)
        finally:
            os.close(source)
        mean, spread = (_channels(reply.facts.get(name)) for name in ("mean", "spread"))
    return LinkColours(shot=shot, mean=mean, spread=spread)


def _channels(value: object) -> Channels:
    """Check what a worker answered, for a decoder may have been taken over."""
    from pydantic import TypeAdapter, ValidationError

    try:
        found = TypeAdapter(Channels).validate_python(value)
    except ValidationError:
        found = (-1.0, -1.0, -1.0)
    if not all(0 <= channel <= 255 for channel in found):
        raise UnfinishedInspection("The file could not be read: the decoder answered nonsense.")
    return found


def _difference(before: LinkColours, after: LinkColours) -> Channels:
    red, green, blue = (new - old for old, new in zip(before.mean, after.mean, strict=True))
    return red, green, blue
