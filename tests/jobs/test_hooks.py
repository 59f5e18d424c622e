"""The user's own command at the end of a job: once, whoever lives; without keys, within its time; its failure is said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from seedance_mcp.app import App, open_app
from seedance_mcp.catalog import Catalog
from seedance_mcp.cli import run
from seedance_mcp.config import Settings, load_settings
from seedance_mcp.jobs.results import finish_hook
from seedance_mcp.presentation import job_views
from seedance_mcp.store.database import open_store
from seedance_mcp.types import Job, JobStatus
from tests.test_app import made, request

NOTE = "import os, sys; open(sys.argv[1] + '/' + str(os.getpid()), 'wb').write(sys.stdin.buffer.read())"
"""A hook that leaves what it was told in a file of its own."""


def command(*words: object) -> str:
    """A command line as the user writes it."""
    line = [sys.executable, *map(str, words)]
    return subprocess.list2cmdline(line) if os.name == "nt" else " ".join(f"'{word}'" for word in line)


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """The folder that the hook writes to."""
    folder = tmp_path / "told"
    folder.mkdir()
    return folder


@pytest.fixture
def noting(environ: dict[str, str], tmp_path: Path, told: Path) -> Settings:
    """Settings with a hook that leaves a file for each time that it ran."""
    script = tmp_path / "note.py"
    script.write_text(NOTE)
    return load_settings({**environ, "SEEDANCE_ON_FINISH": command(script, told)})


def calls(told: Path) -> list[dict[str, Any]]:
    """What the hook was told, each time."""
    return [json.loads(path.read_bytes()) for path in sorted(told.iterdir())]


async def settled(app: App, job: Job) -> Job:
    """The job, once it is known what came of its hook."""
    query = "SELECT outcome FROM hooks WHERE job_id = ?"
    with anyio.fail_after(60):
        while await app.installation.store.read(lambda c: c.execute(query, (job.id,)).fetchone()[0]) is None:  # noqa: ASYNC110
            await anyio.sleep(0.02)
    return await app.job(job.id)


async def with_hook(environ: dict[str, str], hook: str) -> Job:
    """Make a video with this hook; the job when it is known what came of the hook."""
    settings = load_settings({**environ, "SEEDANCE_ON_FINISH": hook})
    async with open_app(settings) as app:
        return await settled(app, await made(app, request()))


async def test_it_is_run_once_for_each_job_however_it_ends(noting: Settings, told: Path) -> None:
    async with open_app(noting) as app:
        good = await made(app, request())
        bad = await made(app, request("[sandbox:fail] a boat"))
        await made(app, request())  # the same job again
    assert {(call["job_id"], call["status"]) for call in calls(told)} == {
        (good.id, "succeeded"),
        (bad.id, "failed"),
    }
    assert len(calls(told)) == 2
    async with open_app(noting):
        pass
    assert len(calls(told)) == 2


async def test_what_two_processes_see_ending_is_run_by_one_of_them(noting: Settings, told: Path) -> None:
    async with open_app(noting) as one, open_app(noting) as two:
        jobs = [await made(app, request(f"boat {n}")) for n, app in enumerate([one, two, one, two])]
    assert sorted(call["job_id"] for call in calls(told)) == sorted(job.id for job in jobs)


async def test_jobs_that_ended_before_it_was_set_owe_nothing(
    environ: dict[str, str], noting: Settings, told: Path
) -> None:
    async with open_app(load_settings(environ)) as app:
        await made(app, request())
    async with open_app(noting) as app:
        job = await made(app, request("a later boat"))
    assert [call["job_id"] for call in calls(told)] == [job.id]


async def test_a_job_that_a_process_without_the_setting_ends_fires_it_all_the_same(
    environ: dict[str, str], noting: Settings, told: Path
) -> None:
    slow = {"SEEDANCE_SANDBOX_SECONDS": "1", "SEEDANCE_ON_FINISH": noting.on_finish or ""}
    async with open_app(load_settings({**environ, **slow})) as app:
        job = (await app.generate(request())).job
    async with open_app(load_settings(environ)) as app:
        with anyio.fail_after(60):
            job = await app.wait(job.id, 60)
    assert job.status is JobStatus.SUCCEEDED
    assert calls(told) == []
    async with open_app(noting, watch=False) as app:
        await app.installation.run_hooks()
    assert [call["job_id"] for call in calls(told)] == [job.id]


async def test_a_job_that_turns_up_again_fires_it_at_its_next_end(
    noting: Settings, environ: dict[str, str], told: Path
) -> None:
    async with open_app(noting) as app:
        started = await app.generate(request("[sandbox:lost] a boat"))
        await app.installation.resolve(started.job.id, None)
        await app.runner.adopt_late()
        with anyio.fail_after(60):
            job = await app.wait(started.job.id, 60)
    assert job.status is JobStatus.SUCCEEDED
    assert [call["status"] for call in calls(told)][-1] == "succeeded"
    assert [call["status"] for call in calls(told)].count("succeeded") == 1


@pytest.mark.parametrize(
    ("hook", "words"),
    [
        ("echo don't", "could not be run: No closing quotation"),
        ("/nowhere/notify --password hunter2", "could not be run: "),
        ("PASSWORD=hunter2 notify", "could not be run: "),
        ("''", "could not be run: "),
        ("notify \0", "could not be run: embedded null byte"),
        (command("-c", "raise SystemExit(3)"), "exited with 3"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="Windows splits command lines by its own rules")
async def test_its_failure_is_said_in_the_job_which_has_not_failed(
    environ: dict[str, str],
    hook: str,
    words: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = await with_hook(environ, hook)
    assert job.status is JobStatus.SUCCEEDED
    assert (job.hook_error or "").startswith(words)
    async with open_app(load_settings(environ), watch=False) as app:
        (note,) = [note for note in (await job_views.job(app, job)).notes if "SEEDANCE_ON_FINISH" in note]
    assert words in note
    assert "hunter2" not in note
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert await anyio.to_thread.run_sync(run, ["jobs", "show", job.id]) == 0
    shown = capsys.readouterr().out
    assert f"SEEDANCE_ON_FINISH {words}" in shown
    assert "hunter2" not in shown


async def test_a_hook_that_ran_well_or_reads_nothing_leaves_no_word(environ: dict[str, str]) -> None:
    job = await with_hook(environ, command("-c", "pass"))
    assert job.hook_error is None


async def test_it_sees_no_key_of_any_provider_nor_of_the_bucket(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seedance_mcp.config import setting_table

    providers = Catalog.load(None).providers.values()
    keys = {name for info in providers for name in info.key_variables}
    keys |= {name for name, *_ in setting_table() if name.startswith("SEEDANCE_S3_") and "KEY" in name}
    assert len(keys) > 6
    for name in keys | {"AWS_SESSION_TOKEN", "DB_PASSWORD"}:
        monkeypatch.setenv(name, "hunter2")
    monkeypatch.setenv("HOOK_PLACE", "kept")
    seen = tmp_path / "seen.json"
    script = tmp_path / "look.py"
    script.write_text(f"import json, os; json.dump(dict(os.environ), open({str(seen)!r}, 'w'))")
    await with_hook(environ, command(script))
    environment = json.loads(seen.read_text())
    assert environment["HOOK_PLACE"] == "kept"
    assert environment["PATH"] == os.environ["PATH"]
    assert "hunter2" not in environment.values()
    assert keys.isdisjoint(environment)


STAY = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
open(sys.argv[1], "w").write(str(child.pid))
time.sleep(300)
"""


