"""While somebody swaps a picture for a link to a secret as fast as they can, no read gets the secret."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from seedance_mcp.errors import MediaError
from seedance_mcp.media.access.descriptors import Judge, Opener, best_opener, open_allowed

READS = 100_000
PATIENCE = 240.0
"""Seconds after which a race ends though it proved nothing yet."""

SECRET = b"canary-of-the-race"

_SWAP = """
import os, sys
folder, secret = sys.argv[1:]
name, spare, true, trap = (folder + "/" + word for word in ("cat.png", "spare", "true", "trap"))
with open(true, "wb") as file:
    file.write(b"a picture")
os.symlink(secret, trap)
print("ready", flush=True)
while True:
    for source in trap, true:
        os.link(source, spare, follow_symlinks=False)
        os.rename(spare, name)
"""
"""Puts one and the other there by the same two steps, which make no new file: neither lies there for longer."""

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="making links needs a right there"),
    pytest.mark.timeout(PATIENCE + 60),
]


@dataclass
class Outcome:
    """
    How the reads of a race ended.

    `turns` counts the reads that ended otherwise than the one before; `amid` those for which the link came
    between the look at the path and the look at the file: the only moment at which the race can be lost.
    """

    reads: int = 0
    pictures: int = 0
    refused: int = 0
    leaks: int = 0
    turns: int = 0
    amid: int = 0

    @property
    def tells(self) -> bool:
        """Was this a race? However slowly or rarely the system let the other process run."""
        return min(self.pictures, self.refused) >= 1000 and self.turns >= 300 and self.amid >= 30


def race(folder: Path, reads: int, opener: Opener, patience: float = PATIENCE) -> Outcome:
    """Read a path at least so often, and until that tells or leaks, while another process swaps what lies there."""
    allowed, secret = folder / "allowed", folder / "secret.png"
    allowed.mkdir()
    secret.write_bytes(SECRET)
    (allowed / "cat.png").write_bytes(b"a picture")
    outcome, before = Outcome(), ""
    end = time.monotonic() + patience
    with subprocess.Popen([sys.executable, "-c", _SWAP, allowed, secret], stdout=subprocess.PIPE) as swapper:
        try:
            assert swapper.stdout
            assert swapper.stdout.readline()
            while outcome.reads < reads or not (outcome.tells or outcome.leaks or time.monotonic() > end):
                now = _read(allowed, folder / "state", opener)
                outcome.reads += 1
                outcome.pictures += now == "picture"
                outcome.leaks += now == "leak"
                outcome.refused += now in ("refused", "refused amid")
                outcome.amid += now == "refused amid"
                outcome.turns += now[:3] != before[:3]
                before = now
            assert swapper.poll() is None, "the other process stopped swapping"
        finally:
            swapper.kill()
    print(outcome)
    return outcome


def _read(allowed: Path, state: Path, opener: Opener) -> str:
    try:
        with open_allowed(allowed / "cat.png", allowed=[allowed], forbidden=[state], opener=opener) as (
            file,
            _,
        ):
            content = os.read(file, 100)
    except MediaError as error:
        return "refused" if "outside the folders" in str(error) else "refused amid"
    return {b"a picture": "picture", SECRET: "leak"}.get(content, "something else")


def _by_name(path: Path, _root: Path, _judge: Judge) -> tuple[int, Path]:
    return os.open(path, os.O_RDONLY), path


def test_no_read_of_a_swapped_path_gets_the_secret(tmp_path: Path) -> None:
    outcome = race(tmp_path, READS, best_opener())
    assert outcome.leaks == 0
    assert outcome.pictures + outcome.refused == outcome.reads >= READS
    assert outcome.tells, outcome


def test_no_read_gets_it_where_there_is_no_proc(tmp_path: Path) -> None:
    from seedance_mcp.media.access.descriptors import open_by_walking

    outcome = race(tmp_path, READS // 5, open_by_walking)
    assert outcome.leaks == 0
    assert outcome.pictures + outcome.refused == outcome.reads >= READS // 5
    assert outcome.tells, outcome


def test_the_race_is_lost_by_who_trusts_the_name_that_was_judged(tmp_path: Path) -> None:
    assert race(tmp_path, 1, _by_name).leaks
