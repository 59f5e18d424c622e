"""The back-up and the way back as docs/team.md tells them, word for word, with PostgreSQL's own programs."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from seedance_mcp.errors import BudgetExceeded
from seedance_mcp.store import ScopedStore, breakers, budget, by_day, job_records, transitions
from seedance_mcp.store.postgres import open_postgres_store
from seedance_mcp.types import Scope
from tests.jobs import records

from .server import Server

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the commands are those of a shell")

PAGE = Path(__file__).parents[2] / "docs" / "team.md"
SELLER = breakers.Seller(provider="ark", account="a", model="m")


def _commands() -> tuple[str, str]:
    """The commands that make a dump and count what is in it, and those that restore it."""
    section = (
        PAGE.read_text(encoding="utf-8").partition("\n## Back-up and restore\n")[2].partition("\n## ")[0]
    )
    dump, restore = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    return dump, restore


def _run(server: Server, commands: str, folder: Path, **addresses: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": f"{server.programs}{os.pathsep}{os.environ['PATH']}", **addresses}
    return subprocess.run(
        ["sh", "-e", "-c", commands],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def database(url: str, tmp_path: Path) -> str:
    """A database with a job each of two people."""
    with contextlib.closing(open_postgres_store(url, tmp_path / "one")) as store:
        for person in ("ann", "bea"):
            job = records.job(id=f"job_{person}", tag=f"t-{person}", client_key=f"{person}:0", person=person)
            own = ScopedStore(store, Scope(person=person))
            own.write_now(partial(transitions.insert, job=job, day="2026-11-30"))
    return url


def test_a_dump_as_documented_has_every_job_and_a_copy_of_it_buys_nothing(
    postgres: Server, database: str, tmp_path: Path
) -> None:
    dump, restore = _commands()
    dumped = _run(postgres, dump, tmp_path, DATABASE=database)
    assert (dumped.returncode, dumped.stderr, dumped.stdout.split()) == (0, "", ["2", "2"])
    restored = postgres.bare()
    assert _run(postgres, restore, tmp_path, RESTORED=restored).returncode == 0
    with (
        contextlib.closing(open_postgres_store(database, tmp_path / "one")) as first,
        contextlib.closing(open_postgres_store(restored, tmp_path / "two")) as second,
    ):
        assert second.read_now(job_records.count) == 2
        assert second.read_now(partial(by_day, days=1)) == first.read_now(partial(by_day, days=1))
        with pytest.raises(BudgetExceeded, match="restored"):
            second.read_now(lambda connection: budget.check_open(connection, SELLER, now=second.clock()))
        assert ScopedStore(second, Scope(person="ann")).read_now(job_records.count) == 1


def test_a_dump_without_the_option_is_refused_or_is_counted_as_empty(
    postgres: Server, database: str, tmp_path: Path
) -> None:
    dump, _ = _commands()
    forgotten = dump.replace("PGOPTIONS='-c seedance.person=*' pg_dump", "pg_dump")
    counted = _run(postgres, forgotten.replace(" -c job_", " -c job_ || true"), tmp_path, DATABASE=database)
    assert (counted.returncode, counted.stdout.split()) == (0, ["0", "2"])
    neither = _run(postgres, forgotten.replace("--enable-row-security", ""), tmp_path, DATABASE=database)
    assert neither.returncode != 0
    assert "row-level security" in neither.stderr
