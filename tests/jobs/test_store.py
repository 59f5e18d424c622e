"""The database file: damaged, newer, locked, unwritable, shared."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import Any

import anyio
import pytest

from seedance_mcp.errors import StoreError
from seedance_mcp.store import Connection, by_day, database_file, job_records, transitions, unbalanced_days
from seedance_mcp.store.database import open_store
from seedance_mcp.store.machine.process_locks import FileLock, Ownership
from seedance_mcp.store.money.ledger import Entry
from seedance_mcp.types import JobState, Submission

from . import records

SPENDING = (
    "CREATE TABLE spending (day, provider, model, jobs, usd_micros, PRIMARY KEY (day, provider, model))"
)

HOLD_LOCK = """
import sys, time
from pathlib import Path
from seedance_mcp.store.machine.process_locks import FileLock, Ownership
held = Ownership(Path(sys.argv[1]))
print(held.instance, flush=True)
sys.stdin.read()
"""


def test_a_new_database_is_private_durable_and_at_the_current_schema(tmp_path: Path) -> None:
    store = open_store(tmp_path / "state")
    pragmas = {
        name: store.read_now(lambda connection, name=name: connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("journal_mode", "synchronous", "user_version")
    }
    store.close()
    assert pragmas == {"journal_mode": "truncate", "synchronous": 2, "user_version": 32}
    if os.name == "posix":
        assert (tmp_path / "state" / "jobs.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"this is no database" * 100, b"SQLite format 3\0" + b"\xff" * 8000])
def test_a_damaged_database_is_set_aside_whole_and_a_new_one_started(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "jobs.db").write_bytes(content)
    store = open_store(tmp_path)
    kept = list(tmp_path.glob("jobs.damaged-*.db"))
    store.close()
    assert [path.read_bytes() for path in kept] == [content]
    assert store.notice is not None
    assert str(kept[0]) in store.notice


def test_a_database_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    with sqlite3.connect(tmp_path / "jobs.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match="newer version") as caught:
        open_store(tmp_path)
    assert "Update" in caught.value.hint
    assert not list(tmp_path.glob("jobs.damaged*"))


def test_a_state_folder_that_is_a_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be used") as caught:
        open_store(tmp_path / "state")
    assert "SEEDANCE_STATE_DIR" in caught.value.hint


async def test_a_cancelled_caller_leaves_no_transaction_open(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    other = sqlite3.connect(tmp_path / "jobs.db", timeout=1.0, isolation_level=None)
    for number in range(50):
        with anyio.move_on_after(0.0005 * (number % 5)):
            await store.write(
                lambda connection, number=number: connection.execute(
                    "INSERT OR REPLACE INTO meta (key, value) VALUES ('n', ?)", (str(number),)
                )
            )
        other.execute("BEGIN IMMEDIATE")  # fails if the cancelled call left its lock behind
        other.execute("ROLLBACK")
    other.close()
    store.close()


async def test_a_failing_transaction_changes_nothing(tmp_path: Path) -> None:
    store = open_store(tmp_path)

    def half(connection: Connection) -> None:
        connection.execute("INSERT INTO meta (key, value) VALUES ('half', 'done')")
        raise ValueError("and then it broke")

    with pytest.raises(ValueError, match="broke"):
        await store.write(half)
    rows = await store.read(
        lambda connection: connection.execute("SELECT * FROM meta WHERE key = 'half'").fetchall()
    )
    store.close()
    assert rows == []


def test_two_stores_in_two_processes_see_each_others_writes(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    script = (
        "import sys; from pathlib import Path; from seedance_mcp.store import open_store;"
        "s = open_store(Path(sys.argv[1]));"
        "s.write_now(lambda c: c.execute(\"INSERT INTO meta (key, value) VALUES ('from', 'there')\")); s.close()"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, timeout=30)
    rows = store.read_now(
        lambda connection: connection.execute("SELECT value FROM meta WHERE key = 'from'").fetchall()
    )
    store.close()
    assert rows == [("there",)]


def test_an_owner_is_alive_until_its_process_is_killed(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD_LOCK, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdin
    with Ownership(tmp_path) as mine:
        instance = process.stdout.readline().strip()
        assert mine.alive(instance)
        assert mine.anyone_else()
        process.kill()
        process.wait(timeout=10)
        assert not mine.alive(instance)
        assert not mine.anyone_else()
        assert mine.sweep() == 1
        assert [path.stem for path in tmp_path.glob("*.lock")] == [mine.instance]
        assert mine.sweep() == 0
    process.stdin.close()
    process.stdout.close()


def test_a_start_removes_the_lock_files_of_the_dead_and_of_nobody_else(tmp_path: Path) -> None:
    folder = tmp_path / "instances"
    folder.mkdir()
    for number in range(20):
        (folder / f"{number:016x}.lock").touch()
        (folder / f"{number:016x}.schema{number}").touch()
    (folder / "notes.txt").touch()
    with Ownership(folder) as living:
        store = open_store(tmp_path)
        left = {path.name for path in folder.iterdir()}
        new = store.ownership.instance
        said = f"{new}.schema{database_file.SCHEMA_VERSION}"
        assert left == {f"{living.instance}.lock", f"{new}.lock", said, "notes.txt"}
        store.close()


@pytest.mark.skipif(os.name != "posix", reason="elsewhere the system keeps an open file from being removed")
def test_a_lock_file_is_removed_only_while_its_lock_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a process that has just made its file could lock it in between and live without one."""
    unlink, watched = Path.unlink, list[bool]()

    def watching(path: Path, missing_ok: bool = False) -> None:
        with closing(FileLock(path)) as newcomer:
            watched.append(newcomer.try_take())
        unlink(path, missing_ok)

    with Ownership(tmp_path) as mine:
        (tmp_path / f"{'d' * 16}.lock").touch()
        with monkeypatch.context() as patched:
            patched.setattr(Path, "unlink", watching)
            assert mine.sweep() == 1
    assert watched == [False]


