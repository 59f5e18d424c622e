"""What a file is by its first bytes; its name is never trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, Literal

from .refusal import RefusalError

_MEGABYTE = 1024 * 1024
_MAX_BYTES = {"image": 64 * _MEGABYTE, "video": 512 * _MEGABYTE, "audio": 64 * _MEGABYTE}
MAX_FILE_BYTES = max(_MAX_BYTES.values())
"""No file larger than this is read at all."""


@dataclass(frozen=True)
class Signature:
    """Kind, MIME type, and decoder: a Pillow format for images, else a demuxer of FFmpeg."""

    kind: Literal["image", "video", "audio"]
    mime_type: str
    decoder: str


_STARTS = (
    (b"\x89PNG\r\n\x1a\n", Signature("image", "image/png", "PNG")),
    (b"\xff\xd8\xff", Signature("image", "image/jpeg", "JPEG")),
    (b"GIF87a", Signature("image", "image/gif", "GIF")),
    (b"GIF89a", Signature("image", "image/gif", "GIF")),
    (b"BM", Signature("image", "image/bmp", "BMP")),
    (b"II*\0", Signature("image", "image/tiff", "TIFF")),
    (b"MM\0*", Signature("image", "image/tiff", "TIFF")),
    (b"\x1aE\xdf\xa3", Signature("video", "video/webm", "matroska")),
    (b"fLaC", Signature("audio", "audio/flac", "flac")),
    (b"OggS", Signature("audio", "audio/ogg", "ogg")),
    (b"ID3", Signature("audio", "audio/mpeg", "mp3")),
)
_RIFF = {
    b"WEBP": Signature("image", "image/webp", "WEBP"),
    b"WAVE": Signature("audio", "audio/wav", "wav"),
    b"AVI ": Signature("video", "video/x-msvideo", "avi"),
}
_BRANDS = {
    b"avif": Signature("image", "image/avif", "AVIF"),
    b"qt  ": Signature("video", "video/quicktime", "mov"),
    b"M4A ": Signature("audio", "audio/mp4", "mov"),
    b"M4B ": Signature("audio", "audio/mp4", "mov"),
}
_HEIF_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"hevc"))
_MP4 = Signature("video", "video/mp4", "mov")
_KINDS = (
    "Usable are PNG, JPEG, WebP, GIF, BMP, TIFF and AVIF images, "
    "MP4, MOV and WebM videos, MP3, WAV and M4A sound."
)


def recognise(source: IO[bytes]) -> Signature:
    """
    Identify the file by its first bytes, and make sure that it is not something else at the same time.

    Raises:
        RefusalError: it is no media file, too large for its kind, an archive as well, or holds a private key.
    """
    size = source.seek(0, 2)
    source.seek(0)
    found = _by_first_bytes(source.read(64))
    most = _MAX_BYTES[found.kind]
    if size > most:
        raise RefusalError(
            f"The {found.kind} has {size / _MEGABYTE:,.0f} MB; at most {most // _MEGABYTE} MB are read.",
            "Make a smaller copy of it.",
        )
    source.seek(max(0, size - 66_000))
    _check_tail(source.read())
    if found.kind == "image":
        _check_no_key(source)
    return found


def begins_like_a_video(head: bytes) -> bool:
    """Return whether these first bytes (64 are enough) are a video's; whether it is one, only decoding tells."""
    try:
        return _by_first_bytes(head).kind == "video"
    except RefusalError:
        return False


def _by_first_bytes(head: bytes) -> Signature:
    for start, signature in _STARTS:
        if head.startswith(start):
            return signature
    if head[:4] == b"RIFF" and head[8:12] in _RIFF:
        return _RIFF[head[8:12]]
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        if brand in _HEIF_BRANDS:
            raise RefusalError("HEIC images cannot be read here.", "Save the image as JPEG or PNG.")
        return _BRANDS.get(brand, _MP4)
    if head[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip"):  # QuickTime files may lack a type box
        return _BRANDS[b"qt  "]
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return Signature("audio", "audio/aac", "aac")
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06:
        return Signature("audio", "audio/mpeg", "mp3")
    what = "text" if _is_text(head) else "no image, video or sound that can be read"
    raise RefusalError(f"By its content the file is {what}, whatever its name says.", _KINDS)


def _is_text(head: bytes) -> bool:
    return all(byte >= 0x20 or byte in b"\t\n\r\f" for byte in head)


def _check_tail(tail: bytes) -> None:
    """A ZIP directory that ends where the file ends makes it an archive too, which can carry anything."""
    at = tail.rfind(b"PK\x05\x06")
    comment = int.from_bytes(tail[at + 20 : at + 22], "little")
    if at >= 0 and at + 22 + comment == len(tail):
        raise RefusalError(
            "The file is a ZIP archive as well.", "Save the image, video or sound again on its own."
        )


def _check_no_key(source: IO[bytes]) -> None:
    source.seek(0)
    before = b""
    while block := source.read(_MEGABYTE):
        if b"PRIVATE KEY-----" in before + block:
            raise RefusalError(
                "The image holds a private key in its data.", "Save the picture again without metadata."
            )
        before = block[-32:]
