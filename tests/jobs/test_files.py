"""Names of finished files, the way to a final name, what stays unfinished, and the sidecar."""

from __future__ import annotations

import errno
import json
import os
import re
import sys
import unicodedata
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedance_mcp.errors import DownloadError
from seedance_mcp.jobs.local_files.final_files import file_stem, keep
from seedance_mcp.jobs.local_files.parts import disk_errors, part_path
from seedance_mcp.jobs.local_files.unfinished import Writer
from seedance_mcp.jobs.results.sidecar import write_sidecar
from seedance_mcp.types import Artifacts, Job, JobState, Price, Submission, VideoRequest

HERE, ELSEWHERE = "a" * 16, "b" * 16
ONE, TWO, DEAD = "1" * 16, "2" * 16, "d" * 16
JOB_ID = "job_AbCdEfGhIjKlMnOpQrStUv"
DOLLAR = Price(amount=Decimal("1.50"), currency="USD", usd=Decimal("1.50"))


@pytest.fixture
def folder(output_dir: Path) -> Path:
    """An empty folder."""
    output_dir.mkdir()
    return output_dir


def job(prompt: str | None = "A cat on a roof", **request: Any) -> Job:
    return Job(
        id=JOB_ID,
        state=JobState.REMOTE_DONE,
        version=3,
        owner=ONE,
        provider="elsewhere",
        account="0a1b2c3d",
        model="seedance-2.0",
        endpoint="/v1/videos",
        request=VideoRequest.model_construct(prompt=prompt, **request),
        fingerprint="f" * 64,
        client_key="k",
        tag="t-1",
        estimate=DOLLAR,
        maximum=DOLLAR,
        created_at=1_795_000_000,
    )


WRITER = Writer(installation=HERE, instance=ONE, alive=lambda instance: instance != DEAD)


def test_a_name_says_when_what_and_which() -> None:
    assert file_stem(job()) == "20261118-110640-a-cat-on-a-roof-AbCdEfGh"


