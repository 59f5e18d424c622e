"""
Who is alive: every process holds the lock of its own file for life, and the kernel lets go of it at any death.

A clock or a process number cannot tell a dead owner from a paused one; a kernel lock can.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from ...config import make_private

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        os.lseek(descriptor, 0, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


_ENDING = ".ending"
_SCHEMA = ".schema"
_LOOK_SECONDS = 0.02


class Ownership:
    """This process's life lock, and the question whether another process still holds its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        make_private(folder)
        self.instance, self._path, descriptor = self._take()
        self._descriptor: int | None = descriptor

    def _take(self) -> tuple[str, Path, int]:
        # Another process may judge, or sweep away, the file between its making and its locking: then take a new one.
        while True:
            instance = secrets.token_hex(8)
            path = self._lock_file(instance)
            # Not inheritable (the default for os.open): a child process must not keep a dead parent "alive".
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            if _try_lock(descriptor) and path.exists():
                return instance, path, descriptor
            os.close(descriptor)

    def _lock_file(self, instance: str) -> Path:
        return self._folder / f"{instance}.lock"

    def alive(self, instance: str) -> bool:
        """Return whether the process with this instance id still runs (a paused process counts as running)."""
        if instance == self.instance:
            return self._descriptor is not None
        try:
            descriptor = os.open(self._lock_file(instance), os.O_RDWR)
        except FileNotFoundError:
            return False
        except OSError:
            return True  # cannot be judged, so it is not declared dead
        try:
            return not _try_lock(descriptor)
        finally:
            os.close(descriptor)

    def say_ending(self) -> None:
        """Announce that this process ends soon, and may still be buying: a watcher stays until it has let go of its lock."""
        with contextlib.suppress(OSError):  # then the watcher may end too early, and the next start goes on
            self._ending_file(self.instance).touch(mode=0o600)

    def at_work(self, instance: str) -> bool:
        """Return whether the process with this instance id still runs, and has not said that it ends soon."""
        return self.alive(instance) and not self._ending_file(instance).exists()

    def anyone_ending(self) -> bool:
        """Return whether another process has said that it ends soon, and still runs."""
        instances = [path.stem for path in self._folder.glob(f"*{_ENDING}")]
        return any(instance != self.instance and self.alive(instance) for instance in instances)

    def say_schema(self, version: int) -> None:
        """Announce up to which version of the database's schema this process can read it."""
        with contextlib.suppress(
            OSError
        ):  # then it passes for an older one, and what only newer ones read waits
            (self._folder / f"{self.instance}{_SCHEMA}{version}").touch(mode=0o600)

    def all_read(self, version: int) -> bool:
        """Return whether every other process that runs has announced that it reads this version of the schema."""
        others = [path.stem for path in self._folder.glob("*.lock") if path.stem != self.instance]
        return all(self._reads(other, version) or not self.alive(other) for other in others)

    def _reads(self, instance: str, version: int) -> bool:
        said = (path.suffix.removeprefix(_SCHEMA) for path in self._schema_files(instance))
        return any(number.isdigit() and int(number) >= version for number in said)

    def _schema_files(self, instance: str) -> list[Path]:
        return list(self._folder.glob(f"{instance}{_SCHEMA}*"))

    def _ending_file(self, instance: str) -> Path:
        return self._folder / f"{instance}{_ENDING}"

    def anyone_else(self) -> bool:
        """Return whether any other process works on this folder."""
        return any(
            self.alive(path.stem) for path in self._folder.glob("*.lock") if path.stem != self.instance
        )

    def sweep(self) -> int:
        """Remove the lock files of dead processes, and no other, also while another process starts; say how many."""
        return sum(self._swept(path) for path in list(self._folder.glob("*.lock")) if path != self._path)

    def _swept(self, path: Path) -> bool:
        try:
            descriptor = os.open(path, os.O_RDWR)
        except OSError:
            return False  # gone already, or not to be judged
        with contextlib.suppress(OSError):
            try:
                if not _try_lock(descriptor):
                    return False
                for announced in self._schema_files(path.stem):
                    announced.unlink(missing_ok=True)
                if sys.platform != "win32":
                    # While it is locked: a process that has just made it and not locked it yet takes another one then.
                    path.unlink()
            finally:
                os.close(descriptor)
            if sys.platform == "win32":
                path.unlink()  # refused while anybody has it open, also a process that has just made it
            if (ending := self._ending_file(path.stem)).exists():
                ending.unlink(missing_ok=True)
            return True
        return False

    def close(self) -> None:
        """Let go of the lock and remove its file."""
        if self._descriptor is not None:
            for announced in (self._ending_file(self.instance), *self._schema_files(self.instance)):
                announced.unlink(missing_ok=True)
            if sys.platform != "win32":  # Windows cannot remove an open file
                self._path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None
            self._path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class FileLock:
    """An exclusive lock on a file of its own, for as long as this process holds it."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)

    def try_take(self) -> bool:
        """Take the lock if nobody holds it."""
        return _try_lock(self._descriptor)

    def take(self, seconds: float) -> bool:
        """Take the lock, waiting at most so long for whoever holds it; False if that was not enough. Blocks."""
        end = time.monotonic() + seconds
        nobody = threading.Event()
        while not self.try_take():
            if time.monotonic() >= end:
                return False
            nobody.wait(_LOOK_SECONDS)
        return True

    def read(self, size: int) -> bytes:
        """Return at most so many bytes from the beginning of the file. Raises OSError."""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        return os.read(self._descriptor, size)

    def write(self, content: bytes) -> None:
        """Write over the beginning of the file, without waiting for the disk. Raises OSError."""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.write(self._descriptor, content)

    def close(self) -> None:
        """Let go of the lock, also where a child process has inherited it, or the system would do so later."""
        with contextlib.suppress(OSError):  # it was not held
            _unlock(self._descriptor)
        os.close(self._descriptor)
