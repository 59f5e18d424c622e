"""Plants a place of recording, and other private words, into media files of every format."""

from __future__ import annotations

import io
import re
import struct
import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image, TiffImagePlugin

from .crafting import film, sine

SECRET = b"SECRETPLACE"
PLACE = "+48.8577+002.295/"
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">exif:GPSLatitude="48,51.46N" SECRETPLACE</x:xmpmeta>'

CANARIES = (
    SECRET,
    SECRET.decode().encode("utf-16-le"),
    PLACE.encode(),
    b"48.8577",
    b"GPSLatitude",
    b"freeGPS",
    struct.pack(">IIII", 48, 1, 51, 1),
    struct.pack("<IIII", 48, 1, 51, 1),
)
"""None of these may stand in what leaves."""


def exif(orientation: int = 1) -> Image.Exif:
    """EXIF with a position, a camera, a comment, and which way up the picture is."""
    block = Image.Exif()
    block[0x0112] = orientation
    block[0x010F] = SECRET.decode()
    block[0x010E] = "SECRETPLACE in words"
    rational = TiffImagePlugin.IFDRational
    block.get_ifd(0x8825).update(
        {
            1: "N",
            2: (rational(48), rational(51), rational(4646, 100)),
            3: "E",
            4: (rational(2), rational(17), rational(4)),
        }
    )
    return block


def noise(size: tuple[int, int] = (320, 320), seed: int = 1) -> Image.Image:
    """A picture that no two pixels of which are alike, red above and grey below, so that turns show."""
    pixels = np.random.default_rng(seed).integers(0, 90, (size[1], size[0], 3), dtype=np.uint8)
    pixels[: size[1] // 2, :, 0] += 150
    return Image.fromarray(pixels)


def jpeg(path: Path, orientation: int = 1, size: tuple[int, int] = (320, 400), mode: str = "RGB") -> Path:
    """
    A JPEG with EXIF, XMP, IPTC, a comment, a colour profile, and a second file behind its end.

    Its JFIF segment, which does not come first, has a small picture of four pixels in it.
    """
    buffer = io.BytesIO()
    noise(size).convert(mode).save(
        buffer,
        "JPEG",
        exif=exif(orientation).tobytes(),
        xmp=XMP,
        comment=SECRET,
        icc_profile=b"\0" * 40 + b"a colour profile",
        progressive=True,
    )
    data = buffer.getvalue()
    jfif = data.find(b"JFIF\0") - 4
    if jfif >= 0:  # not beside colours for print
        data = data[:jfif] + _with_small_picture(data[jfif : jfif + 18]) + data[jfif + 18 :]
    iptc = b"Photoshop 3.0\0" + SECRET
    segment = b"\xff\xed" + struct.pack(">H", len(iptc) + 2) + iptc
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data[:2] + segment + data[2:] + b"ftyp a film behind the picture " + SECRET)
    return path


def _with_small_picture(jfif: bytes) -> bytes:
    return jfif[:2] + struct.pack(">H", 28) + jfif[4:16] + b"\2\2" + SECRET + b"!"


def png(path: Path, orientation: int = 1) -> Path:
    """A PNG with text in all three ways, EXIF, an unknown chunk, and bytes behind its end."""
    buffer = io.BytesIO()
    noise().save(buffer, "PNG", exif=exif(orientation).tobytes())
    data = buffer.getvalue()
    texts = (
        (b"tEXt", b"Comment\0" + SECRET),
        (b"zTXt", b"Comment\0\0" + zlib.compress(SECRET)),
        (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP),
        (b"prVt", SECRET),
    )
    chunks = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in texts
    )
    path.write_bytes(data[:33] + chunks + data[33:] + SECRET)
    return path


def webp(path: Path, orientation: int = 1) -> Path:
    """A WebP with EXIF and XMP."""
    noise().save(path, "WEBP", exif=exif(orientation).tobytes(), xmp=XMP, lossless=True)
    return path


def gif(path: Path) -> Path:
    """An animated GIF with a comment and XMP."""
    noise().save(path, "GIF", save_all=True, append_images=[noise(seed=2)], comment=SECRET, loop=0)
    data = path.read_bytes()
    extension = b"\x21\xff\x0bXMP DataXMP" + bytes((len(XMP),)) + XMP + b"\0"
    path.write_bytes(data[:-1] + extension + b";" + SECRET)
    return path


def tiff(path: Path) -> Path:
    """A TIFF with a description and a position."""
    noise().save(path, "TIFF", exif=exif())
    return path


def wav(path: Path) -> Path:
    """A WAV with INFO before and ID3 behind its samples."""
    samples = np.random.default_rng(3).integers(-9000, 9000, 96_000, dtype=np.int16).tobytes()
    info = b"INFOICMT" + struct.pack("<I", len(SECRET) + 1) + SECRET + b"\0"
    chunks = [
        (b"fmt ", struct.pack("<HHIIHH", 1, 1, 48_000, 96_000, 2, 16)),
        (b"LIST", info),
        (b"data", samples),
        (b"id3 ", b"ID3" + SECRET),
    ]
    body = b"WAVE" + b"".join(kind + struct.pack("<I", len(part)) + part for kind, part in chunks)
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def mp3(path: Path, *, ape: bool = False) -> Path:
    """An MP3 with two ID3v2 tags before its frames, and an ID3v1 or APE tag behind them."""
    frames = encoded(path, "mp3")
    tag = b"ID3\4\0\0" + bytes((0, 0, 0, len(SECRET))) + SECRET
    item = struct.pack("<II", len(SECRET), 0) + b"Comment\0" + SECRET
    sides = [
        b"APETAGEX" + struct.pack("<IIII", 2000, len(item) + 32, 1, flags) + bytes(8)
        for flags in (0xA000_0000, 0x8000_0000)
    ]
    behind = item.join(sides) if ape else b"TAG" + SECRET.ljust(125, b"\0")
    path.write_bytes(tag + tag + frames + behind)
    return path


