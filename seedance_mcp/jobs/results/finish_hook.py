"""The user's own command at the end of a job: how it is run, and what came of it."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

import anyio
import anyio.to_thread

from ...config import environment_without_keys
from ...types import Job
from .sidecar import facts

if sys.platform != "win32":
    import signal

logger = logging.getLogger(__name__)

_PATIENCE_SECONDS = 60.0
_LOOK_SECONDS = 0.05


def split_hook(command: str) -> str | list[str]:
    """
    Return the command as the system takes it; Windows splits it by its own rules.

    Raises:
        ValueError: its quotation marks do not fit together.
    """
    return command if os.name == "nt" else shlex.split(command)


def hook_program(command: str, folder: Path) -> str | None:
    """
    Find the program that the command begins with, as if run in `folder`; None if there is none that can be run.

    Raises:
        ValueError: see `split_hook`.
    """
    words = split_hook(command)
    if not isinstance(words, str):
        return _found(words[0], folder) if words else None
    if words.startswith('"'):
        return _found(words[1:].partition('"')[0], folder)
    parts = words.split(" ")  # Windows tries an unquoted path with blanks in it by every beginning
    beginnings = (" ".join(parts[:many]) for many in range(1, len(parts) + 1))
    return next((found for beginning in beginnings if (found := _found(beginning, folder))), None)


def _found(name: str, folder: Path) -> str | None:
    return shutil.which(str(folder / name) if Path(name).name != name else name)


async def run_hook(command: str, job: Job, folder: Path, home: Path) -> str:
    """
    Run the command in `folder` without a shell, the job as JSON on its stdin; returns what went wrong, '' if nothing.

    A program that is named by a relative path is looked for in `home`, wherever it is run (not on Windows).
    After 60 seconds the command is killed, with every process that it has started. It sees no variable that is
    named like a key. On Windows the command line is split by Windows' own rules. Never raises for what the
    command is or does. If this call is cancelled, the command goes on by itself.
    """
    try:
        with tempfile.TemporaryFile() as content:
            content.write(_described(job))
            content.seek(0)
            process = _start(_placed(command, home), folder, content)
    except (OSError, ValueError) as error:
        # Not the error as a whole: it can quote the command line, in which a password may stand.
        reason = (error.strerror if isinstance(error, OSError) else str(error)) or type(error).__name__
        return _failed(job, f"could not be run: {reason}")
    code = await _end(process)
    if code is None:
        return _failed(job, f"took longer than {_PATIENCE_SECONDS:g} seconds and was stopped")
    return _failed(job, f"exited with {code}") if code else ""


def _placed(command: str, home: Path) -> str | list[str]:
    words = split_hook(command)
    if not isinstance(words, str) and words and Path(words[0]).name != words[0]:
        words[0] = str(home / words[0])
    return words


def _failed(job: Job, words: str) -> str:
    logger.warning("%s: SEEDANCE_ON_FINISH %s", job.id, words)
    return words


def _described(job: Job) -> bytes:
    video = Path(job.artifacts.video_path) if job.artifacts else None
    content = {
        "status": job.status,
        "error": job.error,
        "error_code": job.error_code,
        "video_path": str(video) if video else None,
        **facts(job, video),
    }
    return json.dumps(content, ensure_ascii=False).encode(errors="replace")


def _start(command: str | list[str], folder: Path, content: IO[bytes]) -> subprocess.Popen[bytes]:
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
    # A session of its own: whoever ends this process with its group does not end the command halfway.
    return subprocess.Popen(  # noqa: S603  the user's own command
        command,
        cwd=folder,
        env=environment_without_keys(),
        stdin=content,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=os.name == "posix",
        creationflags=flags,
    )


async def _end(process: subprocess.Popen[bytes]) -> int | None:
    """Wait for the exit code; None if the time was up and the command was killed."""
    try:
        with anyio.move_on_after(_PATIENCE_SECONDS):
            while process.poll() is None:  # noqa: ASYNC110  its end rings no bell that every platform hears
                await anyio.sleep(_LOOK_SECONDS)
            return process.returncode
        await anyio.to_thread.run_sync(_kill, process)
        return None
    finally:
        if process.returncode is None:
            process.returncode = 0  # it goes on by itself: no complaint about a process nobody waited for


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the command and every process that it has started."""
    if sys.platform == "win32":
        subprocess.run(  # noqa: S603
            ["taskkill", "/F", "/T", "/PID", str(process.pid)],  # noqa: S607  a part of Windows
            capture_output=True,
            check=False,
        )
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # nothing of it is left
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
