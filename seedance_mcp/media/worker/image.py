"""The worker's look at an image: how large it is the right way up, and whether it decodes."""

from __future__ import annotations

import io
import struct
import warnings
from typing import IO, Any

from PIL import Image

from ..cuts import pieces
from .refusal import RefusalError
from .signatures import Signature
from .strip_image import bare_cuts

MAX_PIXELS = 64_000_000
_ORIENTATION = 0x0112
_TURNED = frozenset((5, 6, 7, 8))
"""Values of the EXIF orientation that swap width and height."""

Image.init()  # loads all formats now: later the worker cannot open their files any more


def open_image(source: IO[bytes], signature: Signature) -> Image.Image:
    """
    Open an image whose pixels can be decoded, without its metadata where that cannot be read.

    Pillow reads text, profile and EXIF together with the picture, and gives up on the whole file when one of them
    is broken or unpacks to more than a megabyte. What cannot be read is then left out; the picture is the same.
    An image of more than `MAX_PIXELS` is opened, but not decoded.

    Raises:
        Exception: whatever Pillow's parser stumbles over in the picture itself.
    """
    Image.MAX_IMAGE_PIXELS = None  # judged by the caller, with a message of our own
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _opened(source, signature)
        except Exception:
            bare = _without_metadata(source, signature)
            if bare is None:
                raise
        return _opened(bare, signature)


def orientation_of(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 (upright) where it is missing or cannot be read."""
    try:
        found = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # Pillow's parser raises whatever it stumbles over
        return 1
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _opened(source: IO[bytes], signature: Signature) -> Image.Image:
    """Open an image as far as its last chunk of metadata: PNG may have some behind the picture."""
    source.seek(0)
    image = Image.open(source, formats=[signature.decoder])
    if image.width * image.height <= MAX_PIXELS:
        image.load()
    return image


def _without_metadata(source: IO[bytes], signature: Signature) -> IO[bytes] | None:
    """The same picture without text, EXIF and profile; None for a format that cannot be cut, or a damaged file."""
    source.seek(0)
    data = source.read()
    try:
        return io.BytesIO(b"".join(pieces(io.BytesIO(data), bare_cuts(data, signature.mime_type))))
    except (LookupError, ValueError, struct.error):
        return None


def identify_image(source: IO[bytes], signature: Signature) -> tuple[dict[str, Any], bytes]:
    """
    Measure an image as it is shown, after decoding its first frame completely.

    Raises:
        RefusalError: it does not decode, or declares more pixels than any model takes.
    """
    try:
        with open_image(source, signature) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise RefusalError(
                    f"The image declares {width} x {height} pixels; at most "
                    f"{MAX_PIXELS // 1_000_000} million are decoded.",
                    "Make a smaller copy: no model takes more than 6000 pixels a side.",
                )
            turned = orientation_of(image) in _TURNED
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
