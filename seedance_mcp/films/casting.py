"""Writes a shot as its model reads it: who is in it, with which pictures and voices, what is said, in what style."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import InvalidRequest
from ..texts import listed
from ..types import MediaKind
from .document import MENTION, FilmDocument, Line, Member, Shot, mentions

if TYPE_CHECKING:
    from ..catalog import Model

_NAMES: Mapping[MediaKind, str] = {"image": "Image", "video": "Video", "audio": "Audio"}
_STILL_PICTURES = "a shot that begins or ends with a given picture takes no others"


@dataclass(frozen=True, kw_only=True)
class CastShot:
    """
    A shot for one model: its prompt, and the files that go along, in the order in which the prompt numbers them.

    `notes` say what of the document this model cannot be given.
    """

    prompt: str
    images: tuple[str, ...] = ()
    videos: tuple[str, ...] = ()
    sounds: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Role:
    """One of the cast in one shot: what they look like there, and the numbers of their files."""

    name: str
    member: Member
    wears: str | None
    pictures: tuple[int, ...] = ()
    voice: int | None = None

    @property
    def description(self) -> str:
        """What can be said of them in words."""
        return ", ".join(filter(None, (self.member.looks, f"wearing {self.wears}" if self.wears else "")))


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """Who is cited in a shot, and the lines of it that are heard."""

    shot: Shot
    cited: tuple[str, ...]
    lines: Sequence[Line]


@dataclass(frozen=True, kw_only=True)
class _Files:
    """Which files ride along: of each of the cast the pictures, and of those who speak the voice."""

    images: tuple[str, ...] = ()
    sounds: tuple[str, ...] = ()
    pictures: Mapping[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    voices: Mapping[str, int] = field(default_factory=dict[str, int])
    notes: tuple[str, ...] = ()


def cast_shot(document: FilmDocument, shot: Shot, model: Model, tail: str | None = None) -> CastShot:
    """
    Write a shot for a model; `tail` is the end of the clip that it continues, where it does that.

    Only who is cited rides along. Each gets one picture first, then each a second one, and so on while there is room.

    Raises:
        InvalidRequest: more files are cited than the model takes; nobody is left out silently.
    """
    cited = names_cited(document, shot)
    lines = shot.says if model.audio and document.generate_audio is not False else ()
    files = _files(document, _Wanted(shot=shot, cited=cited, lines=lines), model, tail)
    style = model.prompting.references
    roles = {
        name: _Role(
            name=name,
            member=document.cast[name],
            wears=shot.wears.get(name, document.cast[name].wears),
            pictures=files.pictures.get(name, ()),
            voice=files.voices.get(name),
        )
        for name in dict.fromkeys((*cited, *(line.who for line in lines if line.who)))
    }
    writer = _Writer(model, list(roles.values()))
    parts = [
        *writer.introductions(),
        *([f"Extend {_written(style, 'video', 1)} forward:"] if tail else []),
        writer.told(shot.prompt),
        *(writer.spoken(line) for line in lines),
        *([writer.told(document.style)] if document.style else []),
    ]
    return CastShot(
        prompt="\n".join(parts),
        images=files.images,
        videos=(tail,) if tail else (),
        sounds=files.sounds,
        notes=(
            *files.notes,
            *_real_faces(document, files, model),
            *_unheard(shot, lines, model),
            *(
                f"shot {shot.id}: {name} is not in it, so what they wear is left out."
                for name in shot.wears
                if name not in roles
            ),
        ),
    )


def _unheard(shot: Shot, lines: Sequence[Line], model: Model) -> Iterator[str]:
    if len(lines) < len(shot.says):
        why = f"{model.title} makes no sound" if not model.audio else "the film is made without sound"
        yield f"shot {shot.id}: {why}; what is said is in the captions only."


def _real_faces(document: FilmDocument, files: _Files, model: Model) -> Iterator[str]:
    """Said without the shot, so that a film has it once for each of its people."""
    for name in () if model.inputs.real_faces else files.pictures:
        member = document.cast[name]
        if member.kind == "person" and any(not source.startswith("asset://") for source in member.images):
            yield (
                f"{name}: {model.title} refuses pictures of real people. Drawn and made-up faces are fine; "
                "of a real person use an asset that the provider has authorised (asset://...)."
            )


def _files(document: FilmDocument, wanted: _Wanted, model: Model, tail: str | None) -> _Files:
    shot = wanted.shot
    speaking = dict.fromkeys(line.who for line in wanted.lines if line.who)
    held = [name for name in wanted.cited if document.cast[name].images]
    voiced = [name for name in speaking if document.cast[name].voice]
    if not held and not voiced:
        return _Files()
    if shot.continues == "last_frame" or shot.first_frame or shot.last_frame:
        what = listed([f"pictures of {name}" for name in held] + [f"the voice of {name}" for name in voiced])
        return _Files(notes=(f"shot {shot.id}: without {what}: {_STILL_PICTURES}.",))
    if not model.inputs.reference_images:
        return _Files(
            notes=(
                f"shot {shot.id}: {model.title} takes no reference pictures; {listed(held or voiced)} in words only.",
            )
        )
    room = model.inputs.reference_images
    sounds = model.inputs.audio.count if model.inputs.audio else 0
    if model.inputs.total is not None:
        others = min(len(voiced), sounds) + (1 if tail else 0)
        room = max(0, min(room, model.inputs.total - others))
    problems: list[str] = []
    if len(held) > room:
        problems.append(
            f"shot {shot.id}: {listed(held)} each need a picture, and {model.title} takes {room} with the rest."
        )
    if sounds and len(voiced) > sounds:
        problems.append(
            f"shot {shot.id}: {listed(voiced)} speak with voices of their own, and {model.title} takes {sounds}."
        )
    if sounds and voiced and not held and not tail and not model.inputs.audio_alone:
        problems.append(
            f"shot {shot.id}: {model.title} takes a voice only beside a picture; give {listed(voiced)} one."
        )
    if problems:
        raise InvalidRequest(
            problems, hint="Cite fewer of the cast in this shot, make two of it, or choose another model."
        )
    taken = _shared_out({name: len(document.cast[name].images) for name in held}, room)
    images: list[str] = []
    pictures: dict[str, tuple[int, ...]] = {}
    for name, count in taken.items():
        pictures[name] = tuple(range(len(images) + 1, len(images) + count + 1))
        images += document.cast[name].images[:count]
    left = [
        f"{name} ({taken[name]} of {len(document.cast[name].images)})"
        for name in held
        if taken[name] < len(document.cast[name].images)
    ]
    voices = {name: number for number, name in enumerate(voiced, start=1)} if sounds else {}
    return _Files(
        images=tuple(images),
        sounds=tuple(document.cast[name].voice or "" for name in voices),
        pictures=pictures,
        voices=voices,
        notes=(
            *([f"shot {shot.id}: not all pictures fit: {listed(left)}."] if left else []),
            *([f"shot {shot.id}: {model.title} takes no voices as sound."] if voiced and not sounds else []),
        ),
    )


def _shared_out(wanted: Mapping[str, int], room: int) -> dict[str, int]:
    """Give each one, then each a second one, and so on in the order given, while there is room."""
    taken = dict.fromkeys(wanted, 0)
    while room and any(taken[name] < wanted[name] for name in wanted):
        for name in wanted:
            if room and taken[name] < wanted[name]:
                taken[name] += 1
                room -= 1
    return taken


class _Writer:
    """The words of one shot in the form that a model's family reads (`Prompting`)."""

    def __init__(self, model: Model, roles: Sequence[_Role]) -> None:
        self._prompting = model.prompting
        self._roles = {role.name: role for role in roles}
        self._subjects = {
            role.name: number
            for number, role in enumerate((role for role in roles if role.pictures), start=1)
        }
        self._introduced: set[str] = set()

    def introductions(self) -> list[str]:
        """What the pictures are for, before anything happens; empty where a model takes none."""
        return [self._introduction(self._roles[name]) for name in self._subjects]

    def told(self, text: str) -> str:
        """A text of the person's, in which `@name` becomes what the model knows them by."""
        return MENTION.sub(
            lambda match: self._called(match[1]) if match[1] in self._roles else match[0], text
        )

    def spoken(self, line: Line) -> str:
        """One line of dialogue with who says it, in which language and with which voice."""
        role = self._roles.get(line.who) if line.who else None
        who = "a voice from outside the picture"
        if line.seen:
            who = self._called(role.name) if role else "a voice"
        voice = (
            f" with the voice of {_written(self._prompting.references, 'audio', role.voice)}"
            if role and role.voice
            else ""
        )
        language = f" in {line.language}" if line.language else ""
        who = who[0].upper() + who[1:]
        if self._prompting.dialogue == "braces":
            return f"{who}{voice} says{language}: {{{_without(line.text, '{}')}}}"
        return f'{who}{voice} says{language}: "{_without(line.text, chr(34))}"'

    def _called(self, name: str) -> str:
        if name in self._subjects:
            return self._handle(name)
        role = self._roles[name]
        if name in self._introduced:
            return _spelled(name)
        self._introduced.add(name)
        return f"{_spelled(name)} ({role.description})"

    def _handle(self, name: str) -> str:
        return (
            f"Subject {self._subjects[name]}" if self._prompting.references == "Image 1" else _spelled(name)
        )

    def _introduction(self, role: _Role) -> str:
        pictures = [_written(self._prompting.references, "image", number) for number in role.pictures]
        ignored = f", ignore {role.member.ignore}" if role.member.ignore else ""
        handle, wears = (
            self._handle(role.name),
            f" {self._handle(role.name)} wears {role.wears}." if role.wears else "",
        )
        if self._prompting.references.startswith("@"):
            return f"{', '.join(pictures)}: {handle}, {role.member.looks}{ignored}.{wears}"
        return f"Define {role.member.looks} in {listed(pictures)} as {handle}{ignored}.{wears}"


def _written(style: str, kind: MediaKind, number: int | None) -> str:
    """How a model's family numbers an input: `style` is the first image, such as `@Image 1`."""
    return (style or "[Image 1]").replace("Image", _NAMES[kind]).replace("1", str(number))


def _spelled(name: str) -> str:
    words = re.sub(r"[_-]+", " ", name).strip()
    return words[:1].upper() + words[1:]


def _without(text: str, marks: str) -> str:
    """Take out of spoken words the marks that would end them."""
    return " ".join(re.sub(f"[{re.escape(marks)}]", "'", text).split())


def names_cited(document: FilmDocument, shot: Shot) -> tuple[str, ...]:
    """Who or what of the cast a shot depends on, the ones that the film's style names included."""
    return tuple(dict.fromkeys((*shot.mentioned, *mentions(document.style or ""))))
