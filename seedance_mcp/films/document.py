"""The film document: what a person wrote about a film. It is theirs, and nothing here writes to it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Annotated, Any, Literal, cast, get_args, get_type_hints

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

CastKind = Literal["person", "product", "place", "prop"]
Continuation = Literal["cut", "last_frame", "tail"]
"""How a shot begins: anew, with the last picture of an earlier shot, or with the end of its clip."""

EntryKind = Literal["cut", "dissolve", "fade_black", "fade_white", "wipe_left", "wipe_right"]
"""How the picture passes from one shot to the next when the film is joined."""

Name = Annotated[str, Field(pattern=r"^[\w-]{1,40}$")]
"""Names of cast and shots: letters and digits of any script, `_` and `-`, at most 40."""


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise PydanticCustomError("nul", "has a NUL character")
    return text


def _without_yes(value: Any) -> Any:
    if isinstance(value, bool):  # which Python counts as 1
        raise PydanticCustomError("float_type", "must be a number")
    return value


_Number = BeforeValidator(_without_yes)

_Storable = AfterValidator(_without_nul)
"""No path and no argument of a program can have a NUL in it; half of a surrogate pair is no text to begin with."""

Text = Annotated[str, Field(max_length=20_000), _Storable]
LongText = Annotated[str, Field(min_length=1, max_length=20_000), _Storable]
ShortText = Annotated[str, Field(min_length=1, max_length=1_000), _Storable]
FileSource = Annotated[str, Field(min_length=1, max_length=4096), _Storable]
"""A path, relative to the document, an https URL, `media:<id>`, `job:<id>` or `asset://<id>`."""

MENTION = re.compile(r"(?<![\w@])@([\w-]{1,40})")
"""How a text names somebody or something of the cast."""

NUMBERED_INPUT = re.compile(r"(?:image|video|audio|图片|视频|音频)\d*", re.IGNORECASE)
"""What `@` also stands before where a model numbers its inputs: no name of the cast."""

MAX_SHOTS = 120


class Part(BaseModel):
    """The base of everything in a document: unknown names are mistakes, and nothing changes later."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Member(Part):
    """
    Somebody or something that has to look the same in every shot.

    `looks` is what never changes, `wears` what a shot may replace; `ignore` is what must not be taken from the
    `images`. `voice` is a sound with the voice.
    """

    kind: CastKind = "person"
    looks: ShortText
    wears: ShortText | None = None
    images: tuple[FileSource, ...] = Field(default=(), max_length=30)
    ignore: ShortText | None = None
    voice: FileSource | None = None


class Line(Part):
    """Words that are spoken in a shot. `seen` is false for a voice from outside the picture."""

    who: Name | None = None
    text: ShortText
    language: Annotated[str, Field(max_length=40), _Storable] | None = None
    seen: bool = True


class Entry(Part):
    """How the film passes into a shot; the shot and the one before overlap for so many seconds."""

    kind: EntryKind = "cut"
    seconds: Annotated[float, _Number, Field(gt=0, le=5)] = 0.5

    @property
    def overlap(self) -> float:
        """By how many seconds the film gets shorter."""
        return 0.0 if self.kind == "cut" else self.seconds


class Shot(Part):
    """
    One clip of the film.

    `after` names the earlier shot that it continues; without it that is the one before. `last_frame` is a picture
    on which the shot ends, such as the `first_frame` of the next: a shared still. `wears` replaces what members of
    the cast wear.
    """

    id: Name
    seconds: Annotated[int, _Number, Field(ge=1, le=60)]
    prompt: LongText
    says: tuple[Line, ...] = Field(default=(), max_length=40)
    wears: Mapping[Name, ShortText] = Field(default_factory=dict)
    continues: Continuation = "cut"
    after: Name | None = None
    first_frame: FileSource | None = None
    last_frame: FileSource | None = None
    enter: Entry = Entry()
    model: Annotated[str, Field(max_length=200), _Storable] | None = None
    seed: Annotated[int, _Number, Field(ge=0, le=4294967295)] | None = None

    @property
    def mentioned(self) -> tuple[str, ...]:
        """The names of the cast in its prompt and dialogue, each once, in the order in which they come."""
        texts = [self.prompt, *(f"@{line.who}" for line in self.says if line.who and line.seen)]
        return tuple(dict.fromkeys(name for text in texts for name in mentions(text)))


