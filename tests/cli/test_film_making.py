"""A film that is being made: interrupted, waited for by two, cancelled, gone on with by the watcher, made anew in part."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import anyio
import pytest

from seedance_mcp.films import editor
from seedance_mcp.types import PurchaseTerms
from tests.emulator import Emulator
from tests.films.place import environment, opened, storyboard

from .conftest import Run, heed_interrupts
from .terminal import INTERRUPT, at_terminal

DOCUMENT = """
title = "Lantern"
model = "seedance-1.0-pro-fast"
resolution = "480p"

[[shots]]
id = "s01"
seconds = 2
prompt = "a harbour"

[[shots]]
id = "s02"
seconds = 2
prompt = "a lantern"
continues = "last_frame"
"""

PROBLEMS = """
title = ""
loudness_lufs = "loud"

[[shots]]
id = "s01"
seconds = 0
prompt = "@nobody walks"

[[shots]]
id = "s02"
seconds = 2
prompt = "a lantern"
after = "s09"
continues = "last_frame"
enter = { kind = "dissolve", seconds = 2.0 }
"""

KILLED_BEFORE_IT_BUYS = """
import os, signal, sys
from seedance_mcp import cli
from seedance_mcp.films import maker
maker.Maker._start = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
cli.run(sys.argv[1:])
"""

ANOTHER_COMES_BETWEEN = """
import subprocess, sys
from seedance_mcp import cli
from seedance_mcp.cli.films import making
shown, other = making._shown_plan, sys.argv.pop(1)
async def then_another_orders(*given):
    making._shown_plan = shown
    found = await shown(*given)
    subprocess.run([sys.executable, "-c", other, "film", str(given[1]), "--quality", "animatic"], timeout=60)
    return found
