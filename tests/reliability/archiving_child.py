"""
Kills processes that archive, one at each statement, and looks afterwards at what is left.

    python -m tests.reliability.archiving_child FOLDER

Prints how many were killed, and what was found that should not be; the last process lives to the end.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

from seedance_mcp.store.database import SqliteStore
from tests.jobs.old_jobs import DAY, LIVES, everything, installation


def main() -> None:
    """Play all."""
    folder = Path(sys.argv[1])
    with installation(folder / "made") as here:
        for name in ("done", "rejected"):
            here.buy(name, LIVES[name])
        here.wait(9 * DAY)
        here.buy("recent", LIVES["done"])
        now, before = here.now, everything(here)
    killed, lived = 0, False
    while not lived:
        place = folder / str(killed)
        shutil.copytree(folder / "made", place)
        child = os.fork()
        if not child:
            live(place, now, killed)
        lived = os.waitpid(child, 0)[1] == 0
        look(place, now, before, all_archived=lived)
        killed += not lived
    print("killed", killed)


def live(place: Path, now: float, statements: int) -> NoReturn:
    """Archive, and die before the statement of this number."""
    left = [statements]

    def count(statement: str) -> None:
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1

    with installation(place) as here:
        here.now = now
        assert isinstance(here.store, SqliteStore)
        here.store._connection.set_trace_callback(count)
        here.archive()
        here.store._connection.set_trace_callback(None)
    os._exit(0)


def look(place: Path, now: float, before: dict[str, Any], *, all_archived: bool) -> None:
    """Say what is not as it was. A piece is archived as a whole or not at all."""
    with installation(place) as here:
        here.now = now
        if here.rows("PRAGMA integrity_check") != [("ok",)] or here.rows("PRAGMA foreign_key_check"):
            print(place, "is damaged")
        if len(here.archived()) not in ((2,) if all_archived else (0, 2)):
            print(place, "has archived", here.archived())
        after = everything(here)
        for what in before:
            if after[what] != before[what]:
                print(place, "says of", what, after[what], "and not", before[what])


if __name__ == "__main__":
    main()
