"""The worker's task `poster`: the first picture of a video as a small JPEG, with nothing written on it."""

from __future__ import annotations

import io
from typing import IO, Any

from av.error import FFmpegError
from PIL import Image

from ..frames import upright
from .refusal import RefusalError
from .scanning import AGAIN, open_film
from .signatures import Signature

_SIDES = (480, 400, 320, 240, 160)
_QUALITIES = (75, 60, 45)

# Loaded now: later the worker cannot open files any more. The few formats that this loads have JPEG among them.
Image.preinit()


def draw_poster(source: IO[bytes], signature: Signature, *, max_bytes: int) -> tuple[dict[str, Any], bytes]:
    """
    Return the size of the poster in pixels, and the poster, which has at most `max_bytes` bytes.

    Raises:
        RefusalError: not even its first picture decodes.
    """
    with open_film(source, signature) as film:
        try:
            frame = next(film.decode(video=0), None)
        except (FFmpegError, IndexError) as error:
            raise RefusalError("The video does not decode.", AGAIN) from error
        if frame is None:
            raise RefusalError("Not one picture of the video could be decoded.", AGAIN)
        picture = upright(frame, longest_side=_SIDES[0])
    jpeg = b""
    for side in _SIDES:
        picture.thumbnail((side, side), Image.Resampling.LANCZOS)
        for quality in _QUALITIES:
            buffer = io.BytesIO()
            picture.save(buffer, "JPEG", quality=quality, optimize=True)
            jpeg = buffer.getvalue()
            if len(jpeg) <= max_bytes:
                return {"width": picture.width, "height": picture.height}, jpeg
    return {"width": picture.width, "height": picture.height}, jpeg
