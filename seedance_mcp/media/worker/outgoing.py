"""The worker's part in making the copy that leaves: what is to be cut out, or the picture drawn anew."""

from __future__ import annotations

import contextlib
import io
import math
import struct
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

from PIL import Image, ImageOps

from ..cuts import Cut, written
from ..fitting import PictureLimits, fitted_size
from .image import open_image, orientation_of
from .refusal import RefusalError
from .signatures import Signature
from .strip_audio import SOUNDS
from .strip_image import PICTURES

Image.init()

_MOST_BYTES = 15_000_000
"""A picture drawn anew has at most as many: it travels through the worker's answer."""
_QUALITIES = (95, 90, 85, 80, 72, 64, 55)
_SMALLER = 0.8
_LOSSLESS = frozenset(("image/png", "image/bmp", "image/tiff", "image/gif", "image/avif"))
_SCREENED = frozenset(("RGB", "L"))
_PROFILES = {b"RGB ": ("RGB", "RGBA"), b"GRAY": ("L",)}
_DAMAGED = (ValueError, IndexError, struct.error)

Draw = Callable[[float], Image.Image | None]
"""The picture at a scale; None where there is no such size."""


def find_private(source: IO[bytes], signature: Signature) -> tuple[dict[str, Any], bytes]:
    """
    List what is to be cut out of a picture or sound before it leaves, or draw a picture anew where nothing can be cut.

    Raises:
        RefusalError: the format can hide data that cannot be removed here.
    """
    source.seek(0)
    if signature.kind == "image":
        if signature.mime_type not in PICTURES:
            return _plain_copy(source, signature)
        try:
            cuts = PICTURES[signature.mime_type](source.read(), _orientation(source, signature))
        except _DAMAGED:
            return _plain_copy(source, signature)
        return _answer(cuts)
    if signature.decoder in SOUNDS:
        try:
            return _answer(SOUNDS[signature.decoder](source.read()))
        except _DAMAGED:
            raise RefusalError("The sound's tags are damaged.", "Export it again as MP3 or WAV.") from None
    raise RefusalError(
        f"What is hidden in a file of type {signature.mime_type}, such as the place of recording, cannot be"
        " removed here, so it does not leave this machine.",
        "Export it as MP4 (video), or MP3 or WAV (sound).",
    )


def draw_fitting(
    source: IO[bytes], signature: Signature, *, limits: Mapping[str, Any]
) -> tuple[dict[str, Any], bytes]:
    """
    Draw a picture anew so that it keeps to the `limits`, which are those of a `PictureLimits`.

    See `fitted_size`; where its shape is too long it is drawn on black. What is to be `exact` is scaled to that.

    Raises:
        RefusalError: it is no image, or no size fits.
    """
    if signature.kind != "image":
        raise RefusalError("Only images are made to fit.")
    image, most = _upright(source, signature), PictureLimits(**limits)
    drawing = _drawing(image, most.sides, most.ratio) if most.exact is None else _scaled(image, most.exact)
    most_bytes = min(most.max_bytes, _MOST_BYTES)
    return _encoded(drawing, _profile(image), signature, formats=most.formats, most=most_bytes)


def _answer(cuts: list[Cut]) -> tuple[dict[str, Any], bytes]:
    return {"cuts": written(cuts)}, b""


def _orientation(source: IO[bytes], signature: Signature) -> int:
    with open_image(source, signature) as image:
        return orientation_of(image)


def _upright(source: IO[bytes], signature: Signature) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = open_image(source, signature)
        with contextlib.suppress(Exception):  # EXIF that cannot be read says nothing of how the picture lies
            image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I;16") or image.mode in ("I", "F"):
            image = image.convert("I").point(lambda value: value / 256).convert("L")
        if image.mode in _SCREENED:
            return image
        clear = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
        return image.convert("RGBA" if clear else "RGB")


def _profile(image: Image.Image) -> bytes | None:
    """The colour profile, if it is one for the colours that the picture has now."""
    profile = image.info.get("icc_profile") or b""
    return profile if image.mode in _PROFILES.get(profile[16:20], ()) else None


def _plain_copy(source: IO[bytes], signature: Signature) -> tuple[dict[str, Any], bytes]:
    image = _upright(source, signature)
    drawing, formats = _drawing(image, None, None), ["image/png", "image/jpeg"]
    return _encoded(drawing, _profile(image), signature, formats=formats, most=_MOST_BYTES)


def _drawing(image: Image.Image, sides: Sequence[int] | None, ratio: Sequence[float] | None) -> Draw:
    """Draw at sizes that fit; at scale 1 as large as it can be without being larger than it was."""

    def draw(scale: float) -> Image.Image | None:
        sizes = fitted_size(*image.size, sides=sides, ratio=ratio)
        if sizes is not None and scale < 1:
            scale *= max(sizes[1]) / max(image.size)
            sizes = fitted_size(*image.size, sides=sides, ratio=ratio, scale=scale)
        return None if sizes is None else _framed(image, *sizes)

    return draw


def _scaled(image: Image.Image, size: tuple[int, int]) -> Draw:
    """Draw at this size alone: fewer bytes may cost quality, and no pixels."""
    scaled = image if image.size == tuple(size) else image.resize(size, Image.Resampling.LANCZOS)
    return lambda scale: scaled if scale == 1 else None


def _framed(image: Image.Image, whole: tuple[int, int], inner: tuple[int, int]) -> Image.Image:
    if image.size != inner:
        image = image.resize(inner, Image.Resampling.LANCZOS)
    if whole == inner:
        return image
    image = _flat(image)
    frame = Image.new(image.mode, whole)
    frame.paste(image, ((whole[0] - inner[0]) // 2, (whole[1] - inner[1]) // 2))
    return frame


def _encoded(
    draw: Draw, profile: bytes | None, signature: Signature, *, formats: Sequence[str], most: int
) -> tuple[dict[str, Any], bytes]:
    scale, before = 1.0, None
    while True:
        image = draw(scale)
        if image is None:
            raise RefusalError("No size of the image fits.", "Crop it to a less extreme shape.")
        if image.size == before:
            raise RefusalError(
                f"No copy of the image has at most {most:,} bytes.", "Use a simpler or smaller image."
            )
        before, size = image.size, most + 1
        lossless = signature.mime_type in _LOSSLESS or image.mode == "RGBA" or "image/jpeg" not in formats
        if lossless and "image/png" in formats:
            content = _saved(image, "PNG", icc_profile=profile)
            size = len(content)
            if size <= most:
                return {"mime_type": "image/png"}, content
        if "image/jpeg" in formats:
            for quality in _QUALITIES:
                content = _saved(_flat(image), "JPEG", quality=quality, icc_profile=profile)
                size = len(content)
                if size <= most:
                    return {"mime_type": "image/jpeg"}, content
        scale *= min(_SMALLER, math.sqrt(most / size))


def _flat(image: Image.Image) -> Image.Image:
    if image.mode in _SCREENED:
        return image
    flat = Image.new("RGB", image.size, "white")
    flat.paste(image, mask=image.getchannel("A"))
    return flat


def _saved(image: Image.Image, form: str, **options: Any) -> bytes:
    image.info.clear()
    buffer = io.BytesIO()
    image.save(buffer, form, **{name: value for name, value in options.items() if value is not None})
    return buffer.getvalue()