def encoded(path: Path, codec: str, rate: int = 48_000) -> bytes:
    """Three seconds of one tone with a comment."""
    with av.open(str(path), "w", options={"write_xing": "0"} if codec == "mp3" else {}) as container:
        container.metadata["comment"] = SECRET.decode()
        stream = container.add_stream(codec, rate=rate)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "mono"
        wave = (np.sin(np.arange(48_000 * 3) / 20) * 9000).astype(np.int16).reshape(1, -1)
        for at in range(0, wave.shape[1], 1152):
            block = np.ascontiguousarray(wave[:, at : at + 1152])
            frame = av.AudioFrame.from_ndarray(block, "s16p" if codec == "mp3" else "s16", "mono")
            frame.rate, frame.pts = rate, at
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path.read_bytes()


def mp4(
    path: Path,
    size: tuple[int, int] = (640, 480),
    seconds: int = 2,
    rotation: int = 0,
    codec: str = "libx264",
) -> Path:
    """
    A film with a position in every place where cameras leave one.

    They are: tags, a comment, XMP, free space with leftovers, a track of positions, media data that no track
    claims, messages among the pictures, and the names of tracks.
    """
    frames = np.random.default_rng(4).integers(
        0, 255, (24 * seconds, size[1] // 16, size[0] // 16, 3), dtype=np.uint8
    )
    pictures = (np.kron(frame, np.ones((16, 16, 1), dtype=np.uint8)) for frame in frames)
    plain = path.with_name(f"plain-{path.stem}.mp4")
    marked = path.with_name(f"marked-{path.stem}.mp4")
    film(
        plain,
        pictures,
        sound=sine(seconds, -20),
        codec=codec,
        rotation=rotation,
        tags={"location": PLACE, "comment": SECRET.decode(), "com.apple.quicktime.location.ISO6709": PLACE},
    )
    with_positions(plain, marked)
    data = marked.read_bytes()
    if path.suffix == ".mov":
        data = data.replace(b"ftypisom", b"ftypqt  ", 1)
    plain.unlink()
    marked.unlink()
    xmp = bytes.fromhex("BE7ACFCB97A942E89C71999491E3AFAC") + XMP
    path.write_bytes(
        _unclaimed(data.replace(b"VideoHandler", b"SECRETPLACE!"))
        + _box(b"uuid", xmp)
        + _box(b"free", SECRET)
    )
    return path


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, kind) + content


def _unclaimed(data: bytes) -> bytes:
    """Make the media data, which the index comes after, longer by a position that no track claims."""
    at = data.index(b"mdat") - 4
    size = int.from_bytes(data[at : at + 4])
    assert data[at + size + 4 : at + size + 8] == b"moov"
    more = b"freeGPS " + PLACE.encode()
    longer = struct.pack(">I", size + len(more)) + data[at + 4 : at + size] + more
    return data[:at] + longer + data[at + size :]


def message(codec: str) -> bytes:
    """A unit of messages (SEI) with a position in free text, zeros that need an escape in it, and a second message."""
    text = bytes(range(16)) + b"\0\0\0" + PLACE.encode() + b"\0\0\1" + SECRET + b"\0\0"
    plain = bytes((5, len(text))) + text + bytes((5, len(SECRET))) + SECRET + b"\x80"
    escaped = re.sub(rb"\0\0(?=[\0-\3])", b"\0\0\3", plain)
    unit = (b"\6" if codec == "h264" else b"\x4e\1") + escaped
    return struct.pack(">I", len(unit)) + unit


def with_positions(plain: Path, path: Path) -> None:
    """Copy a film and add a track whose samples are positions, as cameras do."""
    with (
        av.open(str(plain)) as source,
        av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as target,
    ):
        target.metadata.update(source.metadata)
        copied = {stream.index: target.add_stream_from_template(stream) for stream in source.streams}
        track = target.add_data_stream("bin_data")
        packets = []
        for packet in source.demux():
            if packet.dts is not None:
                spoken = _spoken(packet) if packet.stream.type == "video" else packet
                spoken.stream = copied[packet.stream.index]
                packets.append(spoken)
        for number in range(3):
            packet = av.Packet(SECRET + PLACE.encode())
            packet.stream, packet.pts, packet.dts, packet.duration = track, number * 500, number * 500, 500
            packet.time_base = Fraction(1, 1000)
            packets.append(packet)
        for packet in packets:
            target.mux(packet)


def _spoken(packet: av.Packet) -> av.Packet:
    """The same picture with a message in front of it."""
    copy = av.Packet(message(packet.stream.codec_context.name) + bytes(packet))
    copy.pts, copy.dts, copy.duration = packet.pts, packet.dts, packet.duration
    copy.time_base, copy.is_keyframe = packet.time_base, packet.is_keyframe
    return copy
