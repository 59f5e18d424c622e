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
from seedance_mcp.media.descriptors import Opener, best_opener, open_allowed

READS = 100_000
SECRET = b"canary-of-the-race"

_SWAP = """
import os, sys
folder, secret = sys.argv[1:]
name, spare = folder + "/cat.png", folder + "/spare"
with open(folder + "/true", "wb") as file:
    file.write(b"a picture")
print("ready", flush=True)
while True:
    os.symlink(secret, spare); os.rename(spare, name)
    os.link(folder + "/true", spare); os.rename(spare, name)
"""


@dataclass(frozen=True)
class Outcome:
    """How the reads of a race ended."""

    reads: int
    pictures: int
    refused: int
    leaks: int
    seconds: float


def race(folder: Path, reads: int, opener: Opener | None = None) -> Outcome:
    """Read a path so often while another process swaps what lies there."""
    allowed, secret = folder / "allowed", folder / "secret.png"
    allowed.mkdir()
    secret.write_bytes(SECRET)
    (allowed / "cat.png").write_bytes(b"a picture")
    swapper = subprocess.Popen([sys.executable, "-c", _SWAP, allowed, secret], stdout=subprocess.PIPE)
    pictures = refused = leaks = 0
    start = time.monotonic()
    try:
        assert swapper.stdout
        assert swapper.stdout.readline()
        for _ in range(reads):
            try:
                with open_allowed(
                    allowed / "cat.png", allowed=[allowed], forbidden=[folder / "state"], opener=opener
                ) as (source, _):
                    content = os.read(source, 100)
            except MediaError:
                refused += 1
                continue
            pictures += content == b"a picture"
            leaks += SECRET in content
    finally:
        swapper.kill()
        swapper.wait(10)
        if swapper.stdout:
            swapper.stdout.close()
    return Outcome(reads, pictures, refused, leaks, time.monotonic() - start)


@pytest.mark.skipif(sys.platform == "win32", reason="making links needs a right there")
def test_no_read_of_a_swapped_path_gets_the_secret(tmp_path: Path) -> None:
    outcome = race(tmp_path, READS, best_opener())
    print(outcome)
    assert outcome.leaks == 0
    assert outcome.pictures > READS // 100, "the race was won by chance often enough to mean something"
    assert outcome.refused > READS // 100
    assert outcome.pictures + outcome.refused == READS


@pytest.mark.skipif(sys.platform == "win32", reason="making links needs a right there")
def test_no_read_gets_it_where_there_is_no_proc(tmp_path: Path) -> None:
    from seedance_mcp.media.descriptors import open_by_walking

    outcome = race(tmp_path, READS // 5, open_by_walking)
    assert outcome.leaks == 0
    assert outcome.pictures
    assert outcome.refused
