"""The command `view`: a contact sheet on disk and the facts measured from a video, or from several side by side."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from string import ascii_uppercase
from typing import TYPE_CHECKING

import anyio

from ...app import App, Viewed
from ...config import Settings, load_settings
from ...errors import InvalidRequest, MediaError
from ...films import file_of
from ...texts import inert
from ...types import FILM_PREFIX, MAX_COMPARED, MAX_SHEET_FRAMES, SET_PREFIX, Look
from ..arguments import absolute, seconds, whole, whole_number
from ..opening import opened
from ..text import json_text

if TYPE_CHECKING:
    from ...media import VideoFacts

_JPEG, _PNG = (".jpg", ".jpeg"), ".png"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the source and what to do with the sheet."""
    parser.add_argument(
        "source",
        nargs="+",
        help=f"The id of a job, a set or a film, or the path of a video; 2 to {MAX_COMPARED} are shown side by side",
    )
    parser.add_argument(
        "--frames",
        type=whole_number(1, MAX_SHEET_FRAMES),
        default=9,
        metavar="N",
        help=f"Frames on the sheet (1 to {MAX_SHEET_FRAMES})",
    )
    show = parser.add_mutually_exclusive_group()
    show.add_argument(
        "--cuts",
        dest="show",
        action="store_const",
        const="cuts",
        default="frames",
        help="Show the frames before and after each cut",
    )
    show.add_argument(
        "--sound", dest="show", action="store_const", const="sound", help="Show how loud it is over time"
    )
    parser.add_argument("--start", type=seconds, default=0.0, metavar="SECONDS", help="Look from here on")
    parser.add_argument("--end", type=seconds, metavar="SECONDS", help="Look up to here")
    parser.add_argument("--out", metavar="FILE", help="Write the sheet here: a new .jpg or .png file")
    parser.add_argument("--json", action="store_true", help="Print the facts as JSON")


def execute(arguments: argparse.Namespace) -> int:
    """Write the sheet, print the facts."""
    settings = load_settings()
    out = _new_sheet(Path(arguments.out)) if arguments.out else None
    sources: list[str] = []
    for source in arguments.source:
        if not source.startswith(("job_", SET_PREFIX, FILM_PREFIX)) or Path(source).exists():
            source = absolute(source)
            settings = settings.also_reading(Path(source).parent)
        sources.append(source)
    first, *others = sources
    look = Look(
        show=arguments.show,
        frames=arguments.frames,
        start=arguments.start,
        end=arguments.end,
        compare=tuple(others),
    )
    viewed = anyio.run(_view, settings, first, look)
    if out and viewed.sheet:
        viewed = replace(viewed, file=_write(out, viewed.sheet.jpeg))
    if arguments.json:
        from ...presentation import views

        print(json_text(views.view(viewed).model_dump(mode="json")))
    else:
        print(_lines(viewed))
    return 0


def _new_sheet(named: Path) -> Path:
    """
    Make the path for the sheet absolute.

    Raises:
        InvalidRequest: something is there already, or the ending is that of no picture that can be written.
    """
    path = whole(named)
    if os.path.lexists(path):
        raise _exists(path)
    if path.suffix.lower() not in (*_JPEG, _PNG):
        raise InvalidRequest(
            [f"--out {path}: the contact sheet is a picture, so its name has to end in .jpg, .jpeg or .png."],
            hint="Name it so.",
        )
    return path


def _exists(path: Path) -> InvalidRequest:
    return InvalidRequest(
        [f"--out {path}: there is something with this name already, and it is not overwritten."],
        hint="Name a file that is not there yet, or leave --out away.",
    )


def _write(path: Path, jpeg: bytes) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            file = path.open("xb")  # what has appeared since the look is not overwritten either
        except FileExistsError:
            raise _exists(path) from None
        with file:
            file.write(_as_png(jpeg) if path.suffix.lower() == _PNG else jpeg)
    except OSError as error:
        raise MediaError(
            f"The contact sheet cannot be written to {path}: {error.strerror or error}.",
            hint="Name a file in a folder that can be written to.",
        ) from error
    return path


def _as_png(jpeg: bytes) -> bytes:
    from PIL import Image

    written = BytesIO()
    with Image.open(BytesIO(jpeg), formats=["JPEG"]) as picture:
        picture.save(written, "PNG")
    return written.getvalue()


async def _view(settings: Settings, source: str, look: Look) -> Viewed:
    async with opened(settings, watch=False) as app:
        film = await _film(app, source)
        others = tuple([str(await _film(app, other) or other) for other in look.compare])
        look = replace(look, compare=others)
        return await app.viewing.view(str(film or source), look, film.parent if film else None)


async def _film(app: App, source: str) -> Path | None:
    """Return the file of the film with this id; None: it is the id of no film."""
    if not source.startswith(FILM_PREFIX):
        return None
    return file_of(await app.films.fetched(await app.films.find(source)))


def _lines(viewed: Viewed) -> str:
    shown = _facts(viewed.facts)
    for letter, other in zip(ascii_uppercase[1:], viewed.others, strict=False):
        shown += [("", ""), ("beside", letter), *_facts(other.facts)]
    shown += [("", "")] if viewed.others else []
    shown += [("note", note) for note in viewed.notes]
    shown += [("sheet", str(viewed.file))] if viewed.file else []
    return "\n".join(f"{name + ':':<10}{inert(value)}" if name else "" for name, value in shown)


def _facts(facts: VideoFacts) -> list[tuple[str, str]]:
    loud = f", {facts.loudness_lufs:.1f} LUFS" if facts.loudness_lufs is not None else ""
    spans = (("black", facts.blacks), ("frozen", facts.freezes), ("silent", facts.silences))
    return [
        ("video", str(facts.path)),
        (
            "picture",
            f"{facts.width}x{facts.height}, {facts.fps:g} fps, {facts.frames} frames, {facts.video_codec}",
        ),
        ("length", f"{facts.duration_seconds:.2f} s"),
        ("sound", f"{facts.audio_codec}{loud}" if facts.has_audio else "none"),
        ("cuts", ", ".join(f"{second:.2f} s" for second in facts.cuts) or "none"),
        *(
            (name, ", ".join(f"{span.start:.2f} to {span.end:.2f} s" for span in places) or "nowhere")
            for name, places in spans
        ),
    ]