making._shown_plan = then_another_orders
sys.exit(cli.run(sys.argv[1:]))
"""

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")


@pytest.fixture
def document(tmp_path: Path) -> Path:
    """A film of two shots, of which the second waits for the first."""
    path = tmp_path / "the lantern.toml"
    path.write_text(DOCUMENT, encoding="utf-8")
    return path


def jobs(run: Run) -> list[dict[str, Any]]:
    return json.loads(run("jobs", "list", "--json").stdout)["jobs"]


def bought(run: Run) -> None:
    """Wait until a shot is under way."""
    until = time.monotonic() + 30
    while not any(job["status"] == "running" for job in jobs(run)):
        assert time.monotonic() < until


def shown(run: Run, document: Path) -> dict[str, Any]:
    return json.loads(run("film", "show", document.name, "--json").stdout)


def test_all_that_is_wrong_with_a_document_is_told_with_its_place(run: Run, document: Path) -> None:
    document.write_text(PROBLEMS, encoding="utf-8")
    result = run("film", "make", document.name, "--yes-up-to", "100")
    assert (result.returncode, result.stdout) == (2, "")
    *errors, hint = result.stderr.splitlines()
    places = [line.removeprefix("error [invalid_request]: ").partition(": ")[0] for line in errors]
    assert set(places) == {
        "title",
        "loudness_lufs",
        "shot s01.seconds",
        "shot s01.prompt",
        "shot s02.after",
        "shot s02.enter.seconds",
    }
    assert len(places) == 6
    assert hint.startswith("hint: ")


@posix
def test_interrupted_it_says_how_to_go_on_and_how_to_stop_for_good(
    run: Run, document: Path, command_environ: dict[str, str]
) -> None:
    slow = {"SEEDANCE_SANDBOX_SECONDS": "60"}
    code, told = at_terminal(
        [sys.executable, "-P", "-m", "seedance_mcp", "film", document.name, "--quality", "animatic"],
        [("making s01", INTERRUPT)],
        folder=document.parent,
        environ=command_environ | slow,
        meanwhile=lambda: bought(run),
    )
    assert code == 130
    assert "Traceback" not in told
    assert "film make 'the lantern.toml'" in told
    assert "film cancel 'the lantern.toml'" in told
    assert shown(run, document)["status"] == "making"
    cancelled = run("film", "cancel", document.name, **slow)
    assert cancelled.returncode == 0, cancelled.stderr
    assert "cancelled. Nothing more is bought for this film" in cancelled.stdout
    assert "s01: The provider was asked to stop" in cancelled.stdout
    assert run("watch", "--until-idle").returncode == 0
    (job,) = jobs(run)
    assert job["status"] == "cancelled"
    assert shown(run, document)["status"] == "cancelled"
    again = run("film", "cancel", document.name)
    assert "Nothing of this film is being made." in again.stdout


@posix
def test_made_again_after_it_was_cancelled_it_first_waits_for_the_end(
    run: Run, document: Path, command_environ: dict[str, str]
) -> None:
    words = ("film", "make", document.name, "--quality", "animatic")
    slow = {"SEEDANCE_SANDBOX_SECONDS": "60"}
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "seedance_mcp", *words],
        cwd=document.parent,
        env=command_environ | slow,
        stderr=subprocess.DEVNULL,
        preexec_fn=heed_interrupts,
    ) as first:
        try:
            bought(run)
            first.send_signal(signal.SIGINT)
            assert first.wait(60) == 130
        finally:
            first.kill()
    cancelled = run("film", "cancel", document.name, **slow)
    (job,) = jobs(run)
    assert f"jobs show {job['job_id']}` tells how it ended." in cancelled.stdout
    again = run(*words)
    assert again.returncode == 0, again.stderr
    assert Path(again.stdout.strip()).is_file()
    (stopped,) = (one for one in jobs(run) if one["status"] == "cancelled")
    made = [one["created_at"] for one in jobs(run) if one["status"] == "succeeded"]
    assert len(made) == 2
    assert min(made) >= stopped["finished_at"], "else the end was not waited for"


@posix
def test_the_watcher_alone_makes_a_whole_film(
    run: Run, document: Path, command_environ: dict[str, str]
) -> None:
    command = [sys.executable, "-c", KILLED_BEFORE_IT_BUYS, "film", document.name, "--quality", "animatic"]
    subprocess.run(command, cwd=document.parent, env=command_environ, timeout=60, check=False)
    assert shown(run, document)["status"] == "making"
    assert jobs(run) == []
    watched = run("watch", "--until-idle")
    assert watched.returncode == 0
    assert "nothing to wait for" not in watched.stdout
    film = shown(run, document)
    assert film["status"] == "succeeded"
    assert Path(film["film_path"]).is_file()
    assert Path(film["sheet"]).is_file()
    assert len(jobs(run)) == 2


@posix
def test_another_quality_waits_for_the_one_that_is_being_made(
    run: Run, document: Path, command_environ: dict[str, str]
) -> None:
    command = [sys.executable, "-c", KILLED_BEFORE_IT_BUYS, "film", document.name, "--quality", "animatic"]
    subprocess.run(command, cwd=document.parent, env=command_environ, timeout=60, check=False)
    left = shown(run, document)
    assert (left["status"], left["quality"]) == ("making", "animatic")
    assert "film make 'the lantern.toml' --quality animatic waits for it." in left["next_step"]
    result = run("film", "make", document.name, "--json")
    assert result.returncode == 0, result.stderr
    assert "This film is still being made in quality animatic. Waiting until that has ended" in result.stderr
    film = json.loads(result.stdout)
    assert (film["status"], film["quality"]) == ("succeeded", "final")
    assert sorted(path.name for path in Path(film["film_path"]).parent.glob("*.mp4")) == [
        "film-animatic.mp4",
        "film-final.mp4",
    ]
    assert len(jobs(run)) == 4


@posix
def test_shots_changed_since_they_were_agreed_to_are_planned_when_the_rest_is_made(
    run: Run, document: Path, command_environ: dict[str, str]
) -> None:
    words = ("film", document.name, "--quality", "animatic")
    command = [sys.executable, "-c", KILLED_BEFORE_IT_BUYS, *words]
    subprocess.run(command, cwd=document.parent, env=command_environ, timeout=60, check=False)
    document.write_text(DOCUMENT.replace("a lantern", "a lantern goes out"), encoding="utf-8")
    result = run("film", "make", *words[1:])
    assert result.returncode == 0, result.stderr
    assert (
        "Shots that have changed since are not bought; they are planned after it has ended." in result.stderr
    )
    assert "It is another shot than was agreed to: its prompt or dialogue is another." in result.stderr
    assert Path(result.stdout.strip()).is_file()
    assert sorted(job["prompt"] for job in jobs(run)) == ["a harbour", "a lantern goes out"]


async def test_who_has_not_the_key_of_a_film_is_told_so_while_it_waits(tmp_path: Path) -> None:
    async with Emulator("ark") as emulator:
        async with opened(tmp_path, emulator, watch=False) as studio:
            film_id = await studio.read(storyboard())
            plan = await studio.app.films.plan(film_id)
            await studio.app.films.make(film_id, plan.token, PurchaseTerms())
        given = {
            **os.environ,
            **environment(tmp_path),
            **emulator.environment(),
            "ARK_API_KEY": "of-another-account",
        }
        words = [sys.executable, "-P", "-m", "seedance_mcp", "film", "make", studio.path.name]
        told = ""
        with anyio.fail_after(60):
            async with await anyio.open_process(words, cwd=tmp_path, env=given) as process:
                assert process.stderr
                while "note: shot a is bought from an account of ark whose key is not set here" not in told:
                    told += (await process.stderr.receive()).decode()
                process.kill()
        assert studio.bodies == []


def test_another_quality_that_is_ordered_after_the_plan_was_shown_is_waited_for(
    document: Path, command_environ: dict[str, str]
) -> None:
    words = [ANOTHER_COMES_BETWEEN, KILLED_BEFORE_IT_BUYS, "film", "make", document.name]
    result = subprocess.run(
        [sys.executable, "-c", *words],
        cwd=document.parent,
        env=command_environ,
        timeout=90,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("This film is still being made in quality animatic. Waiting until") == 1
    assert Path(result.stdout.strip()).name == "film-final.mp4"


@posix
def test_made_by_two_at_once_each_shot_is_one_and_can_be_made_anew(
    run: Run, document: Path, command_environ: dict[str, str]
) -> None:
    words = ("film", "make", document.name, "--quality", "animatic")
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "seedance_mcp", *words],
        cwd=document.parent,
        env=command_environ | {"SEEDANCE_SANDBOX_SECONDS": "2"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as first:
        try:
            assert first.stderr
            while "s01: making" not in first.stderr.readline():
                assert first.poll() is None
            second = run(*words, "--redo", "s02")
            path, _ = first.communicate(timeout=60)
        finally:
            first.kill()
    assert (first.returncode, second.returncode) == (0, 0), second.stderr
    assert "This film is being made by a plan that was agreed to before: it goes on." in second.stderr
    assert second.stdout == path
    assert len(jobs(run)) == 2
    made = Path(path.strip()).stat()
    anew = run(*words, "--redo", "s02")
    assert (anew.returncode, anew.stdout) == (0, path)
    assert [(shot["shot"], shot["take"]) for shot in shown(run, document)["shots"]] == [
        ("s01", 1),
        ("s02", 2),
    ]
    assert len(jobs(run)) == 3
    assert Path(path.strip()).stat().st_ino != made.st_ino
    if editor.is_installed():
        assert exported(run, document, "--otioz", "--copies") >= {"film.otio", "film.otioz", "02-s02.mp4"}
        assert Path(path.strip()).stat().st_nlink == 1
        assert "film.otioz" not in exported(run, document, "--replace")
    assert run("film", "review", document.name, "--choose", "s02=1").returncode == 0
    earlier = run("film", "export", document.name, "--to", "edit", "--replace")
    assert earlier.returncode == 0
    assert "note: film-animatic.mp4 is not of what its shots show now." in earlier.stderr


def exported(run: Run, document: Path, *words: str) -> set[str]:
    """The names of what lies in the folder after an export."""
    result = run("film", "export", document.name, "--to", "edit", *words)
    assert result.returncode == 0, result.stderr
    return {path.name for path in Path(result.stdout.strip()).iterdir()}
