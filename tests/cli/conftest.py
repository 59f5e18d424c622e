"""Runs the real command in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def command_environ(environ: dict[str, str]) -> dict[str, str]:
    """The whole environment of a command: the settings of this test, and what Python needs to start."""
    import os

    return {**os.environ, **environ, "PYTHONIOENCODING": "utf-8"}


@pytest.fixture
def run(command_environ: dict[str, str], tmp_path: Path) -> Run:
    """Run `seedance-mcp` with these words and wait until it is done; more settings by keyword."""

    def start(*words: str, seconds: float = 90, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "seedance_mcp", *words],
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
