"""Runs the command: in this process, or in one of its own where that is what is tested."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import mcp.client.stdio  # noqa: F401  it keeps the stderr that is there when it is imported first: not one of a test's
import pytest

from seedance_mcp import cli

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def command_environ(environ: dict[str, str]) -> dict[str, str]:
    """The whole environment of a command: the settings of this test, and what Python needs to start."""
    return {**os.environ, **environ, "PYTHONIOENCODING": "utf-8"}


@pytest.fixture
def run(command_environ: dict[str, str], tmp_path: Path) -> Run:
    """
    Run `seedance-mcp` with these words; more settings by keyword.

    It runs in this process, with streams, working folder and environment of its own, which saves it the second that
    Python takes to load everything.
    """

    def start(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n") for _ in range(2))
        with (
            Path(os.devnull).open(encoding="utf-8") as nothing,
            pytest.MonkeyPatch.context() as patch,
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            _set_environment(patch, {**command_environ, **settings})
            patch.chdir(tmp_path)
            patch.setattr(sys, "stdin", nothing)
            try:
                code = cli.run(list(words))
            except SystemExit as ended:  # as argparse ends it
                code = ended.code
        return subprocess.CompletedProcess(words, int(code or 0), _written(out), _written(err))

    return start


@pytest.fixture
def run_apart(command_environ: dict[str, str], tmp_path: Path) -> Run:
    """Run `python -m seedance_mcp` with these words and wait until it is done; more settings by keyword."""

    def start(*words: str, seconds: float = 90, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", "-m", "seedance_mcp", *words],
            cwd=tmp_path,
            env={**command_environ, **settings},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=seconds,
        )

    return start


@pytest.fixture
def begin(command_environ: dict[str, str], tmp_path: Path) -> Callable[..., None]:
    """Run `seedance-mcp generate` with these words and kill it as soon as the provider has accepted the job."""

    def start(*words: str, seconds: float = 90, **settings: str) -> None:
        with subprocess.Popen(
            [sys.executable, "-m", "seedance_mcp", "generate", *words],
            cwd=tmp_path,
            env={**command_environ, **settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        ) as process:
            late = threading.Timer(seconds, process.kill)
            late.start()
            try:
                said: list[str] = []
                assert process.stderr
                for line in process.stderr:
                    said.append(line)
                    if "Queued at " in line or "Rendering" in line:
                        break
                else:
                    pytest.fail(f"no job was accepted: {''.join(said)}")
            finally:
                late.cancel()
                process.kill()

    return start


def heed_interrupts() -> None:
    """What starts the tests may have switched interrupts off, as shells do for commands in the background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _set_environment(patch: pytest.MonkeyPatch, environ: dict[str, str]) -> None:
    for name in set(os.environ) - set(environ):
        patch.delenv(name)
    for name, value in environ.items():
        patch.setenv(name, value)


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode("utf-8")
