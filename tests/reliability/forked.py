"""What processes share that are forked for a short life: everything imported before, and an end without clean-up."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn


class Patch:
    """What `hurry` wants of pytest's monkeypatch, in a process that does nothing else."""

    setattr = staticmethod(setattr)


def import_what_lives_need() -> None:
    """Import ahead what the server imports only when it is wanted, and read the certificates: most of a life's work."""
    import anyio._backends._asyncio
    import av
    import httpcore2
    import httpx2
    import PIL.Image

    from seedance_mcp.catalog import Catalog
    from seedance_mcp.media.worker import scanning, signatures
    from seedance_mcp.providers.http.addresses import transport

    for info in Catalog.load().providers.values():
        importlib.import_module(info.adapter.partition(":")[0])
    assert av, (anyio, httpcore2, httpx2, PIL, scanning, signatures)
    transport(trusted=frozenset())


def live(folder: Path, life: Callable[[], int]) -> NoReturn:
    """Live a life, with all that it says in the folder's log.txt, and end with its code: 70 when it raises."""
    folder.mkdir(parents=True, exist_ok=True)
    log = os.open(folder / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    code = 70
    try:
        code = life()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
