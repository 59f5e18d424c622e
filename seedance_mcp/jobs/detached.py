"""The watcher that stays behind: a process of its own that brings open jobs to their end after the server has gone."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import sys
from collections.abc import Generator

from ..config import Settings
from .ownership import FileLock

logger = logging.getLogger(__name__)

_COMMAND = (sys.executable, "-m", "seedance_mcp", "watch", "--until-idle")


def leave_watcher(settings: Settings) -> None:
    """Start the detached watcher. It ends by itself when nothing is open, and at once if there is one already."""
    new_session = sys.platform != "win32"
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
    try:
        process = subprocess.Popen(  # noqa: S603  our own command
            _COMMAND,
            cwd=settings.state_dir,  # the server's own folder may be unmounted or removed
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=new_session,
            creationflags=flags,
        )
    except OSError as error:
        logger.warning("no watcher could be left behind (%s); open jobs go on at the next start", error)
        return
    process.returncode = 0  # it is meant to outlive us: no complaint about a process nobody waited for


@contextlib.contextmanager
def only_watcher(settings: Settings) -> Generator[bool]:
    """Tell whether this process may be the one watcher of the state folder, for as long as the context is open."""
    settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(settings.state_dir / "watcher.lock")
    try:
        yield lock.try_take()
    finally:
        lock.close()
