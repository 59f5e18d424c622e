"""
Every client does the same: lists, estimates, makes a video, is refused, gives up, cancels, reads. What is seen is on record.

`SEEDANCE_UPDATE_CLIENTS=1 pytest tests/clients` (in one process) writes the record anew; `scripts/tables.py` makes the table
of `docs/clients.md` of it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from .driver import Sdk, driving
from .play import YES, compare, play
from .rows import PYTHON, TYPESCRIPT, row

pytestmark = pytest.mark.timeout(400)


@pytest.mark.parametrize("sdk", TYPESCRIPT, ids=row)
async def test_a_typescript_client_does_what_the_table_says(
    packages: Path, environ: dict[str, str], tmp_path: Path, sdk: Sdk
) -> None:
    tape = tmp_path / "tape"
    async with driving(packages, sdk, environ, tmp_path, tape=tape) as client:
        compare(row(sdk), await play(client, tmp_path, tape))


@pytest.mark.parametrize("sdk", PYTHON, ids=row)
async def test_a_python_client_does_what_the_table_says(
    pythons: dict[str, Path], environ: dict[str, str], tmp_path: Path, sdk: Sdk
) -> None:
    tape = tmp_path / "tape"
    async with driving(pythons[sdk.package], sdk, environ, tmp_path, tape=tape) as client:
        seen = await play(client, tmp_path, tape)
        if (sdk.package, sdk.mode) == ("fastmcp", "auto"):  # it holds every file against its digest
            assert await client.ask("skills") == ["skill://direct-seedance-video/SKILL.md"]
            seen = replace(seen, skills=YES)
    compare(row(sdk), seen)
