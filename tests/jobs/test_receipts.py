"""Receipts: the id of an accepted task is on disk before the database has it, and stays until that has."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from seedance_mcp.errors import StoreError
from seedance_mcp.store.receipts import Receipts, describe_unread
from seedance_mcp.types import Submission

ME, OTHER = "a" * 16, "b" * 16
TASK = Submission(task_id="cgt-1", handle={"url": "https://api.example/cgt-1"})


@pytest.fixture
def receipts(tmp_path: Path) -> Receipts:
    """Receipts with their room taken."""
    made = Receipts(tmp_path, ME)
    made.prepare()
    return made


def kept(receipts: Receipts) -> list[tuple[str, Submission]]:
    """What is on disk, of all processes."""
    return [receipt for file in receipts.read() for receipt in file.receipts]


def test_a_receipt_is_read_by_whoever_comes_next(receipts: Receipts, tmp_path: Path) -> None:
    receipts.keep("job_1", TASK)
    (file,) = Receipts(tmp_path, OTHER).read()
    assert (file.instance, file.receipts, file.whole) == (ME, [("job_1", TASK)], True)


def test_the_room_is_used_anew_only_when_nothing_in_it_is_needed(receipts: Receipts, tmp_path: Path) -> None:
    receipts.keep("job_1", TASK)
    receipts.keep("job_2", TASK)
    receipts.forget("job_1")
    assert receipts.needs("job_2")
    assert not receipts.needs("job_1")
    assert ("job_2", TASK) in kept(receipts)
    receipts.forget("job_2")
    assert kept(receipts) == []
    long = Submission(task_id="cgt-1", handle={"url": "x" * 3000})
    for number in range(100):
        receipts.keep(f"job_{number}", long)
        receipts.forget(f"job_{number}")
    assert (tmp_path / f"{ME}.receipts").stat().st_size == 256 * 1024


def test_the_file_goes_at_the_end_and_stays_while_a_buyer_needs_it(
    receipts: Receipts, tmp_path: Path
) -> None:
    receipts.keep("job_1", TASK)
    receipts.close()
    assert kept(Receipts(tmp_path, OTHER)) == [("job_1", TASK)]
    receipts.forget("job_1")
    receipts.close()
    assert list(tmp_path.glob("*.receipts")) == []


def test_buyers_that_are_answered_at_the_same_time_do_not_overwrite_each_other(
    receipts: Receipts,
) -> None:
    start = threading.Barrier(8)

    def hear(number: int) -> None:
        start.wait(timeout=10)
        for each in range(20):
            receipts.keep(f"job_{number}_{each}", TASK)

    buyers = [threading.Thread(target=hear, args=(number,)) for number in range(8)]
    for buyer in buyers:
        buyer.start()
    for buyer in buyers:
        buyer.join(timeout=60)
    assert {job_id for job_id, _ in kept(receipts)} == {
        f"job_{n}_{each}" for n in range(8) for each in range(20)
    }


def test_a_file_that_somebody_has_removed_is_made_anew(receipts: Receipts, tmp_path: Path) -> None:
    (tmp_path / f"{ME}.receipts").unlink()
    receipts.keep("job_1", TASK)
    assert kept(receipts) == [("job_1", TASK)]


TORN = (
    b'{"job_id": "job_2", "task_id": "cgt',
    b'{"job_id": "job_2"}',
    b'{"job_id": "job_2", "task_id": "cgt-2", "handle": "no"}',
    b"[1, 2]",
    b"\xff\xfe\x00\x01",
    b"[" * 100_000,
)


@pytest.mark.parametrize("line", TORN, ids=range(len(TORN)))
def test_a_torn_line_takes_nothing_from_the_others(line: bytes, receipts: Receipts, tmp_path: Path) -> None:
    receipts.keep("job_1", TASK)
    path = tmp_path / f"{ME}.receipts"
    path.write_bytes(
        path.read_bytes().rstrip(b"\0")
        + line
        + b"\n"
        + b'{"job_id": "job_3", "task_id": "t", "handle": {}}\n'
    )
    (file,) = receipts.read()
    assert [job_id for job_id, _ in file.receipts] == ["job_1", "job_3"]
    assert not file.whole
    file.set_aside()
    (told,) = describe_unread(tmp_path)
    assert "task cgt-1 for job_1" in told
    assert f"{ME}.unread" in told


def test_a_folder_without_room_stops_the_purchase(tmp_path: Path) -> None:
    (tmp_path / "receipts").write_text("a file is in the way")
    with pytest.raises(StoreError, match="cannot be prepared") as caught:
        Receipts(tmp_path / "receipts", ME).prepare()
    assert "Nothing was sent" in caught.value.hint


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_nobody_else_can_read_the_folder(tmp_path: Path) -> None:
    Receipts(tmp_path / "receipts", ME).prepare()
    assert (tmp_path / "receipts").stat().st_mode & 0o777 == 0o700
