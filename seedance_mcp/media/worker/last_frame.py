"""The worker's task `last_frame`: the picture that a video ends on, as PNG."""

from __future__ import annotations

import io
from typing import IO, Any

from av.error import FFmpegError
from PIL import Image

from ..frames import upright
from .refusal import RefusalError
from .scanning import AGAIN, open_film
from .signatures import Signature

# Loaded now: later the worker cannot open files any more.
Image.init()


def draw_last_frame(source: IO[bytes], signature: Signature) -> tuple[dict[str, Any], bytes]:
    """
    Return the size of the last frame in pixels, and the frame as PNG.

    Raises:
        RefusalError: the video does not decode to its end.
    """
    last = None
    with open_film(source, signature) as film:
        try:
            for frame in film.decode(video=0):
                last = frame
        except (FFmpegError, IndexError) as error:
            raise RefusalError("The video stops decoding before its end.", AGAIN) from error
    if last is None:
        raise RefusalError("Not one picture of the video could be decoded.", AGAIN)
    answer = io.BytesIO()
    picture = upright(last)
    picture.save(answer, "PNG")
    return {"width": picture.width, "height": picture.height}, answer.getvalue()
