"""Files that get their name when they are whole: who dies before leaves nothing that anybody would take for one."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

from .durable import flush, flush_folder

_NAME_CHARACTERS = 40
_ENDING = ".unfinished"


class NewFile:
    """
    A new file in the folder of `target`, which is made if it is not there; `name_it` puts it in the place of `target`.

    On Linux it has no name until then, and is gone with the process; elsewhere, and for a moment there, it is called
    `.<name>.<letters>.unfinished`. What processes that died have left under such names is removed; what belongs to one that
    lives is not: it holds a lock. Blocks, raises OSError.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._path: Path | None = None
        self.descriptor = -1

    def __enter__(self) -> NewFile:
        folder = self._target.parent
        folder.mkdir(parents=True, exist_ok=True)
        self._sweep()
        if sys.platform == "linux":
            # Some file systems have no such files, and say so in various ways.
            with contextlib.suppress(OSError):
                self.descriptor = os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o666)
                _lock(self.descriptor)
                return self
        while True:
            self.descriptor, path = tempfile.mkstemp(prefix=self._prefix, suffix=_ENDING, dir=folder)
            self._path = Path(path)
            _lock(self.descriptor)
            if self._path.exists():  # nobody swept it away before it was locked
                return self
            self._close()

    def write(self, content: bytes) -> None:
        """Append all of it."""
        with os.fdopen(os.dup(self.descriptor), "r+b") as file:
            file.seek(0, os.SEEK_END)
            file.write(content)

    def name_it(self) -> None:
        """Put its bytes on the disk, then give it its name, all at once, in the place of what has it now."""
        with os.fdopen(os.dup(self.descriptor), "r+b") as file:
            flush(file)
        if self._path is None:
            with self._linked() as path:
                path.replace(self._target)
        else:
            if sys.platform == "win32":  # it renames no file that is open
                self._close()
            self._path.replace(self._target)
            self._path = None
        flush_folder(self._target.parent)

    @property
    def _prefix(self) -> str:
        return f".{self._target.name[:_NAME_CHARACTERS]}."

    @contextlib.contextmanager
    def _linked(self) -> Generator[Path]:
        """A name for a moment: the system gives one only where there is none yet, and the target's may be taken."""
        path = self._target.with_name(f"{self._prefix}{secrets.token_hex(4)}{_ENDING}")
        # Without a folder's descriptor, Python asks for a link to the link.
        held = f"/proc/self/fd/{self.descriptor}"
        os.link(held, path, src_dir_fd=self.descriptor, follow_symlinks=True)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def _sweep(self) -> None:
        for left in self._target.parent.iterdir():
            if left.name.startswith(self._prefix) and left.name.endswith(_ENDING):
                with contextlib.suppress(OSError):
                    _remove_if_left(left)

    def _close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def __exit__(self, *_: object) -> None:
        self._close()
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)


def write_whole(target: Path, content: bytes) -> None:
    """Write a file in the place of what is there: all of it or, when this is killed, nothing. Blocks, raises OSError."""
    with NewFile(target) as file:
        file.write(content)
        file.name_it()


if sys.platform == "win32":

    def _lock(_: int) -> None:
        """Windows keeps an open file from being removed by itself."""

    def _remove_if_left(path: Path) -> None:
        path.unlink(missing_ok=True)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        with contextlib.suppress(OSError):  # a file system without locks: then nothing is swept away, either
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _remove_if_left(path: Path) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
        finally:
            os.close(descriptor)
