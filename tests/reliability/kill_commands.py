"""Lives of the real command line in a forked process: the server on a pipe, and the watchers that it leaves behind."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seedance_mcp.catalog import Catalog
from seedance_mcp.cli import main, run
from seedance_mcp.cli.commands import watch
from seedance_mcp.config import load_settings
from seedance_mcp.jobs import detached, runner, watcher_lease
from seedance_mcp.jobs.results import hook_runner
from seedance_mcp.presentation import logs
from seedance_mcp.server import assembly, ending, transport

WHOLE = 4096
"""Bytes that the system writes to a pipe in one piece (PIPE_BUF), whoever else writes at the same moment."""


def import_what_commands_need(folder: Path) -> None:
    """Import the server and build its tools once: the schemas that are made meanwhile serve all lives."""
    environ = {"SEEDANCE_STATE_DIR": str(folder), "SEEDANCE_OUTPUT_DIR": str(folder)}
    assembly.assemble(load_settings(environ, settings_file=folder / "none.toml"), None, ending.Ending())
    logging.getLogger().handlers.clear()  # the SDK has set one up, which nobody would have who is no server
    assert main, logs


def run_command(words: Sequence[str], life: dict[str, Any], folder: Path, known: Catalog) -> int:
    """Run the command line with these words as it is run by itself, but for the catalogue, which has been read already."""
    os.environ.clear()
    os.environ.update(life["environ"], PATH=os.defpath, HOME=str(folder))
    Catalog.load = lambda *_given: known  # type: ignore[method-assign,assignment]
    return run([*words])


def ask_for_what_is_left(number: int, asking: int) -> None:
    """Let this life ask for the processes that it leaves behind instead of starting them: these are forked as well."""

    def asked(_settings: object, *words: str) -> None:
        line = json.dumps({"by": number, "words": words}).encode() + b"\n"
        assert len(line) <= WHOLE
        os.write(asking, line)

    detached.start_detached = asked


def hurry() -> None:
    """Let whoever ends, watches or runs hooks wait as briefly as everybody else here."""
    watcher_lease._BEAT_SECONDS = 0.2
    watcher_lease._STILL_SECONDS = 1.0
    watcher_lease._LOOK_SECONDS = 0.05
    watcher_lease._IDLE_SECONDS = 0.1
    watch._LOOK_SECONDS = 0.2
    hook_runner._LOOK_SECONDS = 1.0
    hook_runner._ELSEWHERE_SECONDS = 1.0
    runner._HOOKS_SECONDS = 0.1
    transport._LAST_ANSWERS_SECONDS = 0.1
