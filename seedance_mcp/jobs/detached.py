"""Processes of our own that stay behind: they finish what is open after the process that started them has gone."""

from __future__ import annotations

import logging
import subprocess
import sys

import anyio.to_thread

from ..config import Settings

logger = logging.getLogger(__name__)

_STARTER = "import subprocess, sys; subprocess.Popen(sys.argv[2:], creationflags=int(sys.argv[1]))"
_STARTER_SECONDS = 20.0


async def leave_watcher(settings: Settings) -> None:
    """Start the watcher that ends by itself when nothing is open, and at once if there is one already."""
    await anyio.to_thread.run_sync(start_detached, settings, "watch", "--until-idle", abandon_on_cancel=True)


async def leave_hooks(settings: Settings) -> None:
    """Start a process that runs every hook that is owed, and ends."""
    await anyio.to_thread.run_sync(start_detached, settings, "watch", "--hooks", abandon_on_cancel=True)


def start_detached(settings: Settings, *words: str) -> None:
    """
    Run the command line with these words as nobody's child, in a session of its own.

    Clients end a server with its process group (the SDKs) or with all its children and theirs, which they find by
    their parents' ids (VS Code). So a starter starts the process, and ends. It takes some hundredths of a second.
    """
    of_team = ("--team", settings.team) if settings.team else ()
    # -P: the folder that it runs in holds no module of ours.
    command = (sys.executable, "-P", "-m", "seedance_mcp", *words, *of_team)
    try:
        if sys.platform == "win32":
            flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
            try:
                _run_starter(settings, command, flags | subprocess.CREATE_BREAKAWAY_FROM_JOB)
            except (
                PermissionError
            ):  # the client's job object keeps all its processes, and ends them with the server
                _run_starter(settings, command, flags)
        else:
            _run_starter(settings, command, 0)
    except Exception as error:  # the end of a server must not fail by it
        logger.warning("no process could be left behind (%s); open jobs go on at the next start", error)


def _run_starter(settings: Settings, command: tuple[str, ...], flags: int) -> None:
    subprocess.run(  # noqa: S603  our own command
        (sys.executable, "-I", "-S", "-c", _STARTER, str(flags), *command),
        cwd=settings.state_dir,  # the server's own folder may be unmounted or removed
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=sys.platform != "win32",
        creationflags=flags,
        timeout=_STARTER_SECONDS,
        check=True,
    )
