"""A process that is killed while it buys a set: whoever repeats the call buys the rest, and nothing twice."""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.emulator import Behaviour, Emulator

from . import fault_market as market
from .kill import QUIET, TROUBLE
from .kill_judge import prompt_of
from .kill_zygote import Zygote, zygote

pytestmark = [
    pytest.mark.skipif(
        sys.platform != "linux", reason="processes are forked from one that has imported everything"
    ),
    pytest.mark.timeout(300),
]

SIZE = 3

POINTS = (
    ("deciding reserved", 2), ("written reserved", 1), ("written sending", 1), ("before connection's bytes", 1),
    ("after connection's bytes", 2), ("written sending", 3), ("before answer", 2), ("written accepted", 1),
    ("written accepted", 2), ("written done", 1),
)  # fmt: skip
"""Where the first process dies: while all are reserved, between that and each purchase, and among the purchases."""

FEW = POINTS[1:4:2]


class Round:
    """One installation, one set, a process that dies and those that come after it."""

    def __init__(self, number: int, folder: Path, emulator: Emulator) -> None:
        self.folder = folder / f"round-{number}"
        self.folder.mkdir()
        self.prompt = f"a boat, set {number}"
        self.emulator = emulator
        self._catalog = str(folder / "catalog.toml")

    def life(self, **plan: Any) -> dict[str, Any]:
        environ = {
            "SEEDANCE_STATE_DIR": str(self.folder / "state"), "SEEDANCE_OUTPUT_DIR": str(self.folder / "videos"),
            "SEEDANCE_POLL_SECONDS": "0.1", "SEEDANCE_DETACH": "0", "SEEDANCE_CONFIRM": "off",
            "SEEDANCE_MAX_USD_PER_JOB": "50", "SEEDANCE_MAX_USD_PER_DAY": "500", "SEEDANCE_MAX_JOBS_PER_HOUR": "1000",
            **self.emulator.environment("ark"),
        }  # fmt: skip
        order = market.request("ark", prompt=self.prompt).model_dump(mode="json")
        asked = [{"order": order, "key": "the-set-of-boats", "count": SIZE}]
        return {
            "folder": str(self.folder), "environ": environ, "orders": [], "sets": asked, "catalog": self._catalog, **plan,
        }  # fmt: skip

    async def play(
        self, source: Zygote, point: tuple[str, int], *, beside: bool, surely: bool = True
    ) -> list[str]:
        """Let one process die at a point, which it `surely` comes to, then others finish it; what is wrong afterwards."""
        name, nth = point
        first = await source.start(**self.life(point=name, nth=nth))
        others = [await source.start(**self.life())] if beside else []
        code = await first.end(60)
        first.send(signal.SIGKILL)
        for last in [*others, await source.start(**self.life())]:
            if await last.end(120) != 0:
                last.send(signal.SIGKILL)
                return [f"{name} {nth}: the last process did not end well"]
        said = self._wrong()
        if surely and not beside and code != -signal.SIGKILL:
            said.append(f"the process ended with {code} and not at that point")
        return [f"{name} {nth}, beside another {beside}: {words}" for words in said]

    def _wrong(self) -> list[str]:
        tasks = [task for task in self.emulator.tasks.values() if prompt_of(task.body) == self.prompt]
        with contextlib.closing(sqlite3.connect(self.folder / "state" / "jobs.db", timeout=60)) as database:
            rows = database.execute(
                "SELECT set_id, number, document FROM sets JOIN jobs ON jobs.id = job_id ORDER BY number"
            ).fetchall()
        done = [(number, json.loads(text)) for _, number, text in rows if json.loads(text)["state"] == "done"]
        others = {json.loads(text)["state"] for *_, text in rows} - {"done", "not_sent", "rejected", "absent"}
        seeds = Counter(task.body["seed"] for task in tasks)
        wrong = (
            [f"{len(tasks)} purchases with seeds {dict(seeds)}"] if list(seeds.values()) != [1] * SIZE else []
        )
        if [number for number, _ in done] != [1, 2, 3] or others:
            wrong.append(f"{[number for number, _ in done]} are done, others are {sorted(others)}")
        if {job["submission"]["task_id"] for _, job in done} != {task.id for task in tasks}:
            wrong.append("the jobs have other tasks than those that were bought")
        if {set_id for set_id, *_ in rows} != {rows[0][0]}:
            wrong.append("there are several sets")
        if len(list((self.folder / "videos").rglob("*.mp4"))) != SIZE:
            wrong.append("not every video is here")
        return wrong


async def _play(points: tuple[tuple[str, int], ...], folder: Path, *, trouble: bool, beside: bool) -> None:
    lines = "\n".join(f"{key} = {value}" for key, value in QUIET.items())
    lines += "".join(f"\nlimits.{kind} = {market.NO_LIMIT}" for kind in ("submit", "read", "list"))
    (folder / "catalog.toml").write_text(f"[providers.ark]\n{lines}\n", encoding="utf-8")
    behaviour = Behaviour(queued_seconds=0.05, running_seconds=0.1, list_lag=0.2)
    wrong: list[str] = []
    async with Emulator("ark", behaviour=behaviour, seed=11) as emulator, zygote() as source:
        if trouble:
            emulator.faults.add(*TROUBLE)
        for number, point in enumerate(points):
            # Where answers are lost there may be no second one.
            surely = not (trouble and point[0] == "before answer")
            wrong += await Round(number, folder, emulator).play(source, point, beside=beside, surely=surely)
    assert wrong == []


@pytest.mark.parametrize(
    ("points", "trouble", "beside"),
    [(FEW, False, False), (POINTS, False, False), (POINTS, True, False), (POINTS, True, True)],
    ids=["a few", "every point", "lost answers", "two processes"],
)
async def test_a_set_that_is_killed_anywhere_and_asked_for_again_is_bought_once(
    points: tuple[tuple[str, int], ...], trouble: bool, beside: bool, tmp_path: Path
) -> None:
    await _play(points, tmp_path, trouble=trouble, beside=beside)
