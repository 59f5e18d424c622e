"""Paid videos that arrive whole and cannot be looked into here: they are never thrown away, and said to be unchecked."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from seedance_mcp.cli.text import job_lines
from seedance_mcp.jobs.results import retries, saving, sidecar
from seedance_mcp.media import probe, probe_video
from seedance_mcp.presentation import job_views
from seedance_mcp.types import JobState
from tests.emulator import Emulator
from tests.reliability.fault_market import hurry, sha256

from .place import Place

posix = pytest.mark.skipif(os.name == "nt", reason="the command that dies is a shell's")
NEVER, AT_ONCE = 5000.0, 0.0001

Break = Callable[[pytest.MonkeyPatch, Path], None]


def killed(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """As the system does when memory runs out, or the processor when a library asks for what it lacks."""
    _instead_of_python(patch, folder, "kill -9 $$")


def broken(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """An installation that is damaged."""
    _instead_of_python(patch, folder, "exit 3")


def rubbish(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """An answer that is none."""
    _instead_of_python(patch, folder, "echo what")


def missing(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """An installation that was removed while the server ran."""
    patch.setattr(sys, "executable", str(folder / "no-python"))


def slow(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """A machine on which looking into it takes too long."""
    patch.setattr(probe, "_LIMITS", probe.Limits(seconds=0.001))


def _instead_of_python(patch: pytest.MonkeyPatch, folder: Path, line: str) -> None:
    command = folder / "instead-of-python"
    command.write_text(f"#!/bin/sh\n{line}\n")
    command.chmod(0o755)
    patch.setattr(sys, "executable", str(command))


@pytest.fixture(autouse=True)
def _in_earnest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses are short, and videos are checked by a process of their own."""
    hurry(monkeypatch)
    monkeypatch.setattr(saving, "probe_video", probe_video)


@contextlib.asynccontextmanager
async def selling(folder: Path) -> AsyncIterator[Place]:
    async with Emulator("ark") as emulator:
        yield Place(emulator, folder)


@posix
@pytest.mark.parametrize("trouble", [killed, broken, rubbish, missing, slow])
async def test_a_video_that_cannot_be_checked_is_delivered_and_said_to_be_unchecked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: Break
) -> None:
    trouble(monkeypatch, tmp_path)
    async with selling(tmp_path) as place:
        async with place.open() as app:
            job = await place.when(app, JobState.DONE)
            shown = await job_views.job(app, job)
        downloads = place.downloads
    assert job.artifacts is not None
    video = Path(job.artifacts.video_path)
    assert (job.tries.rubbish, job.tries.unchecked, downloads) == (0, retries.MOST_UNCHECKED - 1, 1)
    assert sha256(video.read_bytes()) == job.artifacts.sha256
    assert [note for note in shown.notes if "could not be checked" in note]
    assert (shown.width, shown.height, shown.duration_seconds, shown.error) == (None, None, None, None)
    lines = job_lines(job)
    assert "not measured" in lines
    assert "could not be checked" in lines
    written = sidecar.facts(job, video)["measured"]
    assert (written["unchecked"], written["duration_seconds"]) == (job.artifacts.unchecked, None)


@posix
async def test_a_video_that_is_here_is_checked_again_by_the_next_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with selling(tmp_path) as place:
        monkeypatch.setattr(retries, "_FIRST_PAUSE", NEVER)
        with monkeypatch.context() as while_broken:
            killed(while_broken, tmp_path)
            async with place.open() as app:
                job = await place.when(app, JobState.REMOTE_DONE, unchecked=1)
        assert "could not be checked" in (job.error or "")
        assert "try 1 of 5" in (job.error or "")
        place.emulator.ledger.tasks.clear()  # the provider has removed it meanwhile
        monkeypatch.setattr(retries, "_FIRST_PAUSE", AT_ONCE)
        async with place.open() as app:
            job = await place.when(app, JobState.DONE)
        assert place.downloads == 1
    assert job.artifacts is not None
    assert (job.artifacts.unchecked, job.artifacts.width) == (None, 64)
