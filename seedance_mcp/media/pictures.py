"""The worker's look at an image: how large it is the right way up, and whether it decodes."""

from __future__ import annotations

import warnings
from typing import IO, Any

from PIL import Image

from .refusal import RefusalError
from .signatures import Signature

_MAX_PIXELS = 64_000_000
_ORIENTATION = 0x0112
_TURNED = frozenset((5, 6, 7, 8))
"""Values of the EXIF orientation that swap width and height."""

Image.init()  # loads all formats now: later the worker cannot open their files any more


def identify_image(source: IO[bytes], signature: Signature) -> tuple[dict[str, Any], bytes]:
    """
    Measure an image as it is shown, after decoding its first frame completely.

    Raises:
        RefusalError: it does not decode, or declares more pixels than any model takes.
    """
    Image.MAX_IMAGE_PIXELS = None  # judged here, with a message of our own
    source.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(source, formats=[signature.decoder]) as image:
                width, height = image.size
                if width * height > _MAX_PIXELS:
                    raise RefusalError(
                        f"The image declares {width} x {height} pixels; at most "
                        f"{_MAX_PIXELS // 1_000_000} million are decoded.",
                        "Make a smaller copy: no model takes more than 6000 pixels a side.",
                    )
                turned = image.getexif().get(_ORIENTATION) in _TURNED
                image.load()
    except (RefusalError, MemoryError):
        raise
    except Exception as error:  # Pillow's formats raise whatever their parser stumbles over
        raise RefusalError(
            f"The file starts like a {signature.decoder} image but does not decode: {error}.",
            "It is damaged or incomplete; save it again or choose another one.",
        ) from error
    if turned:
        width, height = height, width
    return {"kind": "image", "mime_type": signature.mime_type, "width": width, "height": height}, b""
