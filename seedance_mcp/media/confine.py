"""Runs the media worker: a subprocess with little memory, little time, no secrets and one open file."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import anyio
from anyio.abc import Process
from anyio.lowlevel import RunVar

from ..errors import InspectionFailed, MediaError, SeedanceError

T = TypeVar("T")

_log = logging.getLogger(__name__)
_MODULE = "seedance_mcp.media.worker.main"
_MAX_REPLY_BYTES = 16 * 1024 * 1024
_AT_ONCE = 2
_WINDOWS_CRASH = 0xC0000000
"""Exit codes from here on are Windows' own for a process that crashed; elsewhere a signal gives a negative one."""
_limiter = RunVar[anyio.CapacityLimiter]("media_workers")


class UnfinishedInspection(MediaError):
    """
    Looking into a file crashed, or took more time or memory than it may.

    Of a file that somebody gives us that is reason enough to refuse it. Of one that is paid it proves nothing: the system
    may have ended the process, or the machine may be slow.
    """


@dataclass(frozen=True)
class Limits:
    """
    What a worker may use: seconds by the clock, megabytes of address space (where the system can).

    `file_bytes` is how large it may make a file that it holds open; none by default.
    """

    seconds: float
    megabytes: int = 2048
    file_bytes: int = 0


@dataclass(frozen=True)
class Reply:
    """What a worker found: facts, and bytes where the task draws something."""

    facts: Mapping[str, Any]
    payload: bytes


async def run_worker(
    task: str,
    arguments: Mapping[str, object],
    *,
    source: int,
    limits: Limits,
    module: str = _MODULE,
) -> Reply:
    """
    Let a fresh worker do one task on the open file `source`, which it reads from the start.

    At most two workers run at once. The worker is killed when its time is up or this call is cancelled.

    Raises:
        MediaError: the worker refused the file.
        UnfinishedInspection: the worker ran out of time or memory, or crashed, over the file or for a reason of its own.
        InspectionFailed: the worker made a mistake, or could not be started; that says nothing about the file.
    """
    limiter = _limiter.get(None)
    if limiter is None:
        limiter = anyio.CapacityLimiter(_AT_ONCE)
        _limiter.set(limiter)
    async with limiter:
        os.lseek(source, 0, os.SEEK_SET)
        order = json.dumps(
            {
                "task": task,
                "arguments": arguments,
                "megabytes": limits.megabytes,
                "cpu_seconds": math.ceil(limits.seconds * 2),
                "file_bytes": limits.file_bytes,
            }
        )
        code, answer = await _run([sys.executable, "-P", "-s", "-m", module, order], source, limits.seconds)
    return _read(code, answer)


async def together(calls: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """
    Make calls at the same time and return what they return, in their order. The first error ends the others.

    Raises:
        SeedanceError: what one of them raised.
    """
    found: dict[int, T] = {}
    failed: list[SeedanceError] = []

    async def make(place: int, call: Callable[[], Awaitable[T]]) -> None:
        try:
            found[place] = await call()
        except SeedanceError as error:
            failed.append(error)
            tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        for place, call in enumerate(calls):
            tasks.start_soon(make, place, call)
    if failed:
        raise failed[0]
    return [found[place] for place in range(len(calls))]


@contextlib.contextmanager
def naming(path: Path) -> Generator[None]:
    """Put the name of the file before what is wrong with its content: a worker sees no name."""
    try:
        yield
    except MediaError as error:
        raise MediaError(f"{path}: {error.message}", hint=error.hint) from error


async def _run(command: list[str], source: int, seconds: float) -> tuple[int, bytes]:
    try:
        process = await anyio.open_process(
            command,
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            start_new_session=os.name == "posix",
            creationflags=_new_group(),
        )
    except OSError as error:
        _log.warning("The media worker could not be started: %s", error)
        raise InspectionFailed from error
    try:
        with anyio.fail_after(seconds):
            answer = await _drain(process)
            return await process.wait(), answer
    except TimeoutError:
        raise UnfinishedInspection(
            f"Reading the file took longer than {seconds:g} seconds and was stopped.",
            hint="Use a shorter or smaller file.",
        ) from None
    finally:
        with anyio.CancelScope(shield=True):
            _kill(process)
            await process.aclose()


async def _drain(process: Process) -> bytes:
    assert process.stdout
    answer = bytearray()
    async for chunk in process.stdout:
        answer += chunk
        if len(answer) > _MAX_REPLY_BYTES:
            raise UnfinishedInspection("The file could not be read: the decoder answered far too much.")
    return bytes(answer)


def _read(code: int, answer: bytes) -> Reply:
    head, _, payload = answer.partition(b"\n")
    reply: dict[str, Any] = {} if code or not head else _parsed(head)
    if late := reply.get("late_imports"):
        _log.warning("The media worker imported %s after it was confined", ", ".join(late))
    if "exhausted" in reply:
        raise UnfinishedInspection(reply["exhausted"], hint=reply.get("hint"))
    if "refused" in reply:
        raise MediaError(reply["refused"], hint=reply.get("hint"))
    if "facts" in reply:
        return Reply(facts=reply["facts"], payload=payload)
    trace = reply.get("broken", "no answer").strip()
    _log.warning("The media worker broke down (%d): %s", code, trace.splitlines()[-1])
    _log.debug("%s", trace)
    if code < 0 or code >= _WINDOWS_CRASH:  # decoders are C code, and a file can make them crash
        raise UnfinishedInspection(
            "The decoder crashed over this file, which may be damaged or made to do harm.",
            hint="Save the file again with another program, or choose another one.",
        )
    raise InspectionFailed


def _parsed(head: bytes) -> dict[str, Any]:
    try:
        return json.loads(head)
    except ValueError:
        return {"broken": "an answer that cannot be read"}


def _environment() -> dict[str, str]:
    """No variable of the server's, so no key, reaches the worker; modules come from where ours come from."""
    places = [str(Path(__file__).parents[2]), *(place for place in sys.path if place)]
    environment = {
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(places)),
        "OPENBLAS_NUM_THREADS": "1",  # each of its threads costs start-up time and address space
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
    }
    if sys.platform == "win32":
        from .access import windows

        environment["SYSTEMROOT"] = windows.windows_folder()
    return environment


def _new_group() -> int:
    if sys.platform == "win32":
        return subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
    return 0


def _kill(process: Process) -> None:
    if process.returncode is not None:
        return
    try:
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
