"""The command `seedance-mcp`; `python -m seedance_mcp` is the same."""

from __future__ import annotations

import gc
import os
import sys


def main() -> int:
    """Run the command line. Garbage collection is off while modules load: it only costs time there."""
    if None in (sys.stdin, sys.stdout, sys.stderr):
        _open_what_is_closed()
    gc.disable()
    from .cli import run

    gc.freeze()
    gc.enable()
    return run(sys.argv[1:])


def _open_what_is_closed() -> None:
    """Put the null device where a standard stream was closed (`2>&-`): else the database would get its number."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) < 3:
        pass
    os.close(descriptor)
    sys.stdin = sys.stdin or os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)


if __name__ == "__main__":
    sys.exit(main())
