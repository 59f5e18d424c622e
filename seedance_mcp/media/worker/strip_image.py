"""What is cut out of an image file: everything that is not needed to show it. The picture data stays as it is."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping

from ..cuts import Cut

_JPEG_BARE = frozenset((0x01, *range(0xD0, 0xD8)))
"""JPEG markers that no length follows."""
_PNG_KEPT = frozenset(
    b"IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP sBIT bKGD pHYs hIST sPLT cICP mDCV cLLI"
    b" acTL fcTL fdAT".split()
)
_WEBP_KEPT = frozenset((b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"))
_WEBP_METADATA_FLAGS = 0x08 | 0x04
_GIF_KEPT = frozenset((b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012"))
_GIF_SHOWN = frozenset((0x01, 0xF9))
"""Labels of extensions that belong to the picture: text drawn over it, and how long a frame stays."""


def orientation_block(orientation: int) -> bytes:
    """An EXIF block that says which way up the picture is, and nothing else."""
    return b"MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0)


def jpeg_cuts(data: bytes, orientation: int) -> list[Cut]:
    """Keep JFIF, colour profile, Adobe's colour note and what draws the picture; drop everything else."""
    cuts: list[Cut] = []
    at, insert = 2, 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker == 0xD9:
            cuts.append(Cut(at + 2, len(data)))
            if orientation != 1:
                block = b"Exif\0\0" + orientation_block(orientation)
                cuts.append(Cut(insert, insert, b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block))
            return cuts
        if marker in _JPEG_BARE:
            at += 2
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4])
        if end <= at + 3 or end > len(data):
            break
        if marker == 0xE0 and data[at + 4 : at + 9] == b"JFIF\0" and end >= at + 18:
            # Its colours mean what JFIF says; the small picture in it may be of something else.
            cuts.append(Cut(at + 2, end, b"\0\x10" + data[at + 4 : at + 16] + b"\0\0"))
            insert = end if at == 2 else insert
        elif not _is_needed(marker, data[at + 4 : end]):
            cuts.append(Cut(at, end))
        at = _after_scan(data, end) if marker == 0xDA else end
    raise ValueError("the JPEG's segments do not add up")


def _is_needed(marker: int, content: bytes) -> bool:
    if marker == 0xE2:
        return content.startswith(b"ICC_PROFILE\0")
    if marker == 0xEE:
        return content.startswith(b"Adobe")
    return 0xC0 <= marker <= 0xDF


def _after_scan(data: bytes, at: int) -> int:
    """Where the next marker after the picture data is."""
    while (at := data.find(b"\xff", at)) >= 0 and at + 1 < len(data):
        follows = data[at + 1]
        if follows and follows != 0xFF and follows not in _JPEG_BARE:
            return at
        at += 1 if follows == 0xFF else 2
    raise ValueError("the JPEG does not end")


def png_cuts(data: bytes, orientation: int, *, kept: frozenset[bytes] = _PNG_KEPT) -> list[Cut]:
    """Keep the chunks that say how the picture looks; drop text, EXIF, times, and everything unknown."""
    cuts: list[Cut] = []
    at = 8
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            break
        if kind not in kept:
            cuts.append(Cut(at, end))
        elif kind == b"IHDR" and orientation != 1:
            block = b"eXIf" + orientation_block(orientation)
            put = struct.pack(">I", len(block) - 4) + block + struct.pack(">I", zlib.crc32(block))
            cuts.append(Cut(end, end, put))
        elif kind == b"IEND":
            cuts.append(Cut(end, len(data)))
            return cuts
        at = end
    raise ValueError("the PNG's chunks do not add up")


def webp_cuts(data: bytes, orientation: int) -> list[Cut]:
    """Keep picture, animation and colour profile; drop EXIF, XMP, and everything unknown."""
    cuts: list[Cut] = []
    keep_turned = orientation != 1
    stop = min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    at, length = 12, 4
    for kind, end in _riff_chunks(data, at, stop):
        if kind == b"VP8X":
            flags = data[at + 8] & ~_WEBP_METADATA_FLAGS | (0x08 if keep_turned else 0)
            cuts.append(Cut(at + 8, at + 9, bytes((flags,))))
        if kind in _WEBP_KEPT:
            length += end - at
        else:
            put = b""
            if keep_turned and kind in (b"EXIF", b"XMP "):
                block = orientation_block(orientation)
                put = b"EXIF" + struct.pack("<I", len(block)) + block + bytes(len(block) % 2)
                keep_turned = False
            length += len(put)
            cuts.append(Cut(at, end, put))
        at = end
    return [Cut(4, 8, struct.pack("<I", length)), *cuts, Cut(at, len(data))]


def _riff_chunks(data: bytes, at: int, stop: int) -> list[tuple[bytes, int]]:
    chunks: list[tuple[bytes, int]] = []
    while at + 8 <= stop:
        kind, length = struct.unpack_from("<4sI", data, at)
        end = at + 8 + length + length % 2
        if end > len(data) + 1:
            raise ValueError("the WebP's chunks do not add up")
        chunks.append((kind, min(end, len(data))))
        at = end
    return chunks


def gif_cuts(data: bytes, _orientation: int) -> list[Cut]:
    """Keep frames, loops and colour profile; drop comments, XMP, and everything unknown."""
    cuts: list[Cut] = []
    at = 13 + _table_bytes(data[10])
    while True:
        kind = data[at]
        if kind == 0x3B:
            return [*cuts, Cut(at + 1, len(data))]
        if kind == 0x2C:
            at = _after_blocks(data, at + 11 + _table_bytes(data[at + 9]))
        elif kind == 0x21:
            end = _after_blocks(data, at + 2)
            label = data[at + 1]
            kept = data[at + 3 : at + 14] in _GIF_KEPT if label == 0xFF else label in _GIF_SHOWN
            if not kept:
                cuts.append(Cut(at, end))
            at = end
        else:
            raise ValueError("the GIF's blocks do not add up")


def _table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _after_blocks(data: bytes, at: int) -> int:
    while data[at]:
        at += 1 + data[at]
    return at + 1


PICTURES: Mapping[str, Callable[[bytes, int], list[Cut]]] = {
    "image/jpeg": jpeg_cuts,
    "image/png": png_cuts,
    "image/webp": webp_cuts,
    "image/gif": gif_cuts,
}
"""By MIME type. Each takes the file and its EXIF orientation, and raises ValueError or IndexError if it is malformed."""


def bare_cuts(data: bytes, mime_type: str) -> list[Cut]:
    """
    Keep only what a decoder needs to draw the picture; in a PNG, the colour profile goes as well.

    Raises:
        LookupError: nothing can be cut out of this format, or the file is malformed.
        ValueError: the file is malformed.
    """
    if mime_type == "image/png":
        return png_cuts(data, 1, kept=_PNG_KEPT - {b"iCCP"})
    return PICTURES[mime_type](data, 1)
