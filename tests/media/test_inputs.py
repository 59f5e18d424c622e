"""What `inspect` says of files by their content, and what it refuses."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import anyio
import av
import pytest
from PIL import Image

from seedance_mcp.errors import MediaError
from seedance_mcp.media import inspect, read_media
from seedance_mcp.types import MediaFile
from tests.media import planting
from tests.media.crafting import RATE, film, moving, picture, plain, png_bomb, sine, sound_frames


async def check(path: Path) -> MediaFile:
    with anyio.fail_after(30):
        return await inspect(path, allowed=[path.parent], forbidden=[])


async def refusal(path: Path) -> MediaError:
    with pytest.raises(MediaError) as caught:
        await check(path)
    assert caught.value.hint
    return caught.value


def sound(path: Path, codec: str, seconds: float = 2.0) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "stereo"
        for frame in sound_frames(sine(seconds, -20)):
            resampled = av.AudioResampler(stream.format, "stereo", RATE).resample(frame)
            for one in resampled:
                container.mux(stream.encode(one))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("name", "mime_type"),
    [
        ("a.png", "image/png"),
        ("a.jpg", "image/jpeg"),
        ("a.webp", "image/webp"),
        ("a.gif", "image/gif"),
        ("a.bmp", "image/bmp"),
        ("a.tiff", "image/tiff"),
        ("a.avif", "image/avif"),
    ],
)
async def test_an_image_is_known_by_its_content(name: str, mime_type: str, tmp_path: Path) -> None:
    path = picture(tmp_path / name, (64, 48))
    path = path.rename(path.with_suffix(".mp4"))
    found = await check(path)
    assert (found.kind, found.mime_type, found.width, found.height) == ("image", mime_type, 64, 48)
    assert (found.bytes, found.path) == (path.stat().st_size, path)
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


async def test_width_and_height_respect_the_orientation_of_a_photo(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    found = await check(picture(tmp_path / "a.jpg", (80, 40), exif=exif))
    assert (found.width, found.height) == (40, 80)


async def test_a_single_pixel_is_an_image(tmp_path: Path) -> None:
    found = await check(picture(tmp_path / "a.png", (1, 1)))
    assert (found.width, found.height) == (1, 1)


async def test_an_image_of_forty_megabytes_passes(tmp_path: Path) -> None:
    path = tmp_path / "a.bmp"
    Image.new("RGB", (4000, 3500)).save(path)
    assert path.stat().st_size > 40_000_000
    assert (await check(path)).width == 4000


async def test_a_video_is_measured(tmp_path: Path) -> None:
    found = await check(film(tmp_path / "a.mp4", moving(36, 1), sound=sine(1.5, -20)))
    assert (found.kind, found.mime_type, found.width, found.height) == ("video", "video/mp4", 320, 180)
    assert (found.fps, found.duration_seconds) == (24, 1.5)
    assert (found.video_codec, found.audio_codec) == ("h264", "aac")


@pytest.mark.parametrize(("name", "codec"), [("a.mov", "libx264"), ("a.webm", "libvpx-vp9")])
async def test_other_containers_are_videos_too(name: str, codec: str, tmp_path: Path) -> None:
    found = await check(film(tmp_path / name, plain(12, (90, 0, 0)), codec=codec))
    assert (found.kind, found.width, found.height) == ("video", 320, 180)
    assert found.duration_seconds == pytest.approx(0.5, abs=0.05)


async def test_a_long_video_is_checked_in_part_and_measured_whole(tmp_path: Path) -> None:
    found = await check(film(tmp_path / "a.mp4", plain(2400, (0, 90, 0), (64, 48))))
    assert found.duration_seconds == pytest.approx(100, abs=0.1)


@pytest.mark.parametrize(
    ("name", "codec", "mime_type"),
    [
        ("a.wav", "pcm_s16le", "audio/wav"),
        ("a.mp3", "libmp3lame", "audio/mpeg"),
        ("a.m4a", "aac", "audio/mp4"),
        ("a.mp4", "aac", "audio/mp4"),
        ("a.flac", "flac", "audio/flac"),
        ("a.aac", "aac", "audio/aac"),
    ],
)
async def test_a_sound_is_measured(name: str, codec: str, mime_type: str, tmp_path: Path) -> None:
    found = await check(sound(tmp_path / name, codec))
    assert (found.kind, found.mime_type, found.width, found.video_codec) == ("audio", mime_type, None, None)
    assert found.duration_seconds == pytest.approx(2, abs=0.1)


async def test_text_named_like_an_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("password = hunter2\n" * 20)
    error = await refusal(tmp_path / "a.png")
    assert "text" in error.message
    assert "hunter2" not in error.message + error.hint


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0" + bytes(500),
        b"RIFF\x10\0\0\0WEBPVP8 " + bytes(30),
        b"GIF89a" + bytes(2),
        b"\0\0\0\x18ftypavif" + bytes(100),
        b"ID3\x04" + bytes(1000),
        b"\x1aE\xdf\xa3" + bytes(1000),
        b"OggS" + bytes(1000),
        b"RIFF\x10\0\0\0WAVEfmt " + bytes(4),
        b"\xff\xfb\x90\x00" + bytes(10),
        b"\0" * 5000,
        b"%PDF-1.7\n" + bytes(1000),
        b"\x7fELF" + bytes(1000),
        b"<html><body>Not found</body></html>",
        b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"SQLite format 3\0" + bytes(1000),
        b"a",
    ],
    ids=range(18),
)
async def test_what_does_not_decode_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    await refusal(path)


async def test_a_truncated_image_is_refused(tmp_path: Path) -> None:
    noisy = Image.frombytes("RGB", (200, 200), os.urandom(120_000))
    for name in ("a.png", "a.jpg", "a.webp"):
        noisy.save(tmp_path / name)
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
        assert "does not decode" in (await refusal(tmp_path / name)).message


async def test_a_decompression_bomb_is_refused_unopened(tmp_path: Path) -> None:
    error = await refusal(png_bomb(tmp_path / "a.png"))
    assert "50000 x 50000" in error.message


async def test_a_picture_that_is_also_a_zip_archive_is_refused(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("secret.txt", "secret")
    path.write_bytes(path.read_bytes() + archive.getvalue())
    assert zipfile.is_zipfile(path)
    assert "ZIP" in (await refusal(path)).message


async def test_a_picture_with_a_private_key_in_it_is_refused(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn\n"
    assert "private key" in (await refusal(picture(tmp_path / "a.jpg", exif=exif))).message


async def test_a_video_in_an_unknown_codec_is_refused(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", moving(6, 1))
    path.write_bytes(path.read_bytes().replace(b"avc1", b"xyz1").replace(b"avcC", b"xyzC"))
    assert "decoded" in (await refusal(path)).message


async def test_a_truncated_video_is_refused(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", moving(24, 1), options={"movflags": "faststart"})
    whole = path.read_bytes()
    for kept in (40, len(whole) // 3, len(whole) - 1):
        path.write_bytes(whole[:kept])
        assert "cut off" in (await refusal(path)).message


@pytest.mark.parametrize(
    ("megabytes", "head"), [(65, b"\x89PNG\r\n\x1a\n"), (65, b"ID3"), (513, b"\0\0\0\x18ftypisom")]
)
async def test_a_file_above_the_size_for_its_kind_is_refused(
    megabytes: int, head: bytes, tmp_path: Path
) -> None:
    with (tmp_path / "a").open("wb") as sparse:
        sparse.write(head)
        sparse.truncate(megabytes * 1024 * 1024)
    with anyio.fail_after(5):
        assert "at most" in (await refusal(tmp_path / "a")).message


async def test_a_terabyte_that_takes_no_space_is_refused_at_once(tmp_path: Path) -> None:
    with (tmp_path / "a.png").open("wb") as sparse:
        sparse.truncate(1 << 40)
    with anyio.fail_after(2):
        assert "at most" in (await refusal(tmp_path / "a.png")).message


async def test_a_film_cannot_make_the_decoder_read_another_file(tmp_path: Path) -> None:
    secret = film(tmp_path / "secret.mp4", plain(12, (200, 0, 0)))
    playlist = tmp_path / "list.mp4"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{secret}\n#EXT-X-ENDLIST\n")
    assert "text" in (await refusal(playlist)).message


async def test_an_inspected_file_is_read_as_it_was(tmp_path: Path) -> None:
    file = await check(picture(tmp_path / "a.png"))
    assert await read_media(file, allowed=[tmp_path], forbidden=[]) == (tmp_path / "a.png").read_bytes()


async def test_a_file_that_changed_since_it_was_inspected_is_not_read(tmp_path: Path) -> None:
    file = await check(picture(tmp_path / "a.png"))
    picture(tmp_path / "a.png", color="blue")
    with pytest.raises(MediaError, match="changed"):
        await read_media(file, allowed=[tmp_path], forbidden=[])


async def test_a_file_that_became_a_link_to_elsewhere_is_not_read(tmp_path: Path) -> None:
    file = await check(picture(tmp_path / "in/a.png"))
    picture(tmp_path / "out/a.png")
    (tmp_path / "in/a.png").unlink()
    (tmp_path / "in/a.png").symlink_to(tmp_path / "out/a.png")
    with pytest.raises(MediaError, match="outside"):
        await read_media(file, allowed=[tmp_path / "in"], forbidden=[])


async def test_a_url_has_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="URL"):
        await read_media(
            replace(MediaFile(kind="image"), url="https://example.com/a.png"),
            allowed=[tmp_path],
            forbidden=[],
        )


async def test_tags_behind_an_mp3_are_no_damage_but_a_gap_in_it_is(tmp_path: Path) -> None:
    path = planting.mp3(tmp_path / "a.mp3", ape=True)
    assert (await check(path)).duration_seconds == pytest.approx(3, abs=0.1)
    sound = path.read_bytes()
    middle = len(sound) // 3
    path.write_bytes(sound[:middle] + b"no sound" * 200 + sound[middle:])
    await refusal(path)
