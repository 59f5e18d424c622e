"""Says in words what a plan of a film buys, why, and in what it differs from another one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..errors import ConfigError, InvalidRequest
from ..texts import listed
from .document import Shot
from .states import ShotState

_OF_A_SHOT = re.compile(r"shot (?P<shot>\S+): (?P<words>.*)", re.DOTALL)

_FIELDS = {"duration": "seconds"}
"""What the document calls otherwise than a request does."""

_OF_THE_FILM = frozenset({"provider", "resolution", "aspect_ratio", "generate_audio"})


def plan_changes(then: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """Say shot by shot in what a plan differs from one that was shown before."""
    words: list[str] = []
    for shot in dict.fromkeys((*then, *now)):
        if shot not in now:
            words.append(f"{shot} is no longer bought.")
        elif shot not in then:
            words.append(f"{shot} is bought as well: {_shown(now[shot])}.")
        elif then[shot] != now[shot]:
            before, after = _shown(then[shot]), _shown(now[shot])
            words.append(
                f"{shot} is made from something else now."
                if before == after
                else f"{shot}: {after} instead of {before}."
            )
    return tuple(words)


def _shown(told: str) -> str:
    return told.rpartition(", ")[0]


def why_bought(state: ShotState, *, asked_for: bool, made_anew: str | None) -> str | None:
    """Say why a shot is bought; None: it is not."""
    if state.state in ("making", "unclear"):
        return None
    if asked_for:
        return "asked for"
    if state.state in ("missing", "blocked"):
        return "not made yet"
    if state.state == "failed":
        return f"failed: {'; '.join(state.why)}"
    if made_anew is not None:
        return f"{made_anew}, which it continues, is made anew"
    if state.bad is not None or (state.state == "stale" and state.changed - {"from"}):
        return "; ".join(state.why)
    return None


def what_became(parent: ShotState) -> str:
    """Say of a shot that others continue why it has no take to go on from."""
    if parent.state == "making":
        return f"{parent.shot}, which is being made"
    if parent.state == "unclear":
        return f"{parent.shot}, of which it is not clear what became"
    return f"{parent.shot}, which has no take yet"


def grouped(notes: Sequence[str]) -> tuple[str, ...]:
    """Say once what holds of several shots."""
    shots: dict[str, list[str]] = {}
    for note in notes:
        match = _OF_A_SHOT.fullmatch(note)
        shots.setdefault(match["words"] if match else note, []).extend([match["shot"]] if match else [])
    return tuple(
        f"{'shot' if len(names) == 1 else 'shots'} {listed(list(dict.fromkeys(names)))}: {words}"
        if names
        else words
        for words, names in shots.items()
    )


def problems_of(shot: Shot, error: InvalidRequest | ConfigError) -> list[str]:
    """Name the place in the document in each problem of a shot's request: the shot with its field, or one of the film's."""
    return [
        problem if problem.startswith(f"shot {shot.id}") else _placed(shot, problem)
        for problem in error.problems
    ]


def _placed(shot: Shot, problem: str) -> str:
    for unknown in ("model", "provider"):
        if problem.startswith(f"There is no {unknown} "):
            own = unknown == "model" and shot.model is not None
            return f"shot {shot.id}.{unknown}: {problem}" if own else f"{unknown}: {problem}"
    name, colon, words = problem.partition(": ")
    field = _FIELDS.get(name, name)
    if not colon or (field == "model" and shot.model is None) or field in _OF_THE_FILM:
        return f"{name}: {words}" if colon else f"shot {shot.id}: {problem}"
    if shot.continues != "cut" and (
        name == "reference_videos" or (name == "first_frame" and not shot.first_frame)
    ):
        field = "continues"
    if field not in Shot.model_fields:
        return f"shot {shot.id}: {problem}"
    # The length is called what the document calls it, where no model can choose it.
    return f"shot {shot.id}.{field}: {words.replace(', or -1 (the model chooses)', '')}"


def without_files(problems: Sequence[str], unreadable: Sequence[str]) -> list[str]:
    """Leave out of what is wrong with shots the files that are told of with their place in the document."""
    return [problem for problem in problems if not any(problem.endswith(f" {words}") for words in unreadable)]
