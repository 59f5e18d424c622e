"""The worker's part in making the copy that leaves: what is to be cut out, or the picture drawn anew."""

from __future__ import annotations

import io
import math
import warnings
from typing import IO, Any

from PIL import Image, ImageOps

from .cuts import Cut, written
from .film_cuts import film_cuts
from .picture_cuts import PICTURES
from .refusal import RefusalError
from .signatures import Signature
from .sound_cuts import SOUNDS

Image.init()

_MOST_BYTES = 15_000_000
"""A picture drawn anew has at most as many: it travels through the worker's answer."""
_QUALITIES = (95, 90, 85, 80, 72, 64, 55)
_SMALLER = 0.8
_LOSSLESS = frozenset(("image/png", "image/bmp", "image/tiff", "image/gif", "image/avif"))
_SCREENED = frozenset(("RGB", "L"))


def find_private(source: IO[bytes], signature: Signature) -> tuple[dict[str, Any], bytes]:
    """
    Say what is to be cut out of a file before it leaves, or draw a picture anew where nothing can be cut.

    Raises:
        RefusalError: the format can hide data that cannot be removed here.
    """
    source.seek(0)
    if signature.kind == "image":
        if signature.mime_type not in PICTURES:
            return _plain_copy(source, signature)
        try:
            cuts = PICTURES[signature.mime_type](source.read(), _orientation(source, signature))
        except (ValueError, IndexError):
            return _plain_copy(source, signature)
        return _answer(cuts)
    if signature.decoder == "mov":
        return _answer(film_cuts(source))
    if signature.decoder in SOUNDS:
        try:
            return _answer(SOUNDS[signature.decoder](source.read()))
        except (ValueError, IndexError):
            raise RefusalError("The sound's tags are damaged.", "Export it again as MP3 or WAV.") from None
    raise RefusalError(
        f"What is hidden in a file of type {signature.mime_type}, such as the place of recording, cannot be"
        " removed here, so it does not leave this machine.",
        "Export it as MP4 (video), or MP3 or WAV (sound).",
    )


def draw_fitting(
    source: IO[bytes],
    signature: Signature,
    *,
    formats: list[str],
    max_bytes: int,
    sides: list[int] | None,
    ratio: list[float] | None,
) -> tuple[dict[str, Any], bytes]:
    """
    Draw a picture anew so that it keeps to these limits: scaled as a whole, never cropped; where its shape is
    too long, centred on black. The same file gives the same bytes.

    Raises:
        RefusalError: it is no image, or no size fits.
    """
    if signature.kind != "image":
        raise RefusalError("Only images are made to fit.")
    image = _upright(source, signature)
    shaped = _shaped(image, tuple(sides) if sides else None, tuple(ratio) if ratio else None)
    least = sides[0] if sides else 1
    return _encoded(shaped, signature, formats=formats, most=min(max_bytes, _MOST_BYTES), least=least)


def _answer(cuts: list[Cut]) -> tuple[dict[str, Any], bytes]:
    return {"cuts": written(cuts)}, b""


def _orientation(source: IO[bytes], signature: Signature) -> int:
    with _opened(source, signature) as image:
        found = image.getexif().get(0x0112, 1)
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _opened(source: IO[bytes], signature: Signature) -> Image.Image:
    source.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Image.open(source, formats=[signature.decoder])


def _upright(source: IO[bytes], signature: Signature) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = ImageOps.exif_transpose(_opened(source, signature))
        if image.mode.startswith("I;16") or image.mode in ("I", "F"):
            image = image.convert("I").point(lambda value: value / 256).convert("L")
        if image.mode in _SCREENED:
            return image
        clear = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
        return image.convert("RGBA" if clear else "RGB")


def _plain_copy(source: IO[bytes], signature: Signature) -> tuple[dict[str, Any], bytes]:
    image = _upright(source, signature)
    return _encoded(image, signature, formats=["image/png", "image/jpeg"], most=_MOST_BYTES, least=1)


def _shaped(
    image: Image.Image, sides: tuple[int, ...] | None, ratio: tuple[float, ...] | None
) -> Image.Image:
    width, height = _canvas(*image.size, ratio)
    if sides:
        scale = max(min(1.0, sides[1] / max(width, height)), sides[0] / min(width, height))
        if scale != 1:
            inner = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
            image = image.resize(inner, Image.Resampling.LANCZOS)
            width, height = (max(side, sides[0]) for side in _canvas(*inner, ratio))
    if (width, height) == image.size:
        return image
    canvas = Image.new("RGB" if image.mode == "RGBA" else image.mode, (width, height))
    place = ((width - image.width) // 2, (height - image.height) // 2)
    canvas.paste(image, place, image if image.mode == "RGBA" else None)
    return canvas


def _canvas(width: int, height: int, ratio: tuple[float, ...] | None) -> tuple[int, int]:
    if ratio is None:
        return width, height
    if width / height < ratio[0]:
        width = math.ceil(height * ratio[0])
    elif width / height > ratio[1]:
        height = math.ceil(width / ratio[1])
    return width, height


def _encoded(
    image: Image.Image, signature: Signature, *, formats: list[str], most: int, least: int
) -> tuple[dict[str, Any], bytes]:
    profile = image.info.get("icc_profile")
    image.info.clear()
    lossless = signature.mime_type in _LOSSLESS or image.mode == "RGBA" or "image/jpeg" not in formats
    while True:
        if lossless and "image/png" in formats:
            content = _saved(image, "PNG", icc_profile=profile)
            if len(content) <= most:
                return {"mime_type": "image/png"}, content
        if "image/jpeg" in formats:
            flat = image if image.mode in _SCREENED else _flat(image)
            for quality in _QUALITIES:
                content = _saved(flat, "JPEG", quality=quality, icc_profile=profile, optimize=False)
                if len(content) <= most:
                    return {"mime_type": "image/jpeg"}, content
        smaller = (round(image.width * _SMALLER), round(image.height * _SMALLER))
        if min(smaller) < least:
            raise RefusalError(
                f"No copy of the image has at most {most:,} bytes.", "Use a simpler or smaller image."
            )
        image = image.resize(smaller, Image.Resampling.LANCZOS)


def _flat(image: Image.Image) -> Image.Image:
    flat = Image.new("RGB", image.size, "white")
    flat.paste(image, mask=image.getchannel("A") if image.mode == "RGBA" else None)
    return flat


def _saved(image: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **{name: value for name, value in options.items() if value is not None})
    return buffer.getvalue()
