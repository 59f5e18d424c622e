"""The command `seedance-mcp`; `python -m seedance_mcp` is the same."""

from __future__ import annotations

import gc
import sys


def main() -> int:
    """Run the command line. Garbage collection is off while modules load: it only costs time there."""
    gc.disable()
    from .cli import run

    gc.freeze()
    gc.enable()
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
