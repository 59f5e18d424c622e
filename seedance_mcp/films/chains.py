"""Chains of shots that continue each other by their last frame, and what is known about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..remarks import Advice
from .document import FilmDocument
from .states import ShotState

_LINKS = 3
"""So many shots in a row can begin on each other's last frame; from the next on it is seen."""


def chains(document: FilmDocument) -> list[tuple[str, ...]]:
    """Name the shots of each chain of at least two, in the order in which they continue each other."""
    leading: dict[str, tuple[str, ...]] = {}
    for shot in document.shots:
        parent = document.parent(shot)
        if shot.continues == "last_frame" and parent is not None:
            leading[shot.id] = (*leading.get(parent.id, (parent.id,)), shot.id)
    inner = {chain[-2] for chain in leading.values()}
    return [chain for end, chain in leading.items() if end not in inner]


def chain_advice(document: FilmDocument) -> Iterator[Advice]:
    """Tell of chains that are so long that it shows."""
    for chain in chains(document):
        if len(chain) > _LINKS:
            yield Advice(
                "chain_long",
                f"Shots {chain[0]} to {chain[-1]} are {len(chain)} that begin on each other's last frame: after {_LINKS} of"
                " them pictures get softer and colours drift. Cut in between, or show the cast by pictures.",
            )


async def drift_advice(document: FilmDocument, states: Sequence[ShotState]) -> tuple[Advice, ...]:
    """
    Measure how far the colours drift over the chains of a film, on the takes that it shows; only what can be seen is told.

    Raises:
        MediaError: a take cannot be read.
    """
    from ..media import colour_drift  # with what it needs, on first use

    files = {
        state.shot: Path(state.job.artifacts.video_path)
        for state in states
        if state.job is not None and state.job.artifacts is not None
    }
    found: list[Advice] = []
    for chain in chains(document):
        links = [(shot, files[shot]) for shot in chain if shot in files]
        if len(links) == len(chain):
            drift = await colour_drift(links)
            found += [Advice("colour_drift", drift.words)] if drift.is_seen else []
    return tuple(found)
