"""The command `view`: a contact sheet on disk and the facts measured from a video."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import anyio

from ...app import Viewed
from ...config import Settings, load_settings
from ...errors import InvalidRequest, MediaError
from ...texts import inert
from ...types import MAX_SHEET_FRAMES
from ..arguments import absolute, whole, whole_number
from ..opening import opened
from ..text import json_text

_JPEG, _PNG = (".jpg", ".jpeg"), ".png"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the source and what to do with the sheet."""
    parser.add_argument("source", help="A job id, or the path of a video")
    parser.add_argument(
        "--frames",
        type=whole_number(1, MAX_SHEET_FRAMES),
        default=9,
        metavar="N",
        help=f"Frames on the sheet (1 to {MAX_SHEET_FRAMES})",
    )
    parser.add_argument("--out", metavar="FILE", help="Write the sheet here: a new .jpg or .png file")
    parser.add_argument("--json", action="store_true", help="Print the facts as JSON")


def execute(arguments: argparse.Namespace) -> int:
    """Write the sheet, print the facts."""
    settings, source = load_settings(), arguments.source
    out = _new_sheet(Path(arguments.out)) if arguments.out else None
    if not source.startswith("job_") or Path(source).exists():
        source = absolute(source)
        settings = settings.also_reading(Path(source).parent)
    viewed = anyio.run(_view, settings, source, arguments.frames)
    if out:
        viewed = replace(viewed, sheet=_write(out, viewed.jpeg))
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


async def _view(settings: Settings, source: str, frames: int) -> Viewed:
    async with opened(settings, watch=False) as app:
        return await app.view(source, frames)


def _lines(viewed: Viewed) -> str:
    facts = viewed.facts
    loud = f", {facts.loudness_lufs:.1f} LUFS" if facts.loudness_lufs is not None else ""
    shown = [
        ("video", str(facts.path)),
        (
            "picture",
            f"{facts.width}x{facts.height}, {facts.fps:g} fps, {facts.frames} frames, {facts.video_codec}",
        ),
        ("length", f"{facts.duration_seconds:.2f} s"),
        ("sound", f"{facts.audio_codec}{loud}" if facts.has_audio else "none"),
        ("cuts", ", ".join(f"{second:.2f} s" for second in facts.cuts) or "none"),
    ]
    for name, spans in (("black", facts.blacks), ("frozen", facts.freezes), ("silent", facts.silences)):
        shown.append(
            (name, ", ".join(f"{span.start:.2f} to {span.end:.2f} s" for span in spans) or "nowhere")
        )
    shown.append(("sheet", str(viewed.sheet)))
    return "\n".join(f"{name + ':':<10}{inert(value)}" for name, value in shown)