def test_processes_that_start_while_others_sweep_keep_their_lock_files(tmp_path: Path) -> None:
    begun = list[Ownership]()
    with Ownership(tmp_path) as sweeper:
        done = threading.Event()

        def sweep() -> None:
            while not done.is_set():
                sweeper.sweep()

        thread = threading.Thread(target=sweep)
        thread.start()
        try:
            begun += [Ownership(tmp_path) for _ in range(300)]
            lost = [one.instance for one in begun if not sweeper.alive(one.instance)]
        finally:
            done.set()
            thread.join(timeout=10)
            for one in begun:
                one.close()
    assert lost == []


def test_a_paused_owner_counts_as_alive(tmp_path: Path) -> None:
    if sys.platform == "win32":
        return
    import signal

    process = subprocess.Popen(
        [sys.executable, "-c", HOLD_LOCK, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdin
    with Ownership(tmp_path) as mine:
        instance = process.stdout.readline().strip()
        process.send_signal(signal.SIGSTOP)
        assert mine.alive(instance)
        process.kill()
        process.wait(timeout=10)
    process.stdin.close()
    process.stdout.close()


async def test_closing_waits_for_whoever_is_reading_and_refuses_whoever_comes_later(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    reading, go_on = threading.Event(), threading.Event()
    found: list[Any] = []

    def slowly(connection: Connection) -> None:
        reading.set()
        go_on.wait(20)
        found.append(connection.execute("SELECT count(*) FROM jobs").fetchone())

    reader = threading.Thread(target=store.read_now, args=(slowly,))
    closer = threading.Thread(target=store.close)
    reader.start()
    assert reading.wait(20)
    closer.start()
    closer.join(0.2)
    assert closer.is_alive()
    go_on.set()
    for thread in (reader, closer):
        thread.join(20)
        assert not thread.is_alive()
    assert found == [(0,)]
    with pytest.raises(StoreError, match="was closed"):
        await store.read(lambda connection: connection.execute("SELECT 1").fetchone())
    with pytest.raises(StoreError, match="was closed"):
        await store.write(lambda connection: connection.execute("DELETE FROM jobs"))
    with pytest.raises(StoreError, match="was closed"):
        await store.write_briefly(lambda connection: connection.execute("DELETE FROM jobs"), 1)


def test_a_database_of_any_earlier_version_gets_the_tables_of_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tables(path: Path) -> list[tuple[str, str]]:
        with closing(database_file.connect(path)) as connection:
            assert connection.execute("PRAGMA user_version").fetchone() == (database_file.SCHEMA_VERSION,)
            return connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()

    database_file.create(tmp_path / "new.db")
    wanted = tables(tmp_path / "new.db")
    for version in range(1, database_file.SCHEMA_VERSION):
        with monkeypatch.context() as patch:
            patch.setattr(database_file, "SCHEMA_VERSION", version)
            database_file.create(tmp_path / f"{version}.db")
            assert tables(tmp_path / f"{version}.db") != wanted
        assert tables(tmp_path / f"{version}.db") == wanted


@pytest.mark.parametrize("version", [17, 20])
def test_a_database_whose_jobs_are_made_anew_is_taken_over_damage_and_all(
    version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_file, "SCHEMA_VERSION", version)
    monkeypatch.setattr(transitions, "record", _record_of_nobody)
    store = open_store(tmp_path / "state")
    with store._connection as connection:
        for number in range(4):
            fields = {
                "id": f"j{number}",
                "tag": f"t{number}",
                "client_key": f"f:{number}",
                "base_url": "http://a",
            }
            reserved = transitions.insert(connection, records.job(**fields), day="2023-11-14")
            sent = transitions.move(connection, reserved, JobState.SENDING, now=1.0, by="me", sent_at=1.0)
            task = Submission(task_id=f"x{number}")
            transitions.move(
                connection, sent, JobState.ACCEPTED, now=1.0, by="me", submission=task, accepted_at=1.0
            )
    store.close()
    path = tmp_path / "state" / "jobs.db"
    damaged = path.read_bytes().replace(b'{"id":"j1"', b'X"id":"j1"')
    path.write_bytes(damaged.replace(b'"id":"j2","state":"accepted"', b'"id":"j2","state":"accepteX"'))
    monkeypatch.undo()
    store = open_store(tmp_path / "state")
    assert store.notice is None
    assert [job.id for job in store.read_now(job_records.unfinished)] == ["j0", "j3"]
    told = {
        each.job_id: (each.state, each.task_id, each.usd)
        for each in store.read_now(lambda connection: job_records.damaged_now(connection, 9, open_too=True))
    }
    assert told == {name: ("accepted", f"x{name[1]}", 1) for name in ("j2", "j1")}
    assert store.read_now(lambda connection: connection.execute("PRAGMA foreign_key_check").fetchall()) == []
    store.close()


@pytest.mark.parametrize("version", [18, 20])
def test_a_migration_keeps_a_sound_record_whose_columns_were_damaged(
    version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_file, "SCHEMA_VERSION", version)
    monkeypatch.setattr(transitions, "record", _record_of_nobody)
    with closing(open_store(tmp_path)) as store:
        job = store.write_now(
            lambda connection: transitions.insert(
                connection, records.job(owner="somebody-else"), day="2023-11-14"
            )
        )
    path = tmp_path / "jobs.db"
    data = bytearray(path.read_bytes())
    spots = [spot for spot in range(len(data)) if data.startswith(b"somebody-else", spot)]
    column = next(
        spot for spot in spots if data[spot - 1 : spot] != b'"' and b"byteplus" in data[spot : spot + 60]
    )
    data[column : column + 1] = b"S"
    path.write_bytes(data)
    monkeypatch.undo()
    with closing(open_store(tmp_path)) as store:
        assert store.read_now(job_records.unfinished) == [job]
        assert store.read_now(lambda connection: connection.execute("SELECT owner FROM jobs").fetchall()) == [
            ("somebody-else",)
        ]


def _record_of_nobody(connection: Connection, entry: Entry) -> None:
    """Append a row to the ledger as it was before there were people."""
    row = {field.name: getattr(entry, field.name) for field in fields(entry) if field.name != "person"}
    connection.execute(
        f"INSERT INTO ledger ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", tuple(row.values())
    )


def test_sums_are_kept_of_what_an_earlier_version_writes_into_the_ledger(tmp_path: Path) -> None:
    store = open_store(tmp_path)

    def write(connection: Connection) -> None:
        transitions.insert(connection, records.job(), day="2023-11-14")
        connection.execute(
            "INSERT INTO ledger (job_id, kind, at, reserved_at, day, provider, model, currency, micros, usd_micros)"
            " SELECT job_id, 'release', at, reserved_at, day, provider, model, currency, -micros, -usd_micros FROM ledger"
        )

    store.write_now(write)
    [line] = store.read_now(lambda connection: by_day(connection, 30))
    assert (line.day, line.jobs, line.usd) == ("2023-11-14", 1, 0)
    assert store.read_now(unbalanced_days) == []
    store.write_now(lambda connection: connection.execute("UPDATE spending SET usd_micros = 1"))
    assert store.read_now(unbalanced_days) == ["2023-11-14"]
    store.close()
