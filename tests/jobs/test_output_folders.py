"""Servers with one state folder and an output folder each: whose folder a video goes to, and who may read it there."""

from __future__ import annotations

import json
import os
import shlex
import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from PIL import Image

from seedance_mcp.app import App, open_app
from seedance_mcp.cli import run
from seedance_mcp.config import Settings, load_settings
from seedance_mcp.errors import InvalidRequest, MediaError
from seedance_mcp.jobs.local_files.parts import part_path
from seedance_mcp.jobs.local_files.unfinished import writer_of
from seedance_mcp.presentation import job_views
from seedance_mcp.store import job_records, open_store, transitions
from seedance_mcp.types import Job, JobStatus, Look, VideoRequest
from tests.emulator import Emulator
from tests.reliability.waiting import until
from tests.test_app import made, request

links = pytest.mark.skipif(sys.platform == "win32", reason="Windows lets few make links")
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has rules of its own for where programs lie")


class Projects:
    """Two projects, `a` and `b`, that differ in their output folder alone, and may read no other folder."""

    def __init__(self, environ: dict[str, str], folder: Path) -> None:
        self._environ = {name: value for name, value in environ.items() if name != "SEEDANCE_MEDIA_DIRS"}
        self._folder = folder
        self.a, self.b = self.settings("a"), self.settings("b")

    def settings(self, name: str, **more: str) -> Settings:
        given = {**self._environ, "SEEDANCE_OUTPUT_DIR": str(self._folder / name), **more}
        return load_settings(given, settings_file=self._folder / "none.toml")

    async def ordered(self, **fields: Any) -> Job:
        """A job that `a` has bought and nobody has looked at since."""
        async with open_app(self.settings("a", SEEDANCE_SANDBOX_SECONDS="1")) as app:
            started = await app.generate(request(**fields))
        assert not started.job.finished
        return started.job

    async def saved_by_b(self, job: Job) -> Job:
        async with open_app(self.b) as app:
            return await finished(app, job)

    async def finished_at_a(self, **fields: Any) -> Job:
        async with open_app(self.a) as app:
            return await made(app, request(**fields))

    def files(self, name: str) -> list[str]:
        """The endings of what lies in the output folder of a project."""
        folder = self._folder / name
        return sorted(path.suffix for path in folder.iterdir()) if folder.is_dir() else []


@pytest.fixture
def projects(environ: dict[str, str], tmp_path: Path) -> Projects:
    return Projects(environ, tmp_path)


async def finished(app: App, job: Job) -> Job:
    with anyio.fail_after(60):
        return await app.wait(job.id, 60)


def video_of(job: Job) -> Path:
    assert job.artifacts is not None, job.error
    return Path(job.artifacts.video_path)


async def test_a_video_goes_to_the_folder_it_was_ordered_for_whoever_saves_it(projects: Projects) -> None:
    job = await projects.saved_by_b(await projects.ordered(return_last_frame=True))
    assert (job.status, job.folder_error) == (JobStatus.SUCCEEDED, None)
    assert video_of(job).parent == projects.a.output_dir
    assert job.artifacts
    assert job.artifacts.last_frame_path
    assert Path(job.artifacts.last_frame_path).parent == projects.a.output_dir
    assert (projects.files("a"), projects.files("b")) == ([".json", ".mp4", ".png"], [])


async def test_a_job_of_an_earlier_version_goes_to_the_folder_of_who_saves_it(projects: Projects) -> None:
    job = await projects.ordered()
    with closing(open_store(projects.b.state_dir)) as store:
        await store.write(lambda c: transitions.note(c, job_records.find(c, job.id), output_dir=None))
    assert video_of(await projects.saved_by_b(job)).parent == projects.b.output_dir


async def test_what_dead_processes_left_unfinished_in_the_folder_of_the_job_is_removed(
    projects: Projects,
) -> None:
    job = await projects.ordered()
    folder = projects.a.output_dir
    folder.mkdir(exist_ok=True)
    with closing(open_store(projects.b.state_dir)) as dead:
        installation, left = dead.installation, part_path(folder, job.id, writer_of(dead))
        lost = folder / f".{installation}.{dead.ownership.instance}.01234567.unfinished"
        living = folder / f".{'f' * 16}.{'1' * 16}.01234567.unfinished"
        for path in (left, lost, living):
            path.write_bytes(b"half")
    async with open_app(projects.b) as app:
        await finished(app, job)
        await app.runner._saver.sweep()
    assert (left.exists(), lost.exists(), living.exists()) == (False, False, True)


