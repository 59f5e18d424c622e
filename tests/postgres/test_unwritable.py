"""A database that cannot be written to while a purchase is under way: full, or read-only as a server that was demoted."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import anyio
import psycopg
import pytest

from seedance_mcp.errors import StoreError
from seedance_mcp.jobs.buying import purchase_flow
from seedance_mcp.types import JobState, PurchaseTerms
from tests.emulator import Emulator
from tests.emulator.late_answers import keep_back
from tests.reliability import fault_market as market
from tests.reliability.waiting import until

from .server import Server, as_superuser
from .test_purchases import PATIENCE, is_in, machine, states

_FULL = """
CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON jobs FOR EACH STATEMENT EXECUTE FUNCTION full_disk();
"""


@contextlib.contextmanager
def full(server: Server, url: str) -> Iterator[None]:
    """PostgreSQL says of every change of a job what it says of a disk that has no room."""
    with psycopg.connect(as_superuser(url), autocommit=True) as connection:
        connection.execute(_FULL)
        try:
            yield
        finally:
            connection.execute("DROP FUNCTION full_disk CASCADE")


@contextlib.contextmanager
def read_only(server: Server, url: str) -> Iterator[None]:
    """No transaction may write, also in sessions that are open."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        connection.execute("SELECT pg_reload_conf()")
        try:
            yield
        finally:
            connection.execute("ALTER SYSTEM RESET default_transaction_read_only")
            connection.execute("SELECT pg_reload_conf()")


@pytest.mark.parametrize(
    ("unwritable", "words"), [(full, "No space left"), (read_only, "cannot be written to")]
)
async def test_an_answer_that_cannot_be_written_down_is_kept_and_nothing_bought_meanwhile(
    postgres: Server,
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    unwritable: Callable[[Server, str], AbstractContextManager[None]],
    words: str,
) -> None:
    monkeypatch.setattr(purchase_flow, "_ANSWER_SECONDS", 0.1)
    answer = keep_back(monkeypatch)
    with anyio.fail_after(PATIENCE):
        async with Emulator("ark") as emulator, machine(emulator, url, tmp_path / "one") as app:
            emulator.fail("late", "submit")
            emulator.behaviour.list_lag = 1000.0  # nobody finds it in the list
            started = await app.generate(market.request("ark"), PurchaseTerms(request_key="a-paper-boat"))
            await until(lambda: is_in(app, started.job.id, JobState.SENDING))
            with unwritable(postgres, url):

                async def refused() -> bool:
                    try:
                        await app.generate(market.request("ark", prompt="another"))
                    except StoreError as error:
                        return words in error.message
                    return False

                await until(refused)
                answer.set()

                async def waits() -> bool:
                    return f"the outcome of {started.job.id} is not in the database yet" in caplog.text

                await until(waits)
                assert await is_in(app, started.job.id, JobState.SENDING)
            await until(lambda: is_in(app, started.job.id, JobState.DONE))
        assert emulator.ledger.count("submit") == 1
    assert states(url) == [("done", next(iter(emulator.tasks)))]
