"""Files in an allowed folder that are called pictures or films and lead elsewhere, are too much, or are neither."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.media.crafting import picture, png_bomb

Writer = Callable[[Path, Path], None]
"""Writes the file at the first path; the second one is a picture that may not be read."""


def _text(words: str, encoding: str = "utf-8") -> Writer:
    def write(path: Path, secret: Path) -> None:
        path.write_bytes(words.replace("{secret}", str(secret)).encode(encoding))

    return write


def _tar(path: Path, secret: Path) -> None:
    with tarfile.open(path, "w") as archive:
        link = tarfile.TarInfo("cat.png")
        link.type, link.linkname = tarfile.SYMTYPE, str(secret)
        archive.addfile(link)


def _zip(path: Path, secret: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"../../..{secret}", b"x")
    path.write_bytes(packed.getvalue())


def _sparse(beginning: bytes) -> Writer:
    def write(path: Path, _: Path) -> None:
        with path.open("wb") as file:
            file.write(beginning)
            file.truncate(3_000_000_000_000)

    return write


def _cut(path: Path, _: Path) -> None:
    whole = picture(path.with_name("whole-for-cut.png")).read_bytes()
    path.write_bytes(whole[:60])


def _mute(path: Path, _: Path) -> None:
    path.write_bytes(b"\0\0\0\x18ftypisom\0\0\0\0isomiso2" + b"\xff\xff\xff\xffmoov" + bytes(400))


def _tower(path: Path, _: Path) -> None:
    path.write_bytes(b"\0\0\0\x18ftypisom\0\0\0\0isomiso2" + b"".join(b"\0\1\0\0moov" for _ in range(5000)))


def _bomb(path: Path, _: Path) -> None:
    png_bomb(path)


FILES: Mapping[str, Writer] = {
    "playlist.mp4": _text("#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile://{secret}\n#EXT-X-ENDLIST\n"),
    "key.m3u8.mov": _text('#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{secret}"\n#EXTINF:1,\na.ts\n'),
    "script.mp4": _text("ffconcat version 1.0\nfile {secret}\nduration 5\n"),
    "manifest.mp4": _text('<?xml version="1.0"?><MPD><Period><BaseURL>{secret}</BaseURL></Period></MPD>'),
    "session.mp4": _text("v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n"),
    "drawing.png": _text('<svg xmlns="http://www.w3.org/2000/svg"><image href="file://{secret}"/></svg>'),
    "entity.png": _text('<!DOCTYPE x [<!ENTITY e SYSTEM "file://{secret}">]><svg>&e;</svg>'),
    "magick.png": _text("push graphic-context\nimage over 0,0 0,0 '{secret}'\npop graphic-context\n"),
    "script.msl.png": _text('<image><read filename="{secret}"/></image>'),
    "postscript.png": _text("%!PS-Adobe-3.0 EPSF-3.0\n({secret}) (r) file\nshowpage\n"),
    "paper.png": _text("%PDF-1.7\n1 0 obj<</F({secret})>>endobj\ntrailer<</Root 1 0 R>>\n"),
    "page.png": _text("<html><img src='file://{secret}'></html>", "utf-16"),
    "shortcut.png": _text("[InternetShortcut]\nURL=file://{secret}\n"),
    "desktop.png": _text("[Desktop Entry]\nType=Link\nURL=file://{secret}\n"),
    "subtitles.mp4": _text("1\n00:00:00,000 --> 00:00:05,000\n{secret}\n"),
    "archive.png": _tar,
    "packed.png": _zip,
    "sparse.png": _sparse(b"\x89PNG\r\n\x1a\n"),
    "sparse.mp4": _sparse(b"\0\0\0\x18ftypisom\0\0\0\0isomiso2"),
    "bomb.png": _bomb,
    "cut.png": _cut,
    "mute.mp4": _mute,
    "tower.mp4": _tower,
}
"""By name. Those that name another file name a true picture, which a careless reader would open."""


def write_files(folder: Path, secret: Path) -> None:
    """Write all of them."""
    for name, write in FILES.items():
        write(folder / name, secret)
