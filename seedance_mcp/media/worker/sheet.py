"""The worker's task `sheet`: evenly spaced frames of a video on one JPEG, each with its time."""

from __future__ import annotations

import io
import math
from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import IO, Any

from av.container import InputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
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

# Loaded now: later the worker cannot open files any more. The few formats that this loads have JPEG among them.
Image.preinit()
_FONT = ImageFont.load_default(20)

Shot = tuple[float, Image.Image]


@dataclass(frozen=True)
class _Grid:
    """How frames stand on a sheet, and the size of each in pixels."""

    columns: int
    rows: int
    cell: tuple[int, int]


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
    decoding = _decoded(film, picture, wanted)
    position = stamps[0]
    for stamp in wanted:
        key = max((key for key in keys if key <= stamp), default=stamps[0])
        if key > position:
            film.seek(key, stream=picture)
            decoding = _decoded(film, picture, wanted)
        found = next((frame for frame in decoding if frame.pts is not None and frame.pts >= stamp), None)
        if found is None:
            break
        position = found.pts or stamp
        shots.append(((stamp - stamps[0]) * unit, _small(found, len(wanted))))
    return shots


def _decoded(
    film: InputContainer, picture: VideoStream, wanted: Container[int | None]
) -> Iterator[VideoFrame]:
    """Decode on from here. Of H.264, frames that are not wanted and that no other frame is drawn from are left out."""
    # H.264 marks them; in HEVC the same mark does not exclude that a frame of a higher layer needs one.
    rest = "NONREF" if picture.codec_context.name == "h264" else "DEFAULT"
    for packet in film.demux(picture):
        picture.codec_context.skip_frame = "DEFAULT" if packet.pts in wanted else rest
        yield from packet.decode()


def _small(frame: VideoFrame, count: int) -> Image.Image:
    """The frame upright, as large as it stands on the largest sheet of so many."""
    sides = (frame.width, frame.height) if frame.rotation % 180 == 0 else (frame.height, frame.width)
    return upright(frame, longest_side=max(_grid(count, sides[0] / sides[1], _WIDTHS[0]).cell))


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
    grid = _grid(len(shots), first.width / first.height, width)
    cell_width, cell_height = grid.cell
    sheet = Image.new(
        "RGB",
        (grid.columns * (cell_width + _GAP) + _GAP, grid.rows * (cell_height + _GAP) + _GAP),
        _PAPER,
    )
    for place, (time, image) in enumerate(shots):
        left = _GAP + place % grid.columns * (cell_width + _GAP)
        top = _GAP + place // grid.columns * (cell_height + _GAP)
        cell = image.resize(grid.cell, Image.Resampling.LANCZOS)
        _stamp(cell, f"{time:.2f} s")
        sheet.paste(cell, (left, top))
    return sheet


def _grid(count: int, shape: float, width: int) -> _Grid:
    """The grid of a sheet of which no side is longer than `width`; `shape` is a frame's width to its height."""
    columns = _columns(count, shape)
    rows = math.ceil(count / columns)
    cell_width = max(16, (width - _GAP * (columns + 1)) // columns)
    cell_height = max(16, round(cell_width / shape))
    # A tall layout is narrowed.
    if rows * (cell_height + _GAP) + _GAP > width:
        cell_height = max(16, (width - _GAP * (rows + 1)) // rows)
        cell_width = max(16, round(cell_height * shape))
    return _Grid(columns, rows, (cell_width, cell_height))


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
