"""How people reach it: without arguments the server on stdio, with arguments a command in the terminal."""

from __future__ import annotations

import sys

from ..errors import ConfigError, SeedanceError
from ..texts import inert

__all__ = ["run"]


def run(argv: list[str]) -> int:
    """
    Run the command line and return its exit code.

    0: done; 1: the job ended without a video, be it that the provider refused it or that it could not be sent; 2: there
    is no job, for wrong usage or because it was refused here; 3: the job has not ended, or it is not known whether it was
    bought; 130: interrupted.
    """
    try:
        if not argv:
            return _serve()
        from .main import execute

        return execute(argv)
    except SeedanceError as error:
        from .words import told

        for problem in error.problems if isinstance(error, ConfigError) else (error.message,):
            print(f"error [{error.code}]: {inert(told(problem))}", file=sys.stderr)
        if error.hint:
            print(f"hint: {inert(told(error.hint))}", file=sys.stderr)
        for note in getattr(error, "__notes__", ()):
            print(f"note: {inert(told(note))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _serve() -> int:
    from ..config import read_settings
    from ..server import run_stdio

    reading = read_settings()
    return run_stdio(reading.settings, reading.error)
