"""What other programs are measured by: their time, and the most memory that work takes in a process of its own."""

from __future__ import annotations

import multiprocessing
import resource
import subprocess
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path


def seconds(command: Sequence[str]) -> float:
    """Run a program to its end and say how long it took."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def peak_megabytes(work: Callable[..., object], *arguments: object) -> float:
    """Do work in a fresh process; the most memory that it or a process of its own held. Only on Linux."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_watched, args=(theirs, work, arguments))
    process.start()
    theirs.close()
    try:
        return float(ours.recv())
    finally:
        process.join()


def _watched(answer_to: Connection, work: Callable[..., object], arguments: Sequence[object]) -> None:
    work(*arguments)
    # The system's own figure (ru_maxrss) begins with what the parent held when it made this process.
    own = next(
        int(line.split()[1])
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        if line.startswith("VmHWM")
    )
    answer_to.send(max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1000)