class Music(Part):
    """A sound under the whole film. While somebody speaks it is quieter by `duck_db`."""

    file: FileSource
    volume_db: Annotated[float, _Number, Field(ge=-60, le=12)] = -12.0
    duck_db: Annotated[float, _Number, Field(ge=0, le=40)] = 9.0
    fade_seconds: Annotated[float, _Number, Field(ge=0, le=30)] = 1.5
    loop: bool = True


class Captions(Part):
    """Captions from the dialogue: a track of the film that can be switched on, and files beside it."""

    show: bool = True
    language: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] = "und"


class FilmDocument(Part):
    """A film as it was written. `loudness_lufs` is what the sound of the whole is brought to; None: as it is."""

    title: ShortText
    model: Annotated[str, Field(max_length=200), _Storable] | None = None
    provider: Annotated[str, Field(max_length=60), _Storable] | None = None
    resolution: Annotated[str, Field(max_length=20), _Storable] | None = None
    aspect_ratio: Annotated[str, Field(max_length=20), _Storable] = "16:9"
    style: Text | None = None
    generate_audio: bool | None = None
    cast: Mapping[Name, Member] = Field(default_factory=dict)
    shots: Annotated[tuple[Shot, ...], Field(min_length=1, max_length=MAX_SHOTS)]
    music: Music | None = None
    captions: Captions = Captions()
    loudness_lufs: Annotated[float, _Number, Field(ge=-40, le=-5)] | None = -16.0

    def shot(self, name: str) -> Shot:
        """Return one shot. Raises KeyError: there is none of this name."""
        for shot in self.shots:
            if shot.id == name:
                return shot
        raise KeyError(name)

    def parent(self, shot: Shot) -> Shot | None:
        """Return the shot that this one continues; None if it begins anew."""
        if shot.continues == "cut":
            return None
        if shot.after is not None:
            return self.shot(shot.after)
        return self.shots[self.shots.index(shot) - 1]

    @property
    def seconds(self) -> float:
        """How long the film is, by what the shots are to be."""
        return sum(shot.seconds for shot in self.shots) - sum(shot.enter.overlap for shot in self.shots[1:])


def mentions(text: str) -> Iterator[str]:
    """Name what a text calls by `@name`; `@Image 1` and the like, which number a model's inputs, are none."""
    for match in MENTION.finditer(text):
        if not NUMBERED_INPUT.fullmatch(match[1]):
            yield match[1]


def named_files(document: Any) -> Iterator[str]:
    """List the sources of files in a document, or in changes to one, that nobody has checked yet."""
    if isinstance(document, Mapping):
        for name, value in cast("Mapping[Any, Any]", document).items():
            yield from _texts(value) if name in _file_fields() else named_files(value)
    elif isinstance(document, list | tuple):
        for inner in cast("Sequence[Any]", document):
            yield from named_files(inner)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for inner in cast("Sequence[Any]", value):
            yield from _texts(inner)
    else:  # one of the cast, too, may be called `file`
        yield from named_files(value)


@cache
def _file_fields() -> frozenset[str]:
    """Name the fields that hold sources of files, in whatever part of a document."""
    parts = (Member, Line, Entry, Shot, Music, Captions, FilmDocument)
    return frozenset(
        name
        for part in parts
        for name, kind in get_type_hints(part, include_extras=True).items()
        if _holds_a_file(kind)
    )


def _holds_a_file(kind: Any) -> bool:
    return kind == FileSource or any(_holds_a_file(inner) for inner in get_args(kind))
