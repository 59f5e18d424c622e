"""
Processes that ask for all they want at the same moment: `python -m tests.reliability.contention_child`.

Reads one JSON object: an installation, and what each process wants. Prints a line of JSON for each: the answers
that it got, the budget as it sees it when nothing is open any more, and its exit code.
"""

from __future__ import annotations

import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from seedance_mcp.app import App, open_app
from seedance_mcp.errors import BudgetExceeded, SeedanceError
from seedance_mcp.providers.http.timeouts import Deadlines
from seedance_mcp.types import VideoRequest

from . import fault_market as market
from .forked import Patch, import_what_lives_need, live

PATIENCE_SECONDS = 100.0
PATIENT = Deadlines(connect=20.0, read=20.0, total=30.0, purchase=30.0, upload=30.0)
"""So many purchases at once take their time at one pretended provider."""


def main() -> None:
    """Fork a process for each wish, let them go when all are ready, and tell what they told."""
    plan = json.loads(sys.stdin.read())
    import_what_lives_need()
    folder = Path(plan["folder"])
    is_ready, ready = os.pipe()
    go, let_go = os.pipe()
    children: list[int] = []
    for number in range(len(plan["wishes"])):
        child = os.fork()
        if not child:
            os.close(let_go)
            live(folder, partial(_life, plan, number, folder, ready, go))
        children.append(child)
    os.close(ready)
    for _ in children:
        os.read(is_ready, 1)
    os.close(let_go)
    for number, child in enumerate(children):
        _, status = os.waitpid(child, 0)
        told = folder / f"answers-{number}.json"
        said = json.loads(told.read_text()) if told.exists() else {"answers": [], "spent": 0, "reserved": 0}
        print(json.dumps({**said, "code": os.waitstatus_to_exitcode(status)}))


def _life(plan: dict[str, Any], number: int, folder: Path, ready: int, go: int) -> int:
    market.SHORT = PATIENT
    market.hurry(Patch())
    return anyio.run(_want, plan, number, folder, ready, go)


async def _want(plan: dict[str, Any], number: int, folder: Path, ready: int, go: int) -> int:
    """Ask for everything at once, then wait until nothing of anybody is open; 0 when that is so."""
    answers: list[dict[str, Any]] = []
    with anyio.move_on_after(PATIENCE_SECONDS):
        async with open_app(market.settings(plan["environ"], folder)) as app:
            os.write(ready, b".")
            await anyio.to_thread.run_sync(os.read, go, 1)
            async with anyio.create_task_group() as group:
                for wish in plan["wishes"][number]:
                    group.start_soon(_ask, app, VideoRequest.model_validate(wish), answers)
            while await app.unfinished():  # noqa: ASYNC110  the database rings no bell
                await anyio.sleep(0.05)
            budget = await app.budget()
        said = {
            "answers": answers,
            "spent": str(budget.spent_today_usd),
            "reserved": str(budget.reserved_usd),
        }
        (folder / f"answers-{number}.json").write_text(json.dumps(said))
        return 0
    return 71


async def _ask(app: App, wish: VideoRequest, answers: list[dict[str, Any]]) -> None:
    while True:
        try:
            started = await app.generate(wish)
            answer = {"job": started.job.id, "deduplicated": started.deduplicated}
        except BudgetExceeded as error:
            answer = {"refused": error.message}
        except SeedanceError as error:
            if error.code == "store":  # another process held the database for too long; nothing was changed
                await anyio.sleep(0.1)
                continue
            answer = {"error": f"{error.code}: {error.message}"}
        answers.append({"prompt": wish.prompt, **answer})
        return


if __name__ == "__main__":
    main()
