"""The file by which other processes of the same user find the board that runs on a state folder."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..config import make_private, open_private
from .machine.process_locks import FileLock

_CLAIM_SECONDS = 1.0
_MOST_BYTES = 1000


@dataclass(frozen=True, kw_only=True)
class RunningBoard:
    """Where a board answers on this machine, and what only its user can know, by which both sides prove themselves."""

    port: int
    secret: str

    @property
    def url(self) -> str:
        """Its address, with which nobody can do anything yet."""
        return f"http://127.0.0.1:{self.port}/"


class BoardFile:
    """The board's place in a state folder: at most one process holds it, and a kernel lock tells whether that lives."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock: FileLock | None = None

    def claim(self) -> bool:
        """Take the place until this process ends or calls `release`; False if another process has it. Raises OSError."""
        make_private(self._folder)
        lock = FileLock(self._folder / "board.lock")
        if not lock.take(_CLAIM_SECONDS):
            lock.close()
            return False
        self._lock = lock
        return True

    def write(self, port: int) -> RunningBoard:
        """Say where the board answers. Only whoever has claimed the place may. Raises OSError."""
        board = RunningBoard(port=port, secret=secrets.token_urlsafe(32))
        # Written anew and put in its place: what lies there may be a link, or readable by others.
        fresh = self._folder / f"board-{secrets.token_hex(8)}.json"
        with open_private(fresh, new=True) as file:
            file.write(json.dumps({"port": board.port, "secret": board.secret}).encode())
        fresh.replace(self._file)
        return board

    def running(self) -> RunningBoard | None:
        """Return where the board of this state folder answers; None if none runs. Never raises."""
        try:
            text = _own_text(self._file)
            lock = FileLock(self._folder / "board.lock")
        except OSError:
            return None
        with contextlib.closing(lock):
            if lock.try_take():  # whoever wrote it is dead
                return None
        return _read(text)

    def release(self) -> None:
        """Give the place back, if it was claimed."""
        if self._lock is not None:
            self._file.unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    @property
    def _file(self) -> Path:
        return self._folder / "board.json"


def _own_text(path: Path) -> bytes:
    """Read the beginning of a plain file of this user's, without waiting for anything else. Raises OSError."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or (os.name == "posix" and found.st_uid != os.geteuid()):
            raise OSError(f"{path} is no plain file of this user's")
        return file.read(_MOST_BYTES)


def _read(text: bytes) -> RunningBoard | None:
    try:
        found: dict[str, Any] = json.loads(text)
        return RunningBoard(port=int(found["port"]), secret=str(found["secret"]))
    except (ValueError, TypeError, KeyError):
        return None
