"""A state folder that cannot be used, and a record of money that is damaged: said clearly, nothing bought, nothing lost."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import anyio
import pytest

from seedance_mcp.app import App, open_app
from seedance_mcp.errors import BudgetExceeded, StoreError
from seedance_mcp.types import Job, JobStatus, PurchaseTerms, VideoRequest
from tests.emulator import Emulator
from tests.powerless import said_by_powerless

from .fault_market import hurry, request, settings

PAGE = 4096


@asynccontextmanager
async def installation(emulator: Emulator, folder: Path) -> AsyncIterator[App]:
    async with open_app(settings(emulator.environment("ark"), folder)) as app:
        yield app


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    hurry(monkeypatch)
    with Emulator("ark").threaded() as running:
        yield running


async def bought(app: App, prompt: str) -> Job:
    with anyio.fail_after(30):
        started = await app.generate(request("ark", prompt=prompt))
        return await app.wait(started.job.id, 30)


@pytest.fixture(scope="module")
def left_behind(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_history(tmp_path_factory.mktemp("history"))


def make_history(folder: Path) -> Path:
    """Return a state folder with two videos bought and paid, as its last server left it."""

    async def buy() -> None:
        async with Emulator("ark") as emulator, installation(emulator, folder) as app:
            for prompt in ("a first boat", "a second boat"):
                assert (await bought(app, prompt)).status is JobStatus.SUCCEEDED

    with pytest.MonkeyPatch.context() as patch:
        hurry(patch)
        anyio.run(buy)
    return folder / "state"


@pytest.fixture
def history(left_behind: Path, tmp_path: Path) -> Path:
    """The database of that folder, in a copy for this test."""
    shutil.copytree(left_behind, tmp_path / "state")
    return tmp_path / "state" / "jobs.db"


def emptied(data: bytes) -> bytes:
    return b""


def half_a_header(data: bytes) -> bytes:
    return data[:50]


def one_page(data: bytes) -> bytes:
    return data[:PAGE]


def without_its_end(data: bytes) -> bytes:
    return data[: len(data) // PAGE // 2 * PAGE]


def cut_inside_a_page(data: bytes) -> bytes:
    return data[: len(data) // 2 + 1000]


def garbage(data: bytes) -> bytes:
    return b"\x00\xff mud" * 20_000


def garbage_in_the_middle(data: bytes) -> bytes:
    return data[: 3 * PAGE] + b"\xa5" * (2 * PAGE) + data[5 * PAGE :]


def zeros(data: bytes) -> bytes:
    return bytes(len(data))


DAMAGES = (
    emptied, half_a_header, one_page, without_its_end, cut_inside_a_page, garbage, garbage_in_the_middle, zeros,
)  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
async def test_a_damaged_database_is_kept_and_stops_purchases_until_a_person_allows_them(
    damage, emulator: Emulator, history: Path, tmp_path: Path
) -> None:
    damaged = damage(history.read_bytes())
    history.write_bytes(damaged)
    async with installation(emulator, tmp_path) as app:
        assert app.notice
        with pytest.raises(BudgetExceeded) as caught:
            await app.generate(request("ark", prompt="a third boat"))
        drawn = await app.generate(
            VideoRequest(prompt="a boat", provider="sandbox", model="seedance-1.0-pro-fast", duration=2)
        )
        with anyio.fail_after(30):
            assert (await app.wait(drawn.job.id, 30)).status is JobStatus.SUCCEEDED
    assert "allow-spending" in caught.value.hint
    (kept,) = history.parent.glob("jobs.damaged-*.db")
    assert str(kept) in app.notice
    assert kept.read_bytes() == damaged, "the record of money is kept as it was"
    async with installation(emulator, tmp_path) as app:  # a restart is not the agreement of a person
        with pytest.raises(BudgetExceeded):
            await app.generate(request("ark", prompt="a third boat"))
        assert emulator.ledger.count("submit") == 0
        assert await app.installation.allow_spending()
        assert (await bought(app, "a third boat")).status is JobStatus.SUCCEEDED
    assert emulator.ledger.count("submit") == 1


async def test_who_dies_after_setting_a_damaged_database_aside_has_not_lifted_the_stop(
    emulator: Emulator, history: Path, tmp_path: Path
) -> None:
    history.rename(history.with_name("jobs.damaged-20300101-000000.db"))
    async with installation(emulator, tmp_path) as app:
        with pytest.raises(BudgetExceeded, match="lost or restored"):
            await app.generate(request("ark", prompt="a third boat"))


async def test_a_journal_without_its_database_is_not_played_into_a_new_one(
    emulator: Emulator, history: Path, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(history)) as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    # As SQLite writes it: magic, one page record, a nonce, the size of the database before, sector and page size.
    head = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + b"".join(
        number.to_bytes(4, "big") for number in (1, 7, pages, 512, PAGE)
    )
    history.with_name("jobs.db-journal").write_bytes(head.ljust(512, b"\0") + bytes(PAGE + 8))
    history.unlink()
    async with installation(emulator, tmp_path) as app:
        with pytest.raises(BudgetExceeded, match="lost or restored"):
            await app.generate(request("ark", prompt="a third boat"))
    assert list(history.parent.glob("jobs.damaged-*.db-journal"))


async def test_a_database_of_a_newer_version_is_left_as_it_is(
    emulator: Emulator, history: Path, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(history)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = history.read_bytes()
    with pytest.raises(StoreError, match="newer version") as caught:
        async with installation(emulator, tmp_path):
            pass
    assert "Update" in caught.value.hint
    assert history.read_bytes() == before
    assert not list(history.parent.glob("jobs.damaged-*"))


async def test_a_damaged_database_that_another_server_uses_is_not_taken_away(
    emulator: Emulator, tmp_path: Path
) -> None:
    async with installation(emulator, tmp_path):
        path = tmp_path / "state" / "jobs.db"
        path.write_bytes(garbage(b""))
        with pytest.raises(StoreError, match="another server") as caught:
            async with installation(emulator, tmp_path):
                pass
        assert "Stop the other servers" in caught.value.hint
        assert path.read_bytes() == garbage(b"")


async def test_one_damaged_job_does_not_hide_the_others(
    emulator: Emulator, history: Path, tmp_path: Path
) -> None:
    async with installation(emulator, tmp_path) as app:
        first, second = (job.id for job in await app.recent())
    with closing(sqlite3.connect(history)) as connection, connection:
        connection.execute(
            "UPDATE jobs SET document = replace(document, 'boat', 'bout') WHERE id = ?", (first,)
        )
    async with installation(emulator, tmp_path) as app:
        with pytest.raises(StoreError, match="damaged"):
            await app.job(first)
        assert (await app.job(second)).status is JobStatus.SUCCEEDED
        assert (await app.budget()).spent_today_usd > 0


async def test_what_a_damaged_job_was_for_is_bought_again_only_on_a_persons_word(
    emulator: Emulator, history: Path, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(history)) as connection, connection:
        connection.execute("UPDATE jobs SET document = replace(document, 'a first boat', 'a worst boat')")
    async with installation(emulator, tmp_path) as app:
        with pytest.raises(StoreError, match="damaged") as caught:
            await app.generate(request("ark", prompt="a first boat"))
        assert "allow_duplicate" in caught.value.hint
        assert emulator.ledger.count("submit") == 0
        with anyio.fail_after(30):
            again = await app.generate(
                request("ark", prompt="a first boat"), PurchaseTerms(allow_duplicate=True)
            )
            assert (await app.wait(again.job.id, 30)).status is JobStatus.SUCCEEDED
    assert emulator.ledger.count("submit") == 1


@contextmanager
def read_only(path: Path) -> Iterator[None]:
    """Nothing in it may be written, as on a file system that is mounted read-only."""
    modes = {place: place.stat().st_mode for place in (path, *path.rglob("*"))}
    for place in modes:
        place.chmod(0o500 if place.is_dir() else 0o400)
    try:
        yield
    finally:
        for place, mode in modes.items():
            place.chmod(mode)


BUY = """
import sys, anyio
from pathlib import Path
from seedance_mcp.app import open_app
from seedance_mcp.errors import SeedanceError
from tests.reliability.fault_market import request, settings

