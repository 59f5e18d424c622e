"""What earlier attempts at a shot teach about the next one: what is to be changed before it is bought."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePath

from ..remarks import Advice
from ..texts import listed, number_of, one_line
from ..types import JobCode, Take, VideoRequest
from .choosing import Choosing
from .requests import TAKE
from .states import Evidence, Failure, ShotState

_BAD_TAKES = 3
"""After so many the words are more likely to be wrong than the luck."""

_MODERATED = frozenset({JobCode.CONTENT_REJECTED})
_NO_ROOM = frozenset(
    {
        JobCode.RATE_LIMITED,
        JobCode.PROVIDER_UNAVAILABLE,
        JobCode.NOT_SENT,
        JobCode.GENERATION_EXPIRED,
        JobCode.INSUFFICIENT_FUNDS,
    }
)
_NOT_SO = frozenset(
    {
        JobCode.BUDGET_EXCEEDED,
        JobCode.CONFIG,
        JobCode.INVALID_REQUEST,
        JobCode.MEDIA,
        JobCode.MODEL_NOT_OPEN,
        JobCode.NOT_SUPPORTED,
        JobCode.REQUEST_REJECTED,
    }
)
_CONTENT = ("text", "looks", "media", "sound")
"""The inputs that moderation looks at."""

_PICTURE = re.compile(r"image|picture|photo|face|frame|real person|privacy", re.IGNORECASE)
_SOUND = re.compile(r"audio|sound|music|voice", re.IGNORECASE)
_WORDS = re.compile(r"text|prompt|word", re.IGNORECASE)
_RESULT = re.compile(r"output|generated|finished", re.IGNORECASE)
_QUOTED = re.compile(r"[\"'\u201c\u2018\u300c]([^\"'\u201d\u2019\u300d]{2,60})[\"'\u201d\u2019\u300d]")
_SHOWN = 4
_CHARACTERS = 300


def lessons(
    state: ShotState, request: VideoRequest, evidence: Evidence, elsewhere: Callable[[], Sequence[str]]
) -> Iterator[Advice]:
    """
    Advise on a shot that is bought anew as `request`.

    `elsewhere` names other offers with their prices. Of what was changed since the attempt nothing is said.
    """
    failure = state.failure
    if failure is not None and failure.code in _MODERATED and not _changed(failure.take, state, _CONTENT):
        yield Advice("shot_refused", _refused(state.shot, failure, request))
    elif failure is not None and failure.code in _NO_ROOM:
        others = elsewhere()
        hint = _line(failure.hint) or "Make it at another time."
        way = f" Or elsewhere: {', '.join(others[:_SHOWN])}." if others else ""
        yield Advice("shot_no_room", f"{_failed(state.shot, failure)} {hint}{way}")
    elif (
        failure is not None
        and failure.code in _NOT_SO
        and not _changed(failure.take, state, tuple(state.inputs))
    ):
        yield Advice("shot_not_possible", f"{_failed(state.shot, failure)} {_line(failure.hint)}".strip())
    if state.bad is not None and state.chosen is not None:
        bad = _bad_takes(state, evidence)
        if len(bad) >= _BAD_TAKES:
            yield Advice("shot_bad_again", _bad_again(state.shot, bad, evidence.choosing))


def _refused(shot: str, failure: Failure, request: VideoRequest) -> str:
    """Name what the provider's words are about; where they do not tell, everything that moderation looks at."""
    said = f"{failure.said} {failure.message}"
    pictures = _names(request, "reference_images", "first_frame", "last_frame")
    sounds = _names(request, "reference_audios")
    quoted = [words for words in _QUOTED.findall(failure.message) if words in (request.prompt or "")]
    suspects: list[str] = []
    if pictures and (_PICTURE.search(said) or not (_WORDS.search(said) or _SOUND.search(said))):
        suspects.append(f"its pictures ({_listed(pictures)})")
    if sounds and (_SOUND.search(said) or not (_WORDS.search(said) or _PICTURE.search(said))):
        suspects.append(f"its voices ({_listed(sounds)})")
    if quoted:
        suspects.append(f"the words {_listed([repr(words) for words in quoted])}")
    elif not suspects or _WORDS.search(said) or _RESULT.search(said):
        suspects.append("its words (prompt, dialogue, style, and how the cast looks)")
    return f"{_failed(shot, failure)} Change {' or '.join(suspects)}. {_line(failure.hint)}".strip()


def _failed(shot: str, failure: Failure) -> str:
    return f"Shot {shot}, take {failure.take.number}, was not made: {_line(failure.message).rstrip('.')}."


def _bad_takes(state: ShotState, evidence: Evidence) -> list[Take]:
    """The takes of the very words of now that were judged bad; rehearsals are none."""
    shot = state.chosen.shot if state.chosen is not None else state.shot
    return [
        take
        for take in evidence.takes
        if take.shot == shot
        and take.quality != "animatic"
        and take.inputs.get("text") == state.inputs.get("text")
        and evidence.choosing.is_bad(take)
    ]


def _bad_again(shot: str, takes: Sequence[Take], choosing: Choosing) -> str:
    notes = [choosing.notes(take) for take in takes]
    said = "; ".join(dict.fromkeys(_line(note, 100).rstrip(".") for note in notes if note))
    return (
        f"Shot {shot}: {number_of(len(takes), 'take')} of these words were judged bad. Change the shot's words before"
        f" another is bought{f'. What was noted: {said}' if said else ''}."
    )


def _changed(take: Take, state: ShotState, kinds: Sequence[str]) -> bool:
    return any(take.inputs.get(kind) != state.inputs.get(kind) for kind in kinds)


def _names(request: VideoRequest, *fields: str) -> list[str]:
    sources = [source for field, _, source in request.media() if field in fields]
    return [PurePath(source).name for source in sources if not source.startswith(TAKE)]


def _listed(names: Sequence[str]) -> str:
    more = [f"{len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    return listed([*(_line(name, 60) for name in names[:_SHOWN]), *more])


def _line(text: str, most: int = _CHARACTERS) -> str:
    return one_line(text, most)
