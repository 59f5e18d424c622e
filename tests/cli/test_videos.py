"""Videos from the terminal, made by the real program in the sandbox."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import pytest
from PIL import Image

from tests.emulator import Emulator
from tests.media.crafting import film, moving, sine

from .conftest import Run, heed_interrupts

SMALL = ("--model", "seedance-1.0-pro", "--resolution", "480p", "--duration", "2")


def test_generate_prints_the_path_of_a_playable_video(run_apart: Run, output_dir: Path) -> None:
    result = run_apart("generate", "a red fox", *SMALL)
    assert result.returncode == 0, result.stderr
    video = Path(result.stdout.strip())
    assert video.parent == output_dir
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        assert sum(1 for _ in container.decode(stream)) == 48
    assert "0.00 USD" in result.stderr
    assert "100%" in result.stderr


def test_generate_as_json_prints_the_job(run: Run) -> None:
    result = run("generate", "a red fox", *SMALL, "--json")
    assert result.returncode == 0, result.stderr
    job = json.loads(result.stdout)
    assert (job["status"], job["provider"], job["placeholder"]) == ("succeeded", "sandbox", True)
    assert Path(job["video_path"]).exists()
    assert len(job["sha256"]) == 64


def test_several_takes_of_a_draft_are_priced_together_and_each_path_is_printed(run: Run) -> None:
    asked = ("a red fox", "--model", "seedance-1.0-pro", "--duration", "2", "--variations", "2")
    priced = run("estimate", *asked, "--quality", "draft")
    assert "2 videos: " in priced.stdout
    assert "Draft: seedance-1.0-pro at sandbox in 480p" in priced.stdout
    assert "(--quality final with --based-on JOB_ID)" in priced.stdout
    made = run("generate", *asked, "--quality", "draft")
    assert made.returncode == 0, made.stderr
    assert len({Path(line) for line in made.stdout.splitlines() if Path(line).exists()}) == 2
    assert run("generate", *asked[:-1], "7").returncode == 2


def test_a_file_that_a_person_names_may_lie_anywhere(run: Run, tmp_path: Path) -> None:
    image = tmp_path / "elsewhere" / "fox.png"
    image.parent.mkdir()
    Image.effect_noise((640, 480), 60).convert("RGB").save(image)
    result = run("generate", "it wakes up", "--first-frame", "elsewhere/fox.png", *SMALL)
    assert result.returncode == 0, result.stderr


def test_a_request_that_cannot_be_made_is_refused_before_anything_happens(run: Run) -> None:
    result = run(
        "generate", "a fox", "--last-frame", "nowhere.png", "--duration", "99", "--model", "seedance-1.0-pro"
    )
    assert result.returncode == 2
    assert result.stdout == ""
    error, hint = result.stderr.splitlines()
    assert error.startswith("error [")
    assert hint.startswith("hint: ")
    assert run("jobs", "list").stdout.strip() == "No jobs yet."


@pytest.mark.parametrize("command", ["generate", "estimate"])
def test_an_unknown_model_gets_the_nearest_names(run: Run, command: str) -> None:
    result = run(command, "a fox", "--model", "seedance-1.0-por")
    assert result.returncode == 2
    assert result.stderr.startswith("error [invalid_request]: ")
    assert "seedance-1.0-pro" in result.stderr


def test_a_video_that_the_provider_refuses_ends_with_code_1(run: Run) -> None:
    from seedance_mcp.providers.sandbox.adapter import MARKERS

    refused = next(marker for marker in MARKERS if "fail" in marker)
    result = run("generate", f"a fox {refused}", *SMALL)
    assert result.returncode == 1
    assert result.stdout == ""
    assert "error [" in result.stderr
    assert "hint: " in result.stderr


def test_code_1_comes_with_a_job_that_ended_and_code_2_without_any(run: Run) -> None:
    wish = ("a fox", "--provider", "ark", "--model", "seedance-1.0-pro", "--duration", "5", "--yes")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    with Emulator("ark").threaded() as ark:
        known: list[str] = []
        for options, settings, code, reason in (
            ((), ark.environment(key="not-this-key-0123456789"), 1, "authentication"),
            ((), {**ark.environment(), "SEEDANCE_ARK_BASE_URL": nobody}, 1, "not_sent"),
            (("--max-usd", "0.01"), ark.environment(), 2, "budget_exceeded"),
        ):
            result = run("generate", *wish, *options, **settings)
            assert (result.returncode, result.stdout) == (code, ""), result.stderr
            assert f"error [{reason}]: " in result.stderr
            assert ("SEEDANCE_ARK_BASE_URL says" in result.stderr) == (reason == "not_sent")
            jobs = json.loads(run("jobs", "--json", **settings).stdout)["jobs"]
            new = [job for job in jobs if job["job_id"] not in known]
            assert [job["error"]["code"] for job in new] == ([reason] if code == 1 else [])
            known += [job["job_id"] for job in new]


def test_cancelling_ends_with_code_1_only_if_the_job_was_not_asked_to_stop(
    run: Run, begin: Callable[..., None]
) -> None:
    prompt = "call again with max_usd; check_status later"
    assert run("generate", prompt, *SMALL).returncode == 0
    begin("[sandbox:stall] a fox", *SMALL)
    stalled, made = (job["job_id"] for job in json.loads(run("jobs", "--json").stdout)["jobs"])
    for job_id, code in ((made, 1), (stalled, 0)):
        assert run("jobs", "cancel", job_id).returncode == code
    assert prompt in run("jobs", "show", made).stdout, "only our own words are said otherwise in a terminal"
    assert run("jobs", "show", stalled, "--wait").returncode == 1
    assert run("jobs", "cancel", stalled).returncode == 0, "it is cancelled"


def test_an_estimate_compares_the_offers_and_spends_nothing(run: Run) -> None:
    result = run(
        "estimate", "a red fox", "--model", "seedance-2.0", "--duration", "5", "--resolution", "720p"
    )
    assert result.returncode == 0, result.stderr
    assert "0.00 USD" in result.stdout
    assert "The real video:" in result.stdout
    assert run("jobs", "list").stdout.strip() == "No jobs yet."


def test_an_estimate_as_json_has_the_fields_of_the_tool(run: Run) -> None:
    quote = json.loads(run("estimate", "a red fox", "--model", "seedance-2.0", "--json").stdout)
    assert quote["estimate"]["usd"] == "0"
    assert {"basis", "verified", "offers", "budget", "usual_seconds"} <= set(quote)
    assert {"provider", "model", "ready", "usd", "amount", "currency", "differences"} <= set(
        quote["offers"][0]
    )


def test_models_lists_what_there_is(run: Run) -> None:
    result = run("models")
    assert result.returncode == 0, result.stderr
    for model in ("seedance-2.5", "seedance-2.0", "seedance-1.5-pro", "seedance-1.0-pro"):
        assert model in result.stdout
    assert "sandbox" in run("models", "seedance-2.0").stdout
    listed = json.loads(run("models", "--json").stdout)
    assert "seedance-2.0" in {model["model"] for model in listed["models"]}


def test_jobs_are_listed_shown_and_waited_for(run: Run) -> None:
    made = json.loads(run("generate", "a red fox in deep snow", *SMALL, "--json").stdout)
    listing = run("jobs", "list").stdout
    assert made["job_id"] in listing
    assert "a red fox in deep snow" in listing
    shown = run("jobs", "show", made["job_id"])
    assert shown.returncode == 0
    assert made["video_path"] in shown.stdout
    assert json.loads(run("jobs", "show", made["job_id"], "--json").stdout)["sha256"] == made["sha256"]
    assert run("jobs", "show", made["job_id"], "--wait").stdout.strip() == made["video_path"]
    assert [job["job_id"] for job in json.loads(run("jobs", "list", "--json").stdout)["jobs"]] == [
        made["job_id"]
    ]


def test_a_job_that_is_not_there_is_an_error(run: Run) -> None:
    for verb in ("show", "cancel"):
        result = run("jobs", verb, "job_AAAAAAAAAAAAAAAAAAAAAA")
        assert result.returncode == 2
        assert result.stderr.startswith("error [job_not_found]: ")


def test_view_writes_a_contact_sheet_and_measures(run: Run, tmp_path: Path) -> None:
    video = run("generate", "a red fox", *SMALL).stdout.strip()
    result = run("view", video, "--frames", "4", "--out", "sheet.jpg")
    assert result.returncode == 0, result.stderr
    assert "24 fps" in result.stdout
    with Image.open(tmp_path / "sheet.jpg") as sheet:
        assert sheet.format == "JPEG"
    facts = json.loads(run("view", video, "--json").stdout)["facts"]
    assert (facts["frames"], facts["fps"]) == (48, 24.0)


def test_view_shows_cuts_sound_and_several_videos(run: Run, tmp_path: Path) -> None:
    one = film(tmp_path / "one.mp4", [*moving(24, 1), *moving(24, 2)], sound=sine(2, -20))
    film(tmp_path / "two.mp4", moving(12, 3))
    for words, name in (
        (("one.mp4", "--cuts"), "one-cuts.jpg"),
        (("one.mp4", "--sound", "--start", "0.5", "--end", "1.5"), "one-sound.jpg"),
        (("one.mp4", "two.mp4", "--frames", "4"), "one-compare.jpg"),
    ):
        result = run("view", *words)
        assert result.returncode == 0, result.stderr
        assert name in result.stdout
    assert f"beside:   B\nvideo:    {tmp_path / 'two.mp4'}" in result.stdout
    compared = json.loads(run("view", "one.mp4", "two.mp4", "--json").stdout)
    assert [other["facts"]["frames"] for other in compared["others"]] == [12]
    assert compared["video_path"] == str(one)


def test_view_says_why_there_is_nothing_to_see(run: Run, tmp_path: Path) -> None:
    film(tmp_path / "mute.mp4", moving(12, 3))
    silent = run("view", "mute.mp4", "--sound", "--out", "sound.jpg")
    assert (silent.returncode, "no sound track" in silent.stdout) == (0, True), silent.stderr
    assert not (tmp_path / "sound.jpg").exists()
    for words, said in (
        (("mute.mp4", "--start", "3"), "the video ends at 0.5 s"),
        (("mute.mp4", "./mute.mp4"), "is the same video as"),
        (("mute.mp4", "--start", "soon"), "'soon' is not a time in seconds"),
        (("mute.mp4", "--end", "nan"), "'nan' is not a time in seconds"),
        (("mute.mp4", "--cuts", "--sound"), "not allowed with"),
    ):
        refused = run("view", *words)
        assert refused.returncode == 2
        assert said in refused.stderr


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("/nowhere/notify --at-once", "could not be run: "),
        (f'"{sys.executable}" -c "raise SystemExit(7)"', "exited with 7"),
    ],
)
def test_a_command_at_the_end_of_a_job_that_fails_is_told_in_a_line(
    run: Run, begin: Callable[..., None], command: str, words: str
) -> None:
    hook = {"SEEDANCE_ON_FINISH": command}
    begin("a blue fox", *SMALL, SEEDANCE_SANDBOX_SECONDS="2", **hook)
    [job] = json.loads(run("jobs", "list", "--json").stdout)["jobs"]
    for asked in (("generate", "a red fox", *SMALL), ("jobs", "show", job["job_id"], "--wait")):
        result = run(*asked, **hook)
        assert result.returncode == 0, result.stderr
        assert Path(result.stdout.strip()).exists()
        [told] = [line for line in result.stderr.splitlines() if "SEEDANCE_ON_FINISH" in line]
        assert told.startswith(f"note: SEEDANCE_ON_FINISH {words}")
    fine = run("generate", "a fox", *SMALL, SEEDANCE_ON_FINISH=f'"{sys.executable}" -c "pass"')
    assert (fine.returncode, "SEEDANCE_ON_FINISH" in fine.stderr) == (0, False)


def test_view_makes_the_folder_that_its_sheet_goes_to(run: Run, tmp_path: Path) -> None:
    video = run("generate", "a red fox", *SMALL).stdout.strip()
    result = run("view", video, "--frames", "36", "--out", "new/folder/sheet.jpg")
    assert result.returncode == 0, result.stderr
    with Image.open(tmp_path / "new/folder/sheet.jpg") as sheet:
        assert sheet.format == "JPEG"
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    refused = run("view", video, "--out", "taken/sheet.jpg")
    assert refused.returncode == 2
    assert refused.stderr.startswith("error [media]: The contact sheet cannot be written to ")


@pytest.mark.parametrize("taken", ["the video", "notes.txt", "sheet.jpg", "dangling.jpg", "folder.jpg"])
def test_view_overwrites_nothing_that_exists(run: Run, tmp_path: Path, taken: str) -> None:
    video = Path(run("generate", "a red fox", *SMALL).stdout.strip())
    out = video if taken == "the video" else tmp_path / taken
    if taken == "dangling.jpg":
        try:
            out.symlink_to("nowhere")
        except OSError:
            pytest.skip("no symbolic links here")
    elif taken == "folder.jpg":
        out.mkdir()
    elif out != video:
        out.write_text("mine", encoding="utf-8")
    before = out.read_bytes() if out.is_file() else None
    refused = run("view", str(video), "--out", str(out))
    assert refused.returncode == 2
    assert refused.stderr.startswith(
        f"error [invalid_request]: --out {out}: there is something with this name"
    )
    assert (out.read_bytes() if out.is_file() else None) == before
    assert not (tmp_path / "nowhere").exists()


def test_view_writes_the_picture_that_the_ending_names_and_under_no_other(run: Run, tmp_path: Path) -> None:
    video = run("generate", "a red fox", *SMALL).stdout.strip()
    for name in ("sheet.gif", "sheet", "sheet.mp4"):
        refused = run("view", video, "--out", name)
        assert refused.returncode == 2
        assert f"--out {tmp_path / name}: " in refused.stderr
        assert "has to end in .jpg, .jpeg or .png" in refused.stderr
        assert not (tmp_path / name).exists()
    for name, kind in (("sheet.JPEG", "JPEG"), ("new/sheet.png", "PNG")):
        assert run("view", video, "--out", name).returncode == 0
        with Image.open(tmp_path / name) as picture:
            assert picture.format == kind


def test_view_refuses_what_is_not_a_video(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("not a video", encoding="utf-8")
    film = Path(run("generate", "a red fox", *SMALL).stdout.strip()).read_bytes()
    damaged = film.rfind(b"mdat") + 200
    (tmp_path / "torn.mp4").write_bytes(film[:damaged] + bytes(5000) + film[damaged + 5000 :])
    (tmp_path / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\nnot a picture")
    for words, name, said in (
        (("view", "notes.mp4"), "notes.mp4", "By its content the file is text"),
        (("estimate", "a fox", "--first-frame", "notes.mp4"), "notes.mp4", "By its content the file is text"),
        (("estimate", "a fox", "--first-frame", "torn.png"), "torn.png", ""),
        (("view", "torn.mp4"), "torn.mp4", ""),
    ):
        result = run(*words)
        assert result.returncode == 2
        assert f"{tmp_path / name}: {said}" in result.stderr, "the name of the file is told"


@pytest.mark.skipif(
    sys.platform == "win32", reason="Ctrl-C reaches a child process only through its console there"
)
def test_an_interrupted_job_is_kept_and_can_be_gone_on_with(
    run: Run, command_environ: dict[str, str], tmp_path: Path
) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "seedance_mcp", "generate", "a red fox", *SMALL],
        cwd=tmp_path,
        env={**command_environ, "SEEDANCE_SANDBOX_SECONDS": "60"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts if os.name == "posix" else None,
    ) as process:
        assert process.stderr
        assert process.stdout
        said = ""
        while "%" not in said:
            line = process.stderr.readline()
            assert line, said
            said += line
        os.kill(process.pid, signal.SIGINT)
        said += process.stderr.read()
        assert process.wait(30) == 130
        assert process.stdout.read() == ""
    assert "Traceback" not in said
    way_back = said[said.index("seedance-mcp jobs show") :].split()[1:5]
    assert run(*way_back[:3]).returncode == 0
    result = run(*way_back)
    assert result.returncode == 0, result.stderr
    assert Path(result.stdout.strip()).exists()


def test_an_open_job_can_be_cancelled(run: Run, command_environ: dict[str, str], tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "seedance_mcp", "generate", "a red fox", *SMALL],
        cwd=tmp_path,
        env={**command_environ, "SEEDANCE_SANDBOX_SECONDS": "60"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr
        while "%" not in process.stderr.readline():
            assert process.poll() is None
        [job] = json.loads(run("jobs", "list", "--json").stdout)["jobs"]
        result = run("jobs", "cancel", job["job_id"], SEEDANCE_SANDBOX_SECONDS="60")
        assert result.returncode == 0, result.stderr
        assert job["job_id"] in result.stdout
        process.stderr.read()
        assert process.wait(30) == 1
    assert json.loads(run("jobs", "show", job["job_id"], "--json").stdout)["status"] == "cancelled"
