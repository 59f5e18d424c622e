"""
The confined worker: reads one media file from standard input and says what it found; what it makes
of a film it writes there as well.

Started by `confine.py` as a process of its own, because decoders are C code that parses hostile files. It
answers with one line of JSON, then bytes if the task draws something.

"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import pkgutil
import sys
import traceback
from collections.abc import Callable, Container
from functools import partial
from typing import IO, Any

from .refusal import RefusalError
from .signatures import Signature, recognise

Answer = tuple[dict[str, Any], bytes]


def main() -> None:
    """Do the task named in the one argument, a JSON object."""
    order = json.loads(sys.argv[1])
    answer_to = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get into the answer
    late: list[str] = []
    try:
        with os.fdopen(0, "rb", closefd=False) as source:

            def confine() -> None:
                give_up_rights(order["megabytes"], order["cpu_seconds"], order["file_bytes"])
                sys.meta_path.insert(0, _LateImports(late))

            facts, payload = _perform(order["task"], order["arguments"], source, confine)
        head: dict[str, Any] = {"facts": facts}
    except RefusalError as refusal:
        # A decoder for which there was no memory says that the file does not decode.
        verdict = "exhausted" if isinstance(refusal.__cause__, MemoryError) else "refused"
        head, payload = {verdict: refusal.message, "hint": refusal.hint}, b""
    except MemoryError:
        head, payload = (
            {"exhausted": "The file needs too much memory to decode.", "hint": "Use a smaller one."},
            b"",
        )
    except Exception:
        head, payload = {"broken": traceback.format_exc()[-4000:]}, b""
    if late:
        head["late_imports"] = late
    answer_to.write(json.dumps(head).encode() + b"\n" + payload)
    answer_to.close()
    os._exit(0)  # nothing is left to tidy up, and tearing down the libraries takes time


def _perform(task: str, arguments: dict[str, Any], source: IO[bytes], confine: Callable[[], None]) -> Answer:
    """Load the libraries that the task and the file need, give up everything else, then do it."""
    # What the first two read is ours: frames that other workers have decoded.
    if task == "compose":
        from .compose import compose

        look = partial(compose, source)
    elif task in ("join", "repeats"):
        from .join import prepare

        look = prepare(source, only_look=task == "repeats")
    elif task == "film_sheet":
        from .film_sheet import draw_film_sheet

        look = partial(draw_film_sheet, source)
    else:
        signature = recognise(source)
        look = partial(_look(task, signature), source, signature)
    _load_decoder()
    _load_lazy_imports()
    confine()
    return look(**arguments)


def _look(task: str, signature: Signature) -> Callable[..., Answer]:
    if task == "inspect" and signature.kind == "image":
        from .image import identify_image

        return identify_image
    if task == "inspect":
        from .scanning import identify_film

        return identify_film
    if task == "clean" and signature.decoder == "mov":
        from .film_copy import clean_film

        return clean_film
    if task == "clean":
        from .outgoing import find_private

        return find_private
    if task == "fit":
        from .outgoing import draw_fitting

        return draw_fitting
    if signature.kind != "video":
        raise RefusalError(f"The file is no video: by its content it is {signature.mime_type}.")
    if task == "check":
        from .scanning import check_film

        return check_film
    if task == "probe":
        from .analysis import measure

        return measure
    if task in ("sheet", "cuts", "cells", "shot"):
        from . import sheet

        return {
            "sheet": sheet.draw_sheet,
            "cuts": sheet.draw_cuts,
            "cells": sheet.draw_cells,
            "shot": sheet.draw_shot,
        }[task]
    if task == "colours":
        from .colours import measure_colours

        return measure_colours
    if task == "sound":
        from .waveform import draw_sound

        return draw_sound
    if task == "poster":
        from .poster import draw_poster

        return draw_poster
    if task == "last_frame":
        from .last_frame import draw_last_frame

        return draw_last_frame
    raise ValueError(task)


def _load_decoder() -> None:
    """Import what is left of PyAV, if it is in use, but what fetches sample films from the internet: that takes long."""
    _load_whole("av", but=("av.__main__", "av.datasets"))


def _load_whole(name: str, but: Container[str]) -> None:
    """Import the rest of a package that is in use: on first use would be too late to open its files."""
    package = sys.modules.get(name)
    for module in pkgutil.iter_modules(package.__path__, f"{name}.") if package else ():
        if module.name not in but:
            importlib.import_module(module.name)
            if module.ispkg:
                _load_whole(module.name, but)


def _load_lazy_imports() -> None:
    """Import what libraries have only announced so far (`lazy import`, Python 3.15): later its files cannot be opened."""
    tried: set[str] = set()
    while announced := set(getattr(sys, "lazy_modules", ())) - tried:
        for name in announced:
            with contextlib.suppress(
                ImportError
            ):  # the last part may be a name inside a module, or missing here
                importlib.import_module(name)
        tried |= announced


class _LateImports:
    """A finder that finds nothing and takes down which modules are asked for: after confinement there must be none."""

    def __init__(self, names: list[str]) -> None:
        self._names = names

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Take down the name; the other finders go on."""
        self._names.append(name)


def give_up_rights(megabytes: int, cpu_seconds: int, file_bytes: int = 0) -> None:
    """
    Limit this process: memory, time, no core dumps, opening neither file nor socket any more.

    To a file that is open it may write up to byte `file_bytes`; by default nothing.
    """
    if sys.platform == "win32":
        return
    import resource

    memory = megabytes * 1024 * 1024
    for kind, limit in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_NOFILE, 3),  # what is open stays open
    ):
        with contextlib.suppress(ValueError, OSError):  # macOS refuses some
            resource.setrlimit(kind, (limit, limit))


if __name__ == "__main__":
    main()
