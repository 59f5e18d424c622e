"""The command `seedance-mcp board` as a process."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_SECONDS = 20.0


@dataclass(frozen=True)
class RunningBoard:
    """A board that runs: where, and the process."""

    address: str
    """With a code that opens one session."""
    process: subprocess.Popen[str]

    @property
    def port(self) -> str:
        """The port of the address."""
        return self.address.split(":")[2].split("/")[0]

    def end(self) -> None:
        """End it, as closing its terminal does."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(_SECONDS)


@contextlib.contextmanager
def board(environ: Mapping[str, str], *arguments: str) -> Iterator[RunningBoard]:
    """Serve the board of these settings; it has ended afterwards."""
    process = subprocess.Popen(
        [sys.executable, "-m", "seedance_mcp", "board", "--no-browser", *arguments],
        env={**os.environ, **environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    watchdog = threading.Timer(_SECONDS, process.kill)
    watchdog.start()
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        watchdog.cancel()
        assert address.startswith("http://127.0.0.1:"), address
        running = RunningBoard(address, process)
        yield running
        if process.poll() is None:
            running.end()
    finally:
        watchdog.cancel()
        process.kill()
        process.wait(_SECONDS)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