@pytest.mark.parametrize(
    ("prompt", "slug"),
    [
        (None, ""),
        ("", ""),
        ("   \n\t ", ""),
        ("...", ""),
        ("../../etc/passwd", "etc-passwd"),
        ("..\\..\\windows\\system32", "windows-system32"),
        ("/absolute", "absolute"),
        ("C:file", "c-file"),
        ("a.mp4:stream", "a-mp4-stream"),
        ("CON", "con"),
        ("nul.txt", "nul-txt"),
        ("a\0b", "ab"),
        ("line one\nline two", "line-one-line-two"),
        ("\x1b[31mred\x1b[0m", "31mred-0m"),
        ("abc\u202egpj.exe", "abcgpj-exe"),
        ("\u2066isolated\u2069 \u200fmark", "isolated-mark"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("\U000e0041\U000e0042tag", "tag"),
        ("\u3164\u115fblank", "blank"),
        ("\ud800lone", "lone"),
        ("\ue000private", "private"),
        ("🎬🔥", ""),
        ("A cat 🐈‍⬛ sleeps", "a-cat-sleeps"),
        ("❤️ heart", "heart"),
        ("一只猫在屋顶上，慢镜头", "一只猫在屋顶上-慢镜头"),
        ("猫が屋根の上で", "猫が屋根の上で"),
        ("고양이", "고양이"),
        ("кошка на крыше", "кошка-на-крыше"),
        ("قطة على السطح", "قطة-على-السطح"),
        ("नमस्ते दुनिया", "नमस्ते-दुनिया"),
        ("Cafe\u0301", "café"),
        ("ＣＯＮ／ＡＵＸ", "ｃｏｎ-ａｕｘ"),
        ("--help; rm -rf ~", "help-rm-rf"),
        ("$(reboot) `id` %PATH% %2e%2e", "reboot-id-path-2e-2e"),
        ("<img src=x>|?*\"'", "img-src-x"),
    ],
)
def test_a_hostile_prompt_becomes_a_harmless_name(prompt: str | None, slug: str) -> None:
    assert file_stem(job(prompt)) == "-".join(
        filter(None, ("20261118-110640", unicodedata.normalize("NFC", slug), "AbCdEfGh"))
    )


@pytest.mark.parametrize(
    "prompt", ["x" * 10_000, "猫" * 10_000, "word " * 2000, "e\u0301" * 5000, "𝒳" * 5000, "a-" * 99]
)
def test_a_long_prompt_becomes_a_short_name(prompt: str) -> None:
    stem = file_stem(job(prompt))
    assert 60 < len(stem) <= 90
    assert len(stem.encode()) <= 200


def test_a_long_prompt_is_cut_between_words() -> None:
    stem = file_stem(job("the slow camera circles an old lighthouse while waves break against the rocks"))
    assert stem == "20261118-110640-the-slow-camera-circles-an-old-lighthouse-while-waves-break-AbCdEfGh"


@given(st.text())
def test_every_prompt_makes_a_name_that_every_system_takes(prompt: str) -> None:
    stem = file_stem(job(prompt))
    assert stem == unicodedata.normalize("NFC", stem)
    assert len(stem.encode()) <= 200
    assert all(character == "-" or unicodedata.category(character)[0] in "LMN" for character in stem)
    assert re.fullmatch(r"20261118-110640-.*AbCdEfGh", stem)


def test_nothing_that_a_provider_says_is_in_a_name() -> None:
    told = replace(
        job(), submission=Submission(task_id="../../x"), video_url="https://h/../evil.exe", error="no"
    )
    assert file_stem(told) == file_stem(job())


def test_a_job_id_of_signs_only_makes_a_name_without_them() -> None:
    assert file_stem(replace(job(), id="job_-_-_-_x")) == "20261118-110640-a-cat-on-a-roof-x"


async def test_a_kept_file_has_its_name_and_leaves_nothing_behind(folder: Path) -> None:
    part = folder / "a.part"
    part.write_bytes(b"video")
    part.with_name("a.part.json").write_text("{}")
    assert await keep(part, folder, "clip", ".mp4") == folder / "clip.mp4"
    assert [(path.name, path.read_bytes()) for path in folder.iterdir()] == [("clip.mp4", b"video")]


async def test_a_kept_file_never_replaces_another(folder: Path) -> None:
    (folder / "clip.mp4").write_bytes(b"first")
    (folder / "clip-2.mp4").mkdir()
    for content, name in ((b"third", "clip-3.mp4"), (b"fourth", "clip-4.mp4")):
        part = folder / "a.part"
        part.write_bytes(content)
        assert await keep(part, folder, "clip", ".mp4") == folder / name
    assert (folder / "clip.mp4").read_bytes() == b"first"
    assert (folder / "clip-3.mp4").read_bytes() == b"third"
    assert not part.exists()


async def test_the_same_bytes_are_kept_once(folder: Path) -> None:
    for number in range(3):
        part = folder / f"{number}.part"
        part.write_bytes(b"video")
        assert await keep(part, folder, "clip", ".mp4") == folder / "clip.mp4"
    assert [path.name for path in folder.iterdir()] == ["clip.mp4"]


async def test_other_bytes_of_the_same_size_and_time_are_not_the_same(folder: Path) -> None:
    for content, name in ((b"one", "clip.mp4"), (b"two", "clip-2.mp4")):
        part = folder / "a.part"
        part.write_bytes(content)
        os.utime(part, (1000, 1000))
        assert await keep(part, folder, "clip", ".mp4") == folder / name
    assert (folder / "clip.mp4").read_bytes() == b"one"


async def test_many_that_want_one_name_all_get_one(folder: Path) -> None:
    kept: list[Path] = []

    async def one(number: int) -> None:
        part = folder / f"{number}.part"
        part.write_bytes(str(number).encode())
        kept.append(await keep(part, folder, "clip", ".mp4"))

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            for number in range(12):
                group.start_soon(one, number)
    assert len(set(kept)) == 12
    assert sorted(int(path.read_bytes()) for path in folder.iterdir()) == list(range(12))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no dangling links to trip over")
async def test_a_dangling_link_in_the_way_is_not_followed(folder: Path) -> None:
    (folder / "clip.mp4").symlink_to(folder / "elsewhere")
    part = folder / "a.part"
    part.write_bytes(b"video")
    assert await keep(part, folder, "clip", ".mp4") == folder / "clip-2.mp4"
    assert not (folder / "elsewhere").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows lets few make links")
async def test_a_link_to_the_same_bytes_is_not_the_kept_file(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"video")
    (folder / "clip.mp4").symlink_to(tmp_path / "elsewhere")
    part = folder / "a.part"
    part.write_bytes(b"video")
    assert await keep(part, folder, "clip", ".mp4") == folder / "clip-2.mp4"


async def test_keeping_what_is_not_there_is_an_error(folder: Path) -> None:
    with pytest.raises(DownloadError):
        await keep(folder / "a.part", folder, "clip", ".mp4")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "is full"),
        (errno.EACCES, "cannot be written"),
        (errno.EROFS, "cannot be written"),
        (errno.EIO, "cannot be written"),
    ],
)
def test_a_disk_error_says_what_to_do(folder: Path, number: int, words: str) -> None:
    with pytest.raises(DownloadError, match=words) as caught, disk_errors(folder):
        raise OSError(number, os.strerror(number))
    assert str(folder) in caught.value.message
    assert caught.value.hint


def test_a_part_of_a_dead_process_is_taken_over(folder: Path) -> None:
    left = folder / f"{JOB_ID}.{HERE}.{DEAD}.part"
    left.write_bytes(b"half")
    left.with_name(f"{left.name}.json").write_text("note")
    own = part_path(folder, JOB_ID, WRITER)
    assert own.read_bytes() == b"half"
    assert {path.name for path in folder.iterdir()} == {
        f"{JOB_ID}.{HERE}.{ONE}.part",
        f"{JOB_ID}.{HERE}.{ONE}.part.json",
    }


