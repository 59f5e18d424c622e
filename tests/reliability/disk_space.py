"""Ways of running out of disk for real, without harm to anybody else's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

PAGE = 4096
"""Bytes that a tmpfs gives at a time."""


@cache
def apart() -> list[str] | None:
    """What to put before a command so that it may mount file systems that only it sees; None: not allowed here."""
    if sys.platform != "linux":
        return None
    for command in (["unshare", "-m"], ["unshare", "-r", "-m"]):
        if _works([*command, "sh", "-c", "mount -t tmpfs -o size=64k tmpfs /mnt"]):
            return command
    return None


def _works(command: list[str]) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, timeout=20, check=False).returncode == 0


class Tmpfs:
    """A file system of its own with room for so many pages, and a file that takes all but the last few of them."""

    def __init__(self, folder: Path, pages: int) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={pages * PAGE}", "tmpfs", str(folder)],
            check=True,
            timeout=20,
        )

    def leave(self, pages: int) -> None:
        """Leave room for so many more pages than are in use."""
        facts = os.statvfs(self.folder)
        taken = facts.f_bavail - pages
        if taken > 0:
            descriptor = os.open(self._ballast, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, taken * facts.f_frsize)
            finally:
                os.close(descriptor)

    def relax(self) -> None:
        """Give all the room back."""
        self._ballast.unlink(missing_ok=True)


class FileSizes:
    """No file may grow beyond so many pages: needs no right at all, and strikes database, journal and receipts alike."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def leave(self, pages: int) -> None:
        """Let no write go beyond so many pages from the beginning of any file."""
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (pages * PAGE, hard))

    def relax(self) -> None:
        """Let files grow again."""
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
