"""The worker's task `sheet`: evenly spaced frames of a video on one JPEG, each with its time."""

from __future__ import annotations

import io
import math
from typing import IO, Any

from av.container import InputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream
from PIL import Image, ImageDraw, ImageFont

from ..frames import upright
from .refusal import RefusalError
from .scanning import AGAIN, open_film, picture_stream
from .signatures import Signature

_WIDTHS = (1536, 1344, 1152, 960, 800, 640, 512, 400, 320, 240, 160)
_QUALITIES = (82, 68, 52)
_SHAPE = 4 / 3
"""Width to height that a sheet comes close to: chats show that well."""
_GAP = 6
_PAPER = (24, 24, 27)

# Loaded now: later the worker cannot open files any more.
Image.init()
_FONT = ImageFont.load_default(20)

Shot = tuple[float, Image.Image]


def draw_sheet(
    source: IO[bytes], signature: Signature, *, frames: int, max_bytes: int
) -> tuple[dict[str, Any], bytes]:
    """
    Draw a sheet of at most `frames` frames, first and last included, of at most `max_bytes` bytes.

    Raises:
        RefusalError: the video does not decode.
    """
    with open_film(source, signature) as film:
        picture = picture_stream(film)
        if picture is None:
            raise RefusalError("The file holds no picture.", AGAIN)
        try:
            shots = _shots(film, picture, frames)
        except FFmpegError as error:
            raise RefusalError(f"The video stops decoding: {error.strerror}.", AGAIN) from error
    if not shots:
        raise RefusalError("Not one picture of the video could be decoded.", AGAIN)
    return {"times": [round(time, 3) for time, _ in shots]}, _fitted(shots, max_bytes)


def _shots(film: InputContainer, picture: VideoStream, frames: int) -> list[Shot]:
    """Decode only what is needed: from the nearest key frame before each wanted frame."""
    index = sorted(
        (packet.pts, packet.is_keyframe)
        for packet in film.demux(picture)
        if packet.pts is not None and packet.size and not packet.is_discard
    )
    if not index:
        return []
    stamps = [stamp for stamp, _ in index]
    keys = [stamp for stamp, is_key in index if is_key]
    last = len(stamps) - 1
    count = min(frames, len(stamps))
    wanted = sorted({stamps[round(place * last / max(1, count - 1))] for place in range(count)})
    if count == 1:
        wanted = [stamps[0]]
    unit = float(picture.time_base or 0)
    shots: list[Shot] = []
    film.seek(stamps[0], stream=picture)
    decoding = film.decode(picture)
    position = stamps[0]
    for stamp in wanted:
        key = max((key for key in keys if key <= stamp), default=stamps[0])
        if key > position:
            film.seek(key, stream=picture)
            decoding = film.decode(picture)
        found = next((frame for frame in decoding if frame.pts is not None and frame.pts >= stamp), None)
        if found is None:
            break
        position = found.pts or stamp
        shots.append(((stamp - stamps[0]) * unit, upright(found, longest_side=_WIDTHS[0])))
    return shots


def _fitted(shots: list[Shot], max_bytes: int) -> bytes:
    """The largest and then clearest sheet that keeps to the size, or else the smallest there is."""
    encoded = b""
    for width in _WIDTHS:
        sheet = _sheet(shots, width)
        encoded = _encoded(sheet, _QUALITIES[-1])
        if len(encoded) <= max_bytes:
            clearer = (_encoded(sheet, quality) for quality in _QUALITIES[:-1])
            return next((better for better in clearer if len(better) <= max_bytes), encoded)
    return encoded


def _encoded(sheet: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=quality, optimize=True)
    return buffer.getvalue()


def _sheet(shots: list[Shot], width: int) -> Image.Image:
    first = shots[0][1]
    shape = first.width / first.height
    columns = _columns(len(shots), shape)
    rows = math.ceil(len(shots) / columns)
    # A tall layout is narrowed, so that no side is longer than `width`.
    cell_width = max(16, (width - _GAP * (columns + 1)) // columns)
    cell_height = max(16, round(cell_width / shape))
    if rows * (cell_height + _GAP) + _GAP > width:
        cell_height = max(16, (width - _GAP * (rows + 1)) // rows)
        cell_width = max(16, round(cell_height * shape))
    sheet = Image.new(
        "RGB", (columns * (cell_width + _GAP) + _GAP, rows * (cell_height + _GAP) + _GAP), _PAPER
    )
    for place, (time, image) in enumerate(shots):
        left = _GAP + place % columns * (cell_width + _GAP)
        top = _GAP + place // columns * (cell_height + _GAP)
        cell = image.resize((cell_width, cell_height), Image.Resampling.LANCZOS)
        _stamp(cell, f"{time:.2f} s")
        sheet.paste(cell, (left, top))
    return sheet


def _columns(count: int, shape: float) -> int:
    """How many frames stand side by side, so that the sheet has a good shape and few empty places."""

    def cost(columns: int) -> float:
        rows = math.ceil(count / columns)
        return abs(math.log(columns * shape / rows / _SHAPE)) + 0.5 * (columns * rows - count) / count

    return min(range(1, count + 1), key=cost)


def _stamp(cell: Image.Image, text: str) -> None:
    font = (
        _FONT.font_variant(size=max(9, min(24, cell.width // 14)))
        if isinstance(_FONT, ImageFont.FreeTypeFont)
        else _FONT
    )
    draw = ImageDraw.Draw(cell, "RGBA")
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
    width, height = right - left + 8, bottom - top + 6
    corner = (0, cell.height - height)
    draw.rectangle((*corner, width, cell.height), fill=(0, 0, 0, 170))
    draw.text((4 - left, corner[1] + 3 - top), text, font=font, fill="white")