async def main():
    environ = dict(word.partition("=")[::2] for word in sys.argv[2:])
    try:
        async with open_app(settings(environ, Path(sys.argv[1]))) as app:
            await app.generate(request("ark", prompt="a third boat"))
    except SeedanceError as error:
        print(error.code, error.message, error.hint, sep="\\n")

anyio.run(main)
"""


@pytest.mark.parametrize("what", ["state", "state/jobs.db", "state/receipts"])
async def test_a_place_that_cannot_be_written_to_stops_purchases_with_a_clear_error(
    what: str, emulator: Emulator, history: Path, tmp_path: Path
) -> None:
    before = _everything_recorded(history)
    environ = [f"{name}={value}" for name, value in emulator.environment("ark").items()]
    with read_only(tmp_path / what):
        said = await anyio.to_thread.run_sync(said_by_powerless, BUY, tmp_path, *environ)
    assert said, "it was bought"
    code, message, hint = said
    assert code in ("store", "config")
    assert "state" in message or "database" in message
    assert "writ" in hint
    assert emulator.ledger.count("submit") == 0
    assert _everything_recorded(history) == before
    assert not list(history.parent.glob("jobs.damaged-*"))


def _everything_recorded(database: Path) -> list[str]:
    """All that the database holds, but for the clocks that every process notes at its start."""
    with closing(sqlite3.connect(database)) as connection:
        return [line for line in connection.iterdump() if not line.startswith('INSERT INTO "steady" ')]
