"""The file by which a second command finds the board: nobody else's, and whatever lies in its place."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest

from seedance_mcp.store import BoardFile
from seedance_mcp.store.machine.process_locks import FileLock

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links, pipes and owners of POSIX")


def test_what_lies_in_its_place_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine", encoding="utf-8")
    state = tmp_path / "state"
    board = BoardFile(state)
    assert board.claim()
    (state / "board.json").symlink_to(precious)
    written = board.write(4711)
    assert precious.read_text(encoding="utf-8") == "mine"
    assert not (state / "board.json").is_symlink()
    assert (state / "board.json").stat().st_mode & 0o777 == 0o600
    assert BoardFile(state).running() == written
    board.release()
    assert list(state.glob("board*.json")) == []


@pytest.mark.timeout(20)
def test_a_pipe_an_endless_file_and_a_link_in_its_place_are_no_board(tmp_path: Path) -> None:
    file = tmp_path / "board.json"
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_text('{"port": 1, "secret": "x"}', encoding="utf-8")
    with closing(FileLock(tmp_path / "board.lock")) as lock:
        assert lock.try_take()
        os.mkfifo(file)
        assert BoardFile(tmp_path).running() is None
        for target in (Path("/dev/zero"), elsewhere):
            file.unlink()
            file.symlink_to(target)
            assert BoardFile(tmp_path).running() is None
        file.unlink()
        elsewhere.rename(file)
        assert BoardFile(tmp_path).running() is not None