async def test_no_part_of_dead_processes_is_left_beside_a_finished_video(projects: Projects) -> None:
    job = await projects.ordered()
    folder = projects.a.output_dir
    folder.mkdir(exist_ok=True)
    for _ in range(3):  # only one of them can be gone on with
        with closing(open_store(projects.b.state_dir)) as dead:
            (folder / f"{job.id}.{dead.installation}.{dead.ownership.instance}.part").write_bytes(b"half")
    async with open_app(projects.b) as app:
        await finished(app, job)

        async def alone() -> bool:
            return projects.files("a") == [".json", ".mp4"]

        with anyio.fail_after(10):  # the sweep of the folder would come later
            await until(alone)


async def test_a_folder_that_cannot_be_made_sends_the_video_home_and_the_job_says_so(
    projects: Projects, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job = await projects.ordered()
    _block(projects.a.output_dir)
    async with open_app(projects.b) as app:
        job = await finished(app, job)
        shown = await job_views.job(app, job)
    assert (job.status, job.error) == (JobStatus.SUCCEEDED, None)
    assert video_of(job).parent == projects.b.output_dir
    (told,) = [note for note in shown.notes if "folder it was ordered for" in note]
    assert str(projects.a.output_dir) in told
    assert str(projects.b.output_dir) in told
    for name in ("STATE_DIR", "OUTPUT_DIR"):
        monkeypatch.setenv(f"SEEDANCE_{name}", str(getattr(projects.b, name.lower())))
    assert await anyio.to_thread.run_sync(run, ["jobs", "show", job.id]) == 0
    assert told in capsys.readouterr().out


async def test_a_job_that_fits_into_neither_folder_waits_and_names_both(projects: Projects) -> None:
    job = await projects.ordered()
    _block(projects.a.output_dir)
    _block(projects.b.output_dir)
    async with open_app(projects.b) as app:
        with anyio.fail_after(60):
            while not (job := await app.job(job.id)).error:  # noqa: ASYNC110
                await anyio.sleep(0.05)
        assert str(projects.a.output_dir) in (job.error or "")
        assert str(projects.b.output_dir) in (job.error or "")
        projects.a.output_dir.unlink()
        job = await finished(app, job)
    assert (video_of(job).parent, job.error, job.folder_error) == (projects.a.output_dir, None, None)


def _block(folder: Path) -> None:
    """Put a file where the folder would have to be."""
    if folder.is_dir():
        folder.rmdir()
    folder.write_bytes(b"in the way")


@posix
async def test_the_finish_hook_runs_beside_the_video_by_the_program_of_its_own_folder(
    projects: Projects, tmp_path: Path
) -> None:
    job = await projects.ordered()
    there = projects.settings("b", SEEDANCE_ON_FINISH=f"./note.sh {shlex.quote(str(tmp_path / 'told'))}")
    there.output_dir.mkdir()
    program = there.output_dir / "note.sh"
    program.write_text('#!/bin/sh\npwd -P > "$1"\n')
    program.chmod(0o700)
    async with open_app(there) as app:
        await finished(app, job)
        query = "SELECT outcome FROM hooks WHERE job_id = ?"
        with anyio.fail_after(60):
            store = app.installation.store
            while await store.read(lambda c: c.execute(query, (job.id,)).fetchone()[0]) is None:  # noqa: ASYNC110
                await anyio.sleep(0.02)
        assert (await app.job(job.id)).hook_error is None
    assert Path((tmp_path / "told").read_text().strip()) == projects.a.output_dir.resolve()


OWN = ["job:{id}/last_frame", "{last_frame}", "'{last_frame}'"]
"""How the picture that a job ends on may be named."""


@pytest.mark.parametrize("written", OWN)
async def test_a_jobs_own_files_may_be_used_by_every_server_of_the_state_folder(
    projects: Projects, written: str
) -> None:
    first = await projects.finished_at_a(return_last_frame=True)
    assert first.artifacts
    source = written.format(id=first.id, last_frame=first.artifacts.last_frame_path)
    async with open_app(projects.b) as app:
        second = await made(app, request("the boat sails on", first_frame=source))
        uploaded = await app.upload(source)
        third = await made(app, request("and on", first_frame=uploaded.media_id))
    assert (second.error, third.error) == (None, None)
    assert video_of(third).parent == projects.b.output_dir


async def test_a_last_frame_that_nobody_kept_is_drawn_beside_the_video(projects: Projects) -> None:
    first = await projects.finished_at_a()
    async with open_app(projects.b) as app:
        second = await made(app, request("on", first_frame=f"job:{first.id}/last_frame"))
    assert second.error is None
    assert projects.files("a") == [".json", ".mp4", ".png"]


@pytest.mark.parametrize("provider", ["ark", "atlas"])
async def test_a_jobs_own_files_can_be_sent_by_every_server(projects: Projects, provider: str) -> None:
    """As a data URL and as an upload; both are made of a copy that has to be read from the folder of the other."""
    first = await projects.finished_at_a(return_last_frame=True)
    async with Emulator(provider) as emulator:
        there = projects.settings("b", **emulator.environment(), SEEDANCE_CONFIRM="off")
        wish = VideoRequest(
            prompt="on", provider=provider, model="seedance-1.0-pro", first_frame=f"job:{first.id}/last_frame"
        )
        async with open_app(there) as app:
            if provider == "atlas":
                offers = app.catalog.offers(provider=provider)
                model = next(offer.model.id for offer in offers if "first_frame" in offer.parameters)
                wish = wish.model_copy(update={"model": model})
            job = await made(app, wish)
        assert len(emulator.ledger.tasks) == 1
    assert job.error is None


@pytest.mark.parametrize("by_path", [False, True], ids=["by id", "by path"])
async def test_a_jobs_video_may_be_looked_at_and_its_sheet_lies_beside_it(
    projects: Projects, *, by_path: bool
) -> None:
    job = await projects.finished_at_a()
    async with open_app(projects.b) as app:
        viewed = await app.viewing.view(str(video_of(job)) if by_path else job.id, Look(frames=2))
        assert (await app.upload(f"job:{job.id}")).file.sha256 == (job.artifacts and job.artifacts.sha256)
    assert viewed.file
    assert viewed.file.parent == projects.a.output_dir


async def refusals(app: App, job: Job) -> list[str]:
    """What is said to every way to read the files of a job."""
    said: list[str] = []
    frame = job.artifacts and job.artifacts.last_frame_path
    for source in (f"job:{job.id}/last_frame", str(frame)):
        with pytest.raises(InvalidRequest) as refused:
            await app.generate(request("on", first_frame=source))
        said.append(refused.value.message)
    for source in (job.id, str(video_of(job))):
        with pytest.raises(MediaError) as unseen:
            await app.viewing.view(source, Look(frames=2))
        said.append(unseen.value.message)
    with pytest.raises(MediaError) as unheld:
        await app.upload(f"job:{job.id}")
    return [*said, unheld.value.message]


async def test_what_has_changed_since_it_was_saved_is_read_in_media_folders_alone(projects: Projects) -> None:
    job = await projects.finished_at_a(return_last_frame=True)
    other = await projects.finished_at_a(prompt="another boat")
    assert job.artifacts
    video_of(job).write_bytes(video_of(other).read_bytes())
    frame = Path(str(job.artifacts.last_frame_path))
    Image.new("RGB", (864, 480), "red").save(frame)
    async with open_app(projects.b) as app:
        for said in await refusals(app, job):
            assert "has changed since it was saved, and lies outside the folders that may be read" in said
    async with open_app(replace(projects.b, media_dirs=(projects.a.output_dir,))) as app:
        await app.viewing.view(job.id, Look(frames=2))
        assert (await made(app, request("on", first_frame=str(frame)))).error is None


@links
async def test_a_link_in_the_place_of_a_jobs_file_is_not_followed(projects: Projects, tmp_path: Path) -> None:
    job = await projects.finished_at_a(return_last_frame=True)
    assert job.artifacts
    (tmp_path / "private").mkdir()
    for path in (video_of(job), Path(str(job.artifacts.last_frame_path))):
        moved = tmp_path / "private" / path.name
        path.rename(moved)
        path.symlink_to(moved)
    async with open_app(projects.b) as app:
        for said in await refusals(app, job):
            assert "outside the folders that may be read" in said


async def test_other_files_beside_a_jobs_video_may_not_be_read(projects: Projects, tmp_path: Path) -> None:
    job = await projects.finished_at_a(return_last_frame=True)
    assert job.artifacts
    copy = video_of(job).with_name("copy.mp4")
    copy.write_bytes(video_of(job).read_bytes())
    async with open_app(projects.b) as app:
        for source in (str(copy), str(video_of(job).with_suffix(".json"))):
            with pytest.raises(MediaError, match="outside the folders that may be read"):
                await app.viewing.view(source, Look(frames=2))


async def test_a_damaged_record_keeps_nobody_from_the_files_of_other_jobs(projects: Projects) -> None:
    job = await projects.finished_at_a()
    lost = await projects.finished_at_a(prompt="another boat")
    with closing(sqlite3.connect(projects.a.state_dir / "jobs.db")) as database:
        text = database.execute("SELECT document FROM jobs WHERE id = ?", (lost.id,)).fetchone()[0]
        damaged = json.dumps({**json.loads(text), "model": 7})
        database.execute("UPDATE jobs SET document = ? WHERE id = ?", (damaged, lost.id))
        database.commit()
    async with open_app(projects.b) as app:
        assert (await app.viewing.view(str(video_of(job)), Look(frames=2))).file
        with pytest.raises(MediaError, match="outside the folders that may be read"):
            await app.viewing.view(str(video_of(lost)), Look(frames=2))
