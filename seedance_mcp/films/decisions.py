"""What is decided about takes: which one a shot shows, and that a stale one is good enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import InvalidRequest
from ..store import Connection, Store, films
from ..texts import listed
from ..types import FilmQuality, Mark, MarkKind, Reviewer, Take
from .evidence import Found
from .plan import QUALITIES
from .states import ShotState, kept_for, shot_states


class Decisions:
    """Keeps decisions about the takes of films. They are only ever added: who takes one back decides anew."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def choose(self, found: Found, shot: str, number: int | None, by: Reviewer) -> None:
        """
        Let a take be the one that a shot shows at the take's quality; None takes back what was chosen, at every quality, and
        that a stale take is good enough.

        Raises:
            InvalidRequest: there is no such shot or take, or it has no finished video.
        """
        names = [one.id for one in found.document.shots]
        if shot not in names:
            raise InvalidRequest([f"There is no shot {shot!r}."], hint=f"There are: {listed(names)}.")
        states = _states(found, shot)
        if number is None:
            chosen = [found.evidence(quality).choosing.choice(state.takes) for quality, state in states]
            shown = [state.chosen for _, state in states if state.chosen is not None]
            kept = [take for take in shown if kept_for(found.marks, take.shot, take.number)]
            now = self._store.clock()
            await self._note(
                [
                    *(_mark(found, take, "unchosen", by, now) for take in chosen if take),
                    *(_mark(found, take, "kept", None, now) for take in kept),
                ]
            )
            return
        there = {take.number: take for _, state in reversed(states) for take in state.takes}
        if number not in there:
            raise InvalidRequest(
                [f"Shot {shot} has no take {number} with a finished video."],
                hint=f"It has: {listed([str(one) for one in sorted(there)])}."
                if there
                else "It has none yet.",
            )
        await self._note([_mark(found, there[number], "chosen", by, self._store.clock())])

    async def choose_take(self, found: Found, take: Take, by: Reviewer) -> None:
        """
        Let a take be the one that its shot shows, under whatever name that goes by now.

        Raises:
            InvalidRequest: no shot of the film can show it, or it has no finished video.
        """
        states = shot_states(found.document, found.evidence(take.quality))
        if not any(take in state.takes for state in states):
            raise InvalidRequest(
                [f"No shot of film {take.film_id} can show job {take.job_id}."],
                hint="Its shot is no longer in the film, or it has no finished video.",
            )
        await self._note([_mark(found, take, "chosen", by, self._store.clock())])

    async def accept(self, found: Found, quality: FilmQuality, names: Sequence[str]) -> None:
        """
        Take stale shots as they are: what they are made from now is noted with their takes; of what cannot be read here,
        that is what they were taken for last.

        Raises:
            InvalidRequest: there is no such shot, or it has no take to keep.
        """
        states = {state.shot: state for state in shot_states(found.document, found.evidence(quality))}
        unknown = [name for name in names if name not in states or states[name].chosen is None]
        if unknown:
            raise InvalidRequest([f"keep: there is no {quality} take of {listed(unknown)} to keep."])
        now = self._store.clock()
        await self._note(
            [
                _mark(
                    found,
                    state.chosen,
                    "kept",
                    None,
                    now,
                    {**_last_inputs(found, state.chosen), **state.inputs},
                )
                for name in names
                if (state := states[name]).state == "stale" and state.chosen is not None
            ]
        )

    async def _note(self, marks: Sequence[Mark]) -> None:
        def note(connection: Connection) -> None:
            for mark in marks:
                films.mark(connection, mark)

        await self._store.write(note)


def _states(found: Found, shot: str) -> list[tuple[FilmQuality, ShotState]]:
    """How a shot stands at each quality, first of all at the one at which the film was made last."""
    last = found.order.quality if found.order is not None else "final"
    return [
        (quality, state)
        for quality in sorted(QUALITIES, key=lambda one: one != last)
        for state in shot_states(found.document, found.evidence(quality))
        if state.shot == shot
    ]


def _last_inputs(found: Found, take: Take) -> Mapping[str, str]:
    return [take.inputs, *kept_for(found.marks, take.shot, take.number)][-1]


def _mark(
    found: Found,
    take: Take,
    kind: MarkKind,
    by: Reviewer | None,
    at: float,
    inputs: Mapping[str, str] | None = None,
) -> Mark:
    return Mark(
        film_id=take.film_id,
        shot=take.shot,
        take=take.number,
        kind=kind,
        inputs=inputs or {},
        newest=max(one.number for one in found.takes if one.shot == take.shot),
        by=by,
        at=at,
    )
