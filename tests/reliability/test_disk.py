"""The disk runs full at every possible moment of a purchase, for real: nothing is lost, nothing is bought twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from seedance_mcp.store.money.ledger import to_micros
from tests.emulator import Behaviour, Emulator

from .disk_child import PHASES, PROVIDER
from .disk_space import apart

ENDINGS = ("killed", "goes on")
AT_ONCE = 4
EVERY = bool(os.environ.get("SEEDANCE_TEST_LONG"))
"""Every single page, not only those where the most happens."""

PATIENCE = 1800.0 if EVERY else 280.0
"""Seconds that a share of the points may take: under a minute on two free cores."""

WRITES = {"opening": 130, "asking": 90, "answered": 16, "following": 24}
"""Pages that a purchase takes from each moment on; with more room it does not notice."""


def points(most: dict[str, int]) -> list[list[Any]]:
    """Every page of the moments at which money is under way; of the others a sample, unless all are wanted."""
    found: list[list[Any]] = []
    for phase in PHASES:
        step = 1 if EVERY or most[phase] < 30 else 9
        for pages in range(0, most[phase], step):
            endings = ENDINGS if EVERY or phase == "answered" else (ENDINGS[pages % 2],)
            found += [[phase, pages, ending] for ending in endings]
    return found


def played(emulator: Emulator, folder: Path, method: str, wanted: list[list[Any]]) -> list[dict[str, Any]]:
    """Let processes of their own play the points: they mostly wait, so several at once."""
    shares = [wanted[start::AT_ONCE] for start in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(
            lambda number: _share(emulator, folder / str(number), method, shares[number]), range(AT_ONCE)
        )
        return [line for lines in found for line in lines]


def _share(emulator: Emulator, folder: Path, method: str, wanted: list[list[Any]]) -> list[dict[str, Any]]:
    before = apart() if method == "tmpfs" else []
    assert before is not None
    folder.mkdir()
    order = {
        "method": method,
        "folder": str(folder),
        "environ": emulator.environment(PROVIDER),
        "points": wanted,
    }
    done = subprocess.run(
        [*before, sys.executable, "-m", "tests.reliability.disk_child"],
        input=json.dumps(order), capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    reports = [line for line in lines if "point" in line]
    assert [report["point"] for report in reports] == wanted, done.stderr[-4000:]
    crashed = [report["point"] for report in reports if "crashed" in report]
    assert not crashed, f"{crashed}\n{done.stderr[-4000:]}"
    return lines


def judge(emulator: Emulator, reports: list[dict[str, Any]]) -> None:
    """Hold the databases against the provider's ledger."""
    tasks = {task.facts["tag"]: task for task in emulator.ledger.tasks.values()}
    assert not [tag for tag, times in emulator.ledger.tags().items() if times > 1], "bought twice"
    jobs = [(report["point"], job) for report in reports for job in report["jobs"]]
    assert set(tasks) <= {job["tag"] for _, job in jobs}, "a purchase that no database knows"
    for point, job in jobs:
        task = tasks.get(job["tag"])
        if task is None:
            assert job["state"] in ("not_sent", "absent"), (point, job)
            assert job["held"] == 0, (point, job)
        else:
            assert (job["state"], job["task_id"], job["file"]) == ("done", task.id, True), (point, job)
            assert job["held"] == to_micros(task.price.quantize(task.price)), (point, job)
    for report in reports:
        assert sum(job["state"] == "done" for job in report["jobs"]) == 1, report
        assert not report["unexpected"], report
        assert not report["notice"], report
        for code, hint in report["said"]:
            assert code in ("store", "config"), report
            assert hint, report


def trouble(reports: list[dict[str, Any]], phase: str) -> int:
    """In how many points of a phase somebody noticed: without any, nothing was tested."""
    return sum(
        bool(report["said"]) or len(report["jobs"]) > 1 for report in reports if report["point"][0] == phase
    )


@pytest.mark.skipif(sys.platform == "win32", reason="the processes are forked")
@pytest.mark.timeout(PATIENCE + 20)
@pytest.mark.parametrize("method", ["tmpfs", "file sizes"])
def test_a_disk_that_runs_full_at_any_page_loses_no_purchase_and_buys_none_twice(
    method: str, tmp_path: Path
) -> None:
    if method == "tmpfs" and apart() is None:
        pytest.skip("mounting a file system is not allowed here, not even in a namespace of our own")
    behaviour = Behaviour(queued_seconds=0.2)
    with Emulator(PROVIDER, behaviour=behaviour).threaded() as emulator:
        emulator.fail("late", "submit", times=None, seconds=0.15)
        if method == "tmpfs":  # the receipts alone have to do: their room was taken before the disk ran full
            emulator.fail("status", "list", times=None, status=503)
        wanted = points(WRITES)
        if method == "file sizes" and apart() and not EVERY:
            wanted = wanted[::3]  # the other method has gone through all of them
        lines = played(emulator, tmp_path, method, wanted)
        reports = [line for line in lines if "point" in line]
        judge(emulator, reports)
    assert any("receipt" in line for line in lines), "no answer came when the disk was full"
    assert trouble(reports, "opening")
    assert trouble(reports, "asking")