@pytest.mark.parametrize(
    "name",
    [
        f"{JOB_ID}.{HERE}.{TWO}.part",
        f"job_{'x' * 22}.{HERE}.{DEAD}.part",
        f"{JOB_ID}.{ELSEWHERE}.{DEAD}.part",
        f"{JOB_ID}.{DEAD}.part",
    ],
    ids=["of a living process", "of another job", "of another installation", "of an earlier version"],
)
def test_any_other_part_is_left_alone(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"half")
    (folder / f"{name}.json").write_text("note")
    assert not part_path(folder, JOB_ID, WRITER).exists()
    assert {path.name for path in folder.iterdir()} == {name, f"{name}.json"}


def test_the_own_part_is_never_exchanged(folder: Path) -> None:
    for instance in (ONE, DEAD):
        (folder / f"{JOB_ID}.{HERE}.{instance}.part").write_text(instance)
        (folder / f"{JOB_ID}.{HERE}.{instance}.part.json").write_text("note")
    assert part_path(folder, JOB_ID, WRITER).read_text() == ONE


def test_a_folder_that_is_not_there_has_no_parts(tmp_path: Path) -> None:
    assert part_path(tmp_path / "none", JOB_ID, WRITER).name == f"{JOB_ID}.{HERE}.{ONE}.part"


async def test_a_sidecar_says_what_a_video_was_made_of(folder: Path) -> None:
    video = folder / "clip.mp4"
    made = Artifacts(
        video_path=str(video),
        sha256="ab" * 32,
        bytes=5,
        width=1280,
        height=720,
        duration_seconds=5.0,
        fps=24.0,
        has_audio=True,
        last_frame_path=str(folder / "clip-last.png"),
    )
    done = replace(
        job("一只猫", duration=5, seed=7, resolution="720p", provider_options={"draft": True}),
        artifacts=made,
        charge=DOLLAR,
        submission=Submission(task_id="cgt-1", handle={"url": "https://h/?token=s3cret"}),
        finished_at=1_795_000_100.5,
    )
    path = await write_sidecar(done, video, WRITER)
    assert path == folder / "clip.json"
    facts = json.loads(path.read_text(encoding="utf-8"))
    assert facts["prompt"] == "一只猫"
    assert facts["seed"] == 7
    assert facts["settings"] == {"duration": 5, "resolution": "720p", "provider_options": {"draft": True}}
    assert (facts["provider"], facts["model"], facts["task_id"]) == ("elsewhere", "seedance-2.0", "cgt-1")
    assert facts["measured"]["sha256"] == "ab" * 32
    assert (facts["video"], facts["last_frame"]) == ("clip.mp4", "clip-last.png")
    assert facts["charge"] == {"amount": "1.50", "currency": "USD", "usd": "1.50"}
    assert facts["times"]["created_at"] == "2026-11-18T11:06:40+00:00"
    assert facts["times"]["sent_at"] is None
    assert [entry.name for entry in folder.iterdir()] == ["clip.json"]


async def test_a_sidecar_holds_no_secret_and_no_signed_url(folder: Path) -> None:
    signed = "https://user:s3cret@bucket.example/a/b.png?X-Signature=s3cret#s3cret"
    told = replace(
        job(
            first_frame=signed,
            reference_images=(signed, "media:1"),
            provider_options={"hook": {"urls": [signed.upper()]}, "n": 3},
        ),
        submission=Submission(task_id="1", handle={"poll": signed}),
        video_url=signed,
        last_frame_url=signed,
        account="s3cret",
    )
    text = (await write_sidecar(told, folder / "clip.mp4", WRITER)).read_text()
    assert "s3cret" not in text.lower()
    settings = json.loads(text)["settings"]
    assert settings["reference_images"] == ["https://bucket.example/a/b.png", "media:1"]
    assert settings["provider_options"]["n"] == 3


async def test_a_sidecar_never_replaces_a_file_of_its_name(folder: Path) -> None:
    (folder / "clip.json").write_text("my own notes")
    assert await write_sidecar(job(), folder / "clip.mp4", WRITER) == folder / "clip-2.json"
    assert (folder / "clip.json").read_text() == "my own notes"
    assert json.loads((folder / "clip-2.json").read_text())["job_id"] == JOB_ID
    assert len(list(folder.iterdir())) == 2


async def test_the_same_sidecar_is_written_once(folder: Path) -> None:
    for _ in range(2):
        assert await write_sidecar(job(), folder / "clip.mp4", WRITER) == folder / "clip.json"
    assert [entry.name for entry in folder.iterdir()] == ["clip.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows lets few make links")
async def test_a_sidecar_neither_follows_nor_replaces_a_link(folder: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious.txt"
    precious.write_text("keep me")
    (folder / "clip.json").symlink_to(precious)
    assert await write_sidecar(job(), folder / "clip.mp4", WRITER) == folder / "clip-2.json"
    assert (folder / "clip.json").is_symlink()
    assert precious.read_text() == "keep me"


async def test_a_sidecar_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="cannot be written"):
        await write_sidecar(job(), tmp_path / "none" / "clip.mp4", WRITER)
