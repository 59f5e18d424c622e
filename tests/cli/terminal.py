"""Plays a person at a pseudo terminal, which only POSIX has: answers each question of a command when it is there."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .conftest import heed_interrupts

INTERRUPT = "Ctrl-C"
"""As an answer: the signal that the key sends, in place of a line."""

_LONGEST_SECONDS = 60


def at_terminal(
    command: Sequence[str],
    answers: Sequence[tuple[str, str]],
    *,
    folder: Path,
    environ: Mapping[str, str],
    meanwhile: Callable[[], object] = lambda: None,
) -> tuple[int, str]:
    """
    Run a command to its end; its exit code and all that it showed.

    `answers` are pairs of a part of each question and what is typed then; `meanwhile` is called before each answer.
    """
    ours, theirs = os.openpty()
    with subprocess.Popen(
        command,
        cwd=folder,
        env=dict(environ),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=heed_interrupts,
    ) as process:
        os.close(theirs)
        late = threading.Timer(_LONGEST_SECONDS, process.kill)
        late.start()
        shown = b""
        try:
            for question, answer in answers:
                while question.encode() not in shown:
                    shown += os.read(ours, 4096)
                meanwhile()
                if answer == INTERRUPT:
                    process.send_signal(signal.SIGINT)
                else:
                    os.write(ours, f"{answer}\n".encode(errors="surrogateescape"))
            while piece := os.read(ours, 4096):
                shown += piece
        except OSError:  # Linux says so when the other side has closed
            pass
        finally:
            late.cancel()
        ended = process.wait(30)
    os.close(ours)
    return ended, shown.decode(errors="replace").replace("\r\n", "\n")
