"""An export is whole or not there, keeps what is in the way, and editing programs can open it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest

from seedance_mcp.errors import ConfigError, InvalidRequest, MediaError, SeedanceError
from seedance_mcp.films import Exported, ExportedFilm, ExportedMusic, ExportedShot, ExportOptions, export_film
from seedance_mcp.types import Price
from tests.media.crafting import film, moving

FRAMES, FPS = 24, 24


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def shot(path: Path, number: int, **changes: Any) -> ExportedShot:
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        film(path, moving(FRAMES, number, (160, 90)), fps=FPS)
    made = ExportedShot(
        id=f"s{number:02}",
        number=number,
        prompt=f"shot {number}",
        path=path,
        seconds=FRAMES / FPS,
        frames=FRAMES,
        fps=FPS,
        has_audio=True,
        take=2,
        job_id=f"job_{number}",
        provider="fal",
        model="seedance-2.0",
        seed=7,
        charge=Price(amount=Decimal("0.30"), currency="USD", usd=Decimal("0.30")),
        sha256=sha256(path),
    )
    return replace(made, **changes)


def three(home: Path) -> list[ExportedShot]:
    """A cut, then a shot that continues, then a dissolve of half a second into a silent one."""
    return [
        shot(home / "made" / "a.mp4", 1),
        shot(home / "made" / "b.mp4", 2, drop_first=True),
        shot(home / "made" / "c.mp4", 3, entry="dissolve", overlap=0.5, has_audio=False),
    ]


def whole(home: Path, **changes: Any) -> ExportedFilm:
    made = home / "made"
    made.mkdir(exist_ok=True)
    for name in ("film-final.mp4", "film.srt", "film.vtt", "sheet.jpg", "cover.jpg"):
        (made / name).write_bytes(name.encode())
    facts = ExportedFilm(
        id="flm_abcdefghijkl",
        title="The lantern",
        quality="final",
        path=made / "film-final.mp4",
        sheets=(made / "sheet.jpg",),
        srt=made / "film.srt",
        vtt=made / "film.vtt",
        cover=made / "cover.jpg",
    )
    return replace(facts, **changes)


async def exported(film: ExportedFilm, shots: list[ExportedShot], to: Path, **options: bool) -> Exported:
    with anyio.fail_after(60):
        return await export_film(film, shots, to, ExportOptions(**options))


def names(folder: Path) -> list[str]:
    """What lies in a folder, but the home folder that every test has."""
    return sorted(path.name for path in folder.iterdir() if path.name != "home")


def content(folder: Path) -> dict[str, str]:
    return {path.name: sha256(path) for path in sorted(folder.iterdir())}


async def test_everything_of_a_film_lies_in_one_folder(tmp_path: Path) -> None:
    pytest.importorskip("opentimelineio")
    done = await exported(whole(tmp_path), three(tmp_path), tmp_path / "out")
    assert [path.name for path in done.files] == [
        "01-s01.mp4",
        "02-s02.mp4",
        "03-s03.mp4",
        "film.mp4",
        "film.srt",
        "film.vtt",
        "sheet.jpg",
        "cover.jpg",
        "film.otio",
        "film.json",
    ]
    assert sorted(path.name for path in done.files) == names(done.folder)
    assert done.notes == ()


async def test_clips_are_linked_and_have_the_hashes_that_film_json_tells(tmp_path: Path) -> None:
    facts, shots = whole(tmp_path), three(tmp_path)
    out = (await exported(facts, shots, tmp_path / "out")).folder
    assert facts.srt
    assert not (out / "film.srt").samefile(facts.srt)  # people correct captions
    assert facts.path
    assert not (out / "film.mp4").samefile(facts.path)  # no record has its hash
    told = json.loads((out / "film.json").read_bytes())
    for made, row in zip(shots, told["shots"], strict=True):
        assert (out / row["file"]).samefile(made.path)
        assert row["sha256"] == sha256(out / row["file"])
    rest = {"film.mp4", "film.srt", "film.vtt", "sheet.jpg", "cover.jpg"} | (
        {"film.otio"} if _has_library() else set()
    )
    assert {row["file"]: row["sha256"] for row in told["files"]} == {
        name: sha256(out / name) for name in rest
    }
    assert told["music"] is None
    row = told["shots"][2]
    assert (row["prompt"], row["seed"], row["model"], row["take"]) == ("shot 3", 7, "seedance-2.0", 2)
    assert row["charge"] == {"amount": "0.30", "currency": "USD", "usd": "0.30"}
    assert row["enter"] == {"kind": "dissolve", "seconds": 0.5}


async def test_copies_have_the_same_bytes_and_are_files_of_their_own(tmp_path: Path) -> None:
    shots = three(tmp_path)
    out = (await exported(whole(tmp_path), shots, tmp_path / "out", copies=True)).folder
    assert not (out / "01-s01.mp4").samefile(shots[0].path)
    assert sha256(out / "01-s01.mp4") == shots[0].sha256


@pytest.mark.parametrize("replaces", [False, True])
async def test_links_of_an_earlier_export_become_copies_where_copies_are_wanted(
    replaces: bool, tmp_path: Path
) -> None:
    facts, shots, out = whole(tmp_path), three(tmp_path), tmp_path / "out"
    await exported(facts, shots, out)
    before = content(out)
    await exported(facts, shots, out, copies=True, replace=replaces)
    assert content(out) == before
    assert [path.name for path in out.iterdir() if path.stat().st_nlink > 1] == []
    assert not any((out / f"0{one.number}-{one.id}.mp4").samefile(one.path) for one in shots)


async def test_no_part_of_an_address_that_opens_anything_is_told(tmp_path: Path) -> None:
    prompt = "as in https://me:pass@cdn.example/a.png?X-Signature=qqq#key"
    shots = [shot(tmp_path / "made" / "a.mp4", 1, prompt=prompt)]
    out = (
        await exported(whole(tmp_path, title="see http://x.example/?sig=qqq"), shots, tmp_path / "out")
    ).folder
    for name in set(names(out)) & {"film.json", "film.otio"}:
        text = (out / name).read_text(encoding="utf-8")
        assert "https://cdn.example/a.png" in text
        assert not [word for word in ("pass", "qqq", "#key") if word in text]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("../../etc/passwd", "01-etc-passwd.mp4"),
        ("CON", "01-con.mp4"),
        ("a/b\\c:d\0e\u202e", "01-a-b-c-de.mp4"),
        ("港口", "01-港口.mp4"),
        ("...", "01.mp4"),
        ("x" * 500, f"01-{'x' * 60}.mp4"),
    ],
)
async def test_a_shot_of_any_name_gets_a_safe_file(name: str, file: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = await exported(whole(tmp_path), [shot(tmp_path / "made" / "a.mp4", 1, id=name)], out)
    assert done.files[0] == out / file
    assert names(tmp_path) == ["made", "out"]


async def test_of_more_than_99_shots_the_files_stay_in_order(tmp_path: Path) -> None:
    clip = tmp_path / "made" / "a.mp4"
    shots = [shot(clip, 1), *(shot(clip, number) for number in (2, 100))]
    done = await exported(whole(tmp_path), shots, tmp_path / "out")
    assert [path.name for path in done.files[:3]] == ["001-s01.mp4", "002-s02.mp4", "100-s100.mp4"]


async def test_exporting_again_changes_nothing(tmp_path: Path) -> None:
    facts, shots, out, otioz = whole(tmp_path), three(tmp_path), tmp_path / "out", _has_library()
    await exported(facts, shots, out, otioz=otioz)
    before = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in out.iterdir()}
    await exported(facts, shots, out, otioz=otioz)
    assert {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in out.iterdir()} == before


async def test_other_files_in_the_way_are_kept_and_all_named(tmp_path: Path) -> None:
    shots, out = three(tmp_path), tmp_path / "out"
    out.mkdir()
    (out / "02-s02.mp4").write_bytes(b"mine")
    (out / "film.json").write_bytes(b"mine too")
    (out / "notes.txt").write_bytes(b"mine as well")
    before = content(out)
    with pytest.raises(InvalidRequest) as refused:
        await exported(whole(tmp_path), shots, out)
    assert [problem.split()[0] for problem in refused.value.problems] == ["02-s02.mp4", "film.json"]
    assert content(out) == before


async def test_files_of_an_earlier_export_give_way_unless_somebody_changed_them(tmp_path: Path) -> None:
    facts, shots, out = whole(tmp_path), three(tmp_path), tmp_path / "out"
    await exported(facts, shots, out)
    shots[1] = shot(tmp_path / "made" / "d.mp4", 2, take=3)
    await exported(facts, shots, out)
    told = json.loads((out / "film.json").read_bytes())
    assert [row["take"] for row in told["shots"]] == [2, 3, 2]
    assert sha256(out / "02-s02.mp4") == shots[1].sha256
    assert (tmp_path / "made" / "b.mp4").is_file()
    (out / "01-s01.mp4").unlink()
    (out / "01-s01.mp4").write_bytes(b"cut by hand")
    before = content(out)
    with pytest.raises(InvalidRequest) as refused:
        await exported(replace(facts, title="Another"), shots[:2], out)
    assert refused.value.problems == (
        "01-s01.mp4 is there already, with other content",
        "03-s03.mp4 is of an earlier export and not of this one",
    )
    assert content(out) == before


async def test_told_to_it_replaces_them_and_nothing_else(tmp_path: Path) -> None:
    shots, out = three(tmp_path), tmp_path / "out"
    out.mkdir()
    (out / "02-s02.mp4").write_bytes(b"mine")
    (out / "notes.txt").write_bytes(b"mine as well")
    await exported(whole(tmp_path), shots, out, replace=True)
    assert sha256(out / "02-s02.mp4") == shots[1].sha256
    assert (out / "notes.txt").read_bytes() == b"mine as well"


async def test_what_only_an_earlier_export_had_is_removed_and_nothing_else(tmp_path: Path) -> None:
    facts, shots, out = whole(tmp_path), three(tmp_path), tmp_path / "out"
    await exported(facts, shots, out, otioz=_has_library())
    (out / "notes.txt").write_bytes(b"mine")
    (out / "04-s04.mp4").write_bytes(b"mine as well")
    (out / "sheet.jpg").write_bytes(b"drawn over")
    shorter = replace(facts, sheets=(), cover=None)
    done = await exported(shorter, shots[:2], out, replace=True)
    listed = {path.name for path in done.files}
    assert not listed & {"03-s03.mp4", "cover.jpg", "film.otioz"}
    assert set(names(out)) == listed | {"notes.txt", "04-s04.mp4", "sheet.jpg"}
    assert [note for note in done.notes if "opentimelineio" not in note] == [
        "sheet.jpg is of an earlier export and was changed since: it is kept."
    ]
    assert shots[2].path.is_file()


async def test_the_folder_of_another_film_is_left_as_it_is(tmp_path: Path) -> None:
    shots, out = three(tmp_path), tmp_path / "out"
    await exported(whole(tmp_path), shots, out)
    before = content(out)
    for replaces in (False, True):
        with pytest.raises(InvalidRequest, match="the files of another film, flm_abcdefghijkl"):
            await exported(whole(tmp_path, id="flm_another23456"), shots[:1], out, replace=replaces)
    assert content(out) == before


@pytest.mark.parametrize(
    "told",
    [
        json.dumps({"film_id": "flm_abcdefghijkl", "files": "a.txt"}).encode(),
        json.dumps(
            {"film_id": "flm_abcdefghijkl", "files": [{"file": "../a.txt", "sha256": "?"}], "shots": []}
        ).encode(),
    ],
)
async def test_what_a_film_json_with_damaged_lists_names_is_kept(told: bytes, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for path in (out / "a.txt", tmp_path / "a.txt"):
        path.write_bytes(b"mine")
    told = told.replace(b"?", sha256(out / "a.txt").encode())
    (out / "film.json").write_bytes(told)
    await exported(whole(tmp_path), [shot(tmp_path / "made" / "a.mp4", 1)], out, replace=True)
    assert (out / "a.txt").read_bytes() == (tmp_path / "a.txt").read_bytes() == b"mine"


@pytest.mark.parametrize(
    "written",
    [
        b"{",
        b"[]",
        json.dumps({"film_id": "other", "files": [{"file": "a.txt", "sha256": "?"}], "shots": []}).encode(),
        json.dumps({"title": "The boat", "shots": [{"seconds": 5, "prompt": "a boat"}]}).encode(),
    ],
)
async def test_a_film_json_that_no_export_wrote_is_never_replaced(written: bytes, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "film.json").write_bytes(written)
    (out / "film.film").write_bytes(b"flm_abcdefghijkl\n")
    before = content(out)
    with pytest.raises(InvalidRequest, match=r"film\.json is there already, and no export wrote it"):
        await exported(whole(tmp_path), three(tmp_path), out, replace=True)
    assert content(out) == before


@pytest.mark.parametrize("copies", [False, True])
async def test_a_clip_that_has_changed_since_stops_the_whole_export(copies: bool, tmp_path: Path) -> None:
    shots = three(tmp_path)
    with shots[2].path.open("ab") as file:
        file.write(b"x")
    with pytest.raises(MediaError, match="shot s03"):
        await exported(whole(tmp_path), shots, tmp_path / "out", copies=copies)
    assert names(tmp_path) == ["made"]


async def test_a_clip_that_is_gone_is_named(tmp_path: Path) -> None:
    shots = three(tmp_path)
    shots[1].path.unlink()
    with pytest.raises(MediaError, match=r"b\.mp4.*shot s02"):
        await exported(whole(tmp_path), shots, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("numbers", [[], [1, 1], [0]])
async def test_shots_without_numbers_of_their_own_are_refused(numbers: list[int], tmp_path: Path) -> None:
    shots = [replace(shot(tmp_path / "made" / "a.mp4", 1), number=number) for number in numbers]
    with pytest.raises(InvalidRequest):
        await exported(whole(tmp_path), shots, tmp_path / "out")


async def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"mine")
    with pytest.raises(SeedanceError):
        await exported(whole(tmp_path), three(tmp_path), tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"mine"


def endless(home: Path) -> ExportedShot:
    """A shot whose clip takes long to hash, and no space."""
    last = shot(home / "made" / "z.mp4", 4)
    os.truncate(last.path, 1 << 40)
    return last


async def staging(out: Path) -> Path:
    """Wait until the last clip is being exported."""
    with anyio.fail_after(60):
        while True:
            for path in out.glob(".*/04-s04.mp4"):
                return path.parent
            await anyio.sleep(0.02)


async def test_a_cancelled_export_leaves_nothing(tmp_path: Path) -> None:
    shots = [*three(tmp_path), endless(tmp_path)]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(export_film, whole(tmp_path), shots, tmp_path / "out")
        await staging(tmp_path / "out")
        tasks.cancel_scope.cancel()
    assert names(tmp_path) == ["made"]


_EXPORT = """
import anyio, pickle, sys
from seedance_mcp.films import export_film
anyio.run(export_film, *pickle.loads(sys.stdin.buffer.read()))
"""


async def test_a_killed_export_leaves_no_file_under_a_final_name(tmp_path: Path) -> None:
    import pickle

    out, shots, facts = tmp_path / "out", three(tmp_path), whole(tmp_path)
    with subprocess.Popen([sys.executable, "-c", _EXPORT], stdin=subprocess.PIPE) as process:
        try:
            assert process.stdin
            process.stdin.write(pickle.dumps((facts, [*shots, endless(tmp_path)], out)))
            process.stdin.close()
            left = await staging(out)
        finally:
            process.kill()
    assert names(out) == [left.name]
    os.utime(left, (0, 0))
    done = await exported(facts, shots, out)
    assert names(out) == sorted(path.name for path in done.files)


async def test_without_the_library_the_rest_is_exported_and_how_to_get_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "opentimelineio", None)
    with pytest.raises(ConfigError) as refused:
        await exported(whole(tmp_path), three(tmp_path), tmp_path / "out", otioz=True)
    assert "pip install" in refused.value.hint
    assert "opentimelineio" in refused.value.hint
    assert not (tmp_path / "out").exists()
    done = await exported(whole(tmp_path), three(tmp_path), tmp_path / "out")
    assert "film.otio" not in names(tmp_path / "out")
    assert refused.value.hint in done.notes[0]
    monkeypatch.undo()
    again = await exported(whole(tmp_path), three(tmp_path), tmp_path / "out")
    assert ("film.otio" in names(tmp_path / "out")) == _has_library() == (not again.notes)


def _has_library() -> bool:
    from seedance_mcp.films import editor

    return editor.is_installed()


def _frames(value: Any) -> tuple[float, float]:
    return value.start_time.value, value.duration.value


async def test_an_editor_finds_the_clips_and_the_seams_of_the_film(tmp_path: Path) -> None:
    otio: Any = pytest.importorskip("opentimelineio")
    out = (await exported(whole(tmp_path), three(tmp_path), tmp_path / "out")).folder
    timeline = otio.adapters.read_from_file(str(out / "film.otio"))
    assert timeline.name == "The lantern"
    assert timeline.metadata["seedance-mcp"]["film_id"] == "flm_abcdefghijkl"
    (picture,), (sound,) = timeline.video_tracks(), timeline.audio_tracks()
    first, second, dissolve, third = picture
    assert [clip.name for clip in (first, second, third)] == ["01-s01.mp4", "02-s02.mp4", "03-s03.mp4"]
    for clip in (first, second, third):
        assert clip.media_reference.target_url == clip.name
        assert (out / clip.name).is_file()
        assert _frames(clip.available_range()) == (0, FRAMES)
        assert clip.available_range().duration.rate == FPS
    # The second leaves out its repeated first frame; the dissolve of 12 frames takes 6 of each side.
    assert [_frames(clip.source_range) for clip in (first, second, third)] == [(0, 24), (1, 17), (6, 18)]
    assert dissolve.transition_type == otio.schema.TransitionTypes.SMPTE_Dissolve
    assert (dissolve.in_offset.value, dissolve.out_offset.value) == (6, 6)
    assert timeline.duration().value == 3 * FRAMES - 1 - 12
    assert [clip.markers[0].name for clip in (first, second, third)] == ["1 s01", "2 s02", "3 s03"]
    assert third.markers[0].comment == "shot 3"
    assert third.metadata["seedance-mcp"]["sha256"] == sha256(out / "03-s03.mp4")
    assert [type(item).__name__ for item in sound] == ["Clip", "Clip", "Gap"]
    assert sound.duration() == picture.duration()


@pytest.mark.parametrize(("loop", "lengths"), [(True, [20, 20, 19]), (False, [20])])
async def test_music_lies_on_a_track_of_its_own_up_to_the_end_of_the_film(
    loop: bool, lengths: list[int], tmp_path: Path
) -> None:
    otio: Any = pytest.importorskip("opentimelineio")
    tune = tmp_path / "the tune.M4A"
    tune.write_bytes(b"a tune")
    music = ExportedMusic(
        path=tune, seconds=20.5 / FPS, volume_db=-14.0, duck_db=9.0, fade_seconds=1.0, loop=loop
    )
    done = await exported(whole(tmp_path, music=music), three(tmp_path), tmp_path / "out", otioz=True)
    out = done.folder
    assert (out / "music.m4a").read_bytes() == b"a tune"
    assert not (out / "music.m4a").samefile(tune)  # it is somebody's own
    timeline = otio.adapters.read_from_file(str(out / "film.otio"))
    sound, track = timeline.audio_tracks()
    assert (sound.name, track.name) == ("Sound", "Music")
    assert [clip.media_reference.target_url for clip in track] == ["music.m4a"] * len(lengths)
    assert [_frames(clip.source_range) for clip in track] == [(0, length) for length in lengths]
    assert not loop or track.duration().to_seconds() == pytest.approx(timeline.duration().to_seconds())
    assert track[0].metadata["seedance-mcp"]["volume_db"] == -14.0
    assert json.loads((out / "film.json").read_bytes())["music"]["loop"] is loop
    with zipfile.ZipFile(out / "film.otioz") as bundle:
        assert bundle.read("media/music.m4a") == b"a tune"
        inside = otio.adapters.read_from_string(bundle.read("content.otio").decode(), "otio_json")
    assert {clip.media_reference.target_url for clip in inside.audio_tracks()[1]} == {"media/music.m4a"}


async def test_a_rate_of_broadcasting_is_exact_and_odd_overlaps_lose_no_frame(tmp_path: Path) -> None:
    otio: Any = pytest.importorskip("opentimelineio")
    shots = [
        replace(shot, fps=23.976, entry="wipe_left", overlap=7 / 23.976, drop_first=False)
        for shot in three(tmp_path)
    ]
    out = (await exported(whole(tmp_path), shots, tmp_path / "out")).folder
    timeline = otio.adapters.read_from_file(str(out / "film.otio"))
    (picture,) = timeline.video_tracks()
    assert timeline.duration().value == 3 * FRAMES - 2 * 7
    assert timeline.duration().rate == 24000 / 1001
    assert [item.transition_type for item in picture if isinstance(item, otio.schema.Transition)] == [
        otio.schema.TransitionTypes.Custom
    ] * 2
    assert picture.range_of_child_at_index(0).start_time.value == 0


async def test_a_bundle_holds_the_clips_and_opens_elsewhere(tmp_path: Path) -> None:
    otio: Any = pytest.importorskip("opentimelineio")
    shots = three(tmp_path)
    shots[0] = replace(shots[0], id="港 口")
    out = (await exported(whole(tmp_path), shots, tmp_path / "out", otioz=True)).folder
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    bundle = str(out / "film.otioz")
    timeline = otio.adapters.read_from_file(bundle, extract_to_directory=str(elsewhere))
    for clip, made in zip(timeline.find_clips(), [*shots, *shots[:2]], strict=True):
        path = elsewhere / otio.url_utils.filepath_from_url(clip.media_reference.target_url)
        assert path.parent == elsewhere / "media"
        assert sha256(path) == made.sha256
    with zipfile.ZipFile(bundle) as archive:
        assert archive.testzip() is None
        assert archive.read("version.txt") == b"1.0.0"
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}  # the same film, the same bytes
