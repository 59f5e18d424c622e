"""
The confined worker: reads one media file from standard input and says what it found.

Started by `confine.py` as a process of its own, because decoders are C code that parses hostile files. It
answers with one line of JSON, then bytes if the task draws something. Imports nothing of the package but
its own siblings, so that it starts fast.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import IO, Any

from .refusal import RefusalError
from .signatures import recognise

Answer = tuple[dict[str, Any], bytes]


def main() -> None:
    """Do the task named in the one argument, a JSON object."""
    order = json.loads(sys.argv[1])
    answer_to = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get into the answer
    try:
        with os.fdopen(0, "rb", closefd=False) as source:
            confine = partial(_confine, order["megabytes"], order["cpu_seconds"])
            facts, payload = _perform(order["task"], order["arguments"], source, confine)
        head: dict[str, Any] = {"facts": facts}
    except RefusalError as refusal:
        head, payload = {"refused": refusal.message, "hint": refusal.hint}, b""
    except MemoryError:
        head, payload = (
            {"refused": "The file needs too much memory to decode.", "hint": "Use a smaller one."},
            b"",
        )
    answer_to.write(json.dumps(head).encode() + b"\n" + payload)
    answer_to.close()
    os._exit(0)  # nothing is left to tidy up, and tearing down the libraries takes time


def _perform(task: str, arguments: dict[str, Any], source: IO[bytes], confine: Callable[[], None]) -> Answer:
    """Load the libraries that the task and the file need, give up everything else, then do it."""
    signature = recognise(source)
    if task == "inspect" and signature.kind == "image":
        from .pictures import identify_image

        confine()
        return identify_image(source, signature)
    if task == "inspect":
        from .scanning import identify_film

        confine()
        return identify_film(source, signature)
    if signature.kind != "video":
        raise RefusalError(f"The file is no video: by its content it is {signature.mime_type}.")
    if task == "probe":
        from .analysis import measure

        confine()
        return measure(source, signature, **arguments)
    if task == "sheet":
        from .drawing import draw_sheet

        confine()
        return draw_sheet(source, signature, **arguments)
    if task == "last_frame":
        from .ending import draw_last_frame

        confine()
        return draw_last_frame(source, signature, **arguments)
    raise ValueError(task)


def _confine(megabytes: int, cpu_seconds: int) -> None:
    """Give up memory, time, core dumps, writing to files, and opening anything more: no file, no socket."""
    if sys.platform == "win32":
        return
    import resource

    memory = megabytes * 1024 * 1024
    for kind, limit in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_NOFILE, 3),  # what is open stays open
    ):
        with contextlib.suppress(ValueError, OSError):  # macOS refuses some
            resource.setrlimit(kind, (limit, limit))
