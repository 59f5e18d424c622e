"""What a take is made from, as digests: the same function stamps a take and tells later whether it is still current."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from .casting import names_cited
from .document import MENTION, FilmDocument, Shot

_DIGITS = 32
_KEY_DIGITS = 12

_CHANGED = {
    "text": "its prompt or dialogue is another",
    "looks": "the style, or how its cast looks or dresses, is another",
    "media": "its pictures are others",
    "sound": "its voices, or whether it has sound, are others",
    "seconds": "its length is another",
    "ratio": "the aspect ratio is another",
}


_IN_WORDS = ("text", "looks", "sound", "seconds", "ratio")
"""The kinds of input that stand in the document itself."""


def inputs_of(
    document: FilmDocument, shot: Shot, *, media: Mapping[str, str | None], parent: str | None
) -> dict[str, str]:
    """
    Return the digests of everything that the picture and sound of a shot come from, by kind.

    The names of cast and shots, the model and its settings, captions, transitions, music and the order of shots are no
    part of it. `media` maps each source of the document to the hash of its content, and `parent` names the take that
    the shot continues (`take_name`), None if there is none. A kind with a source whose content nobody here knows (None) is
    left out: nothing differs in it.
    """
    names = names_cited(document, shot)
    speakers = [line.who for line in shot.says if line.who]
    places = _places((*shot.mentioned, *speakers))
    cited = [(name, document.cast[name]) for name in names if name in document.cast]
    voices = [document.cast[name].voice for name in dict.fromkeys(speakers)]
    lines = [
        (places.get(line.who or "", ""), _plain(line.text), line.language or "", line.seen)
        for line in shot.says
    ]
    images = [member.images for _, member in cited]
    frames = (shot.first_frame, shot.last_frame)
    unknown = {source for source, content in media.items() if content is None}
    found = {
        "text": _digest(_neutral(shot.prompt, places), lines),
        "looks": _digest(
            _neutral(document.style or "", _places(names)),
            [(member.looks, shot.wears.get(name, member.wears), member.ignore) for name, member in cited],
        ),
        "media": _digest(
            [[media.get(source, source) for source in some] for some in images],
            [source and media.get(source, source) for source in frames],
        ),
        "sound": _digest(
            document.generate_audio, [voice and media.get(voice, voice) for voice in voices if voice]
        ),
        "seconds": _digest(shot.seconds),
        "ratio": _digest(document.aspect_ratio),
        "from": _digest(shot.continues, parent if shot.continues != "cut" else None),
    }
    if not unknown.isdisjoint([*frames, *(source for some in images for source in some)]):
        del found["media"]
    if not unknown.isdisjoint(voices):
        del found["sound"]
    return found


def differences(
    stamped: Mapping[str, str], now: Mapping[str, str], *, parent: str | None = None
) -> tuple[str, ...]:
    """Say in words in what a take's inputs are no longer those of its shot; `parent` is the shot that it continues."""
    changed = [key for key in now if stamped.get(key) != now[key]]
    continued = f"it continues another take of {parent}" if parent else "it continues nothing any more"
    return tuple(_CHANGED.get(key, continued) for key in changed)


def changed_since(
    stamped: Mapping[str, str], document: FilmDocument, shot: str, *, media: Mapping[str, str | None]
) -> tuple[str, ...]:
    """
    Say in what the words of a shot are no longer those that were agreed to; empty: in nothing.

    Its pictures, and what it continues, are compared where it is bought. A shot that was given another name is the same.
    """
    now: dict[str, dict[str, str]] = {}
    for one in document.shots:
        inputs = inputs_of(document, one, media=media, parent=None)
        now[one.id] = {key: inputs[key] for key in _IN_WORDS if key in inputs}
    if any(not changed_keys(stamped, inputs) for inputs in now.values()):
        return ()
    if shot not in now:
        return ("the film has no such shot any more",)
    return differences(stamped, now[shot])


def changed_keys(stamped: Mapping[str, str], now: Mapping[str, str]) -> frozenset[str]:
    """Return the kinds of input that differ."""
    return frozenset(key for key in now if stamped.get(key) != now[key])


def take_name(shot: str, number: int) -> str:
    """Name a take in the inputs of those that continue it: known before it is bought, and never given to another."""
    return f"{shot}.{number}"


def key_of(inputs: Mapping[str, str]) -> str:
    """Return the digest of all inputs of a take, as it stands in the name of its purchase."""
    return _digest(dict(sorted(inputs.items())))[:_KEY_DIGITS]


def _places(names: Iterable[str]) -> dict[str, str]:
    """Number the cast by who comes first."""
    return {name: f"@{place}" for place, name in enumerate(dict.fromkeys(names), start=1)}


def _neutral(text: str, places: Mapping[str, str]) -> str:
    """A text in which the cast is numbered, not named; where a line breaks says nothing."""
    return _plain(MENTION.sub(lambda match: places.get(match[1], match[0]), text))


def _plain(text: str) -> str:
    return " ".join(text.split())


def _digest(*values: Any) -> str:
    written = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(written.encode()).hexdigest()[:_DIGITS]
