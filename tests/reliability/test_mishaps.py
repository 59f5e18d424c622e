"""Whatever raises, wherever: it ends that job's step, it is told, and every other job is delivered."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from tests.powerless import said_by_powerless

from .mishap_scene import scene
from .mishaps import MISHAPS

IN_A_PROCESS = """
import sys, anyio
from pathlib import Path
from tests.reliability.test_mishaps import play
anyio.run(play, sys.argv[2], Path(sys.argv[1]))
"""


async def play(name: str, folder: Path) -> None:
    """Let it happen; another job has to be delivered, and the trouble told where it belongs."""
    mishap = MISHAPS[name]()
    with pytest.MonkeyPatch.context() as patch:
        async with scene(folder, patch) as stage:
            await mishap.before(stage)
            async with stage.serving():
                hit = await mishap.during(stage)
                other = await stage.start("another boat")
                await stage.delivered(other)
                if mishap.of_the_job:
                    await stage.says(mishap.of_the_job, hit)
                if mishap.of_all:
                    await stage.says(mishap.of_all, None)
                if mishap.delivered:
                    assert hit
                    await stage.delivered(hit)
                await stage.delivered(await stage.start("one more boat"))
                await mishap.after(stage, hit)
            if mishap.doctor:
                await stage.doctor_says(mishap.doctor)


@pytest.mark.parametrize("name", MISHAPS)
async def test_one_thing_that_goes_wrong_is_told_and_holds_up_no_other_job(name: str, tmp_path: Path) -> None:
    if getattr(MISHAPS[name], "rights", False):
        await anyio.to_thread.run_sync(said_by_powerless, IN_A_PROCESS, tmp_path, name)
    else:
        await play(name, tmp_path)