def running(pid: int) -> bool:
    """Whether the process runs; a killed one that nobody has waited for yet does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(os.name == "nt", reason="it is looked for by POSIX process ids")
async def test_at_its_limit_it_is_killed_with_its_children(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finish_hook, "_PATIENCE_SECONDS", 1.5)
    script, noted = tmp_path / "stay.py", tmp_path / "pid"
    script.write_text(STAY)
    job = await with_hook(environ, command(script, noted))
    assert job.hook_error == "took longer than 1.5 seconds and was stopped"
    assert job.status is JobStatus.SUCCEEDED
    with anyio.fail_after(20):
        while running(int(noted.read_text())):  # noqa: ASYNC110
            await anyio.sleep(0.02)


async def test_a_process_that_the_hook_leaves_behind_is_not_waited_for(
    environ: dict[str, str], tmp_path: Path
) -> None:
    noted = tmp_path / "pid"
    leave = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        " open(sys.argv[1], 'w').write(str(p.pid))"
    )
    script = tmp_path / "leave.py"
    script.write_text(leave)
    began = anyio.current_time()
    job = await with_hook(environ, command(script, noted))
    assert job.hook_error is None
    assert anyio.current_time() - began < 40
    os.kill(int(noted.read_text()), signal.SIGTERM)


START_AND_DIE_IN_THE_HOOK = """
import os, sys, anyio
from seedance_mcp.app import open_app
from seedance_mcp.config import load_settings
from tests.test_app import made, request

async def main():
    async with open_app(load_settings()) as app:
        job = await made(app, request())
        print(job.id, flush=True)
        await anyio.sleep_forever()

anyio.run(main)
"""

ONCE = """
import os, sys, time
open(sys.argv[1] + "/" + str(os.getpid()), "w").write("{}")
os.kill(int(open(sys.argv[2]).read()), 9)
"""
"""A hook that kills the process that runs it."""


@pytest.mark.skipif(os.name == "nt", reason="it kills by POSIX process ids")
async def test_where_its_process_was_killed_the_job_says_so_and_it_is_not_run_again(
    environ: dict[str, str], noting: Settings, told: Path, tmp_path: Path
) -> None:
    script, pid = tmp_path / "once.py", tmp_path / "pid"
    script.write_text(ONCE)
    environment = {**os.environ, **environ, "SEEDANCE_ON_FINISH": command(script, told, pid)}
    with subprocess.Popen(
        [sys.executable, "-c", START_AND_DIE_IN_THE_HOOK],
        env=environment, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        pid.write_text(str(process.pid))
        assert process.wait(60) == -signal.SIGKILL
        assert process.stdout
        job_id = process.stdout.read().strip()
    assert len(list(told.iterdir())) == 1
    async with open_app(noting) as app:
        with anyio.fail_after(60):
            job = await app.job(job_id)
            while job.hook_error is None:
                await anyio.sleep(0.02)
                job = await app.job(job_id)
    assert "may not have run to its end" in job.hook_error
    assert len(list(told.iterdir())) == 1


async def test_a_database_of_an_earlier_version_owes_nothing(tmp_path: Path) -> None:
    store = open_store(tmp_path / "state")
    try:
        rows = store.read_now(lambda connection: connection.execute("SELECT * FROM hooks").fetchall())
    finally:
        store.close()
    assert rows == []
