"""Runs the pretended services until interrupted: `python -m tests.emulator [--port N] [--queued S] [--running S]`."""

from __future__ import annotations

import argparse
import contextlib

import anyio

from .server import DIALECTS, Emulator
from .world import Behaviour


def main() -> None:
    """Read the command line, serve, and print what points the server here."""
    parser = argparse.ArgumentParser(prog="python -m tests.emulator", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"which services (default: all): {', '.join(DIALECTS)}"
    )
    parser.add_argument("--port", type=int, default=0, help="first port; the services take one after another")
    parser.add_argument("--queued", type=float, default=1.0, help="seconds that a task waits")
    parser.add_argument("--running", type=float, default=4.0, help="seconds that a task takes")
    parser.add_argument("--seed", type=int, default=0, help="decides ids and chance")
    parser.add_argument(
        "--tiny", action="store_true", help="serve a 64x36 clip of a second instead of the true size"
    )
    asked = parser.parse_args()
    unknown = set(asked.names) - set(DIALECTS)
    if unknown:
        parser.error(f"unknown service: {', '.join(sorted(unknown))}")
    behaviour = Behaviour(
        queued_seconds=asked.queued, running_seconds=asked.running, true_size=not asked.tiny
    )
    emulator = Emulator(*asked.names, port=asked.port, seed=asked.seed, behaviour=behaviour)
    with contextlib.suppress(KeyboardInterrupt):
        anyio.run(_serve, emulator)


async def _serve(emulator: Emulator) -> None:
    async with emulator:
        for name, value in emulator.environment().items():
            print(f"{name}={value}", flush=True)
        print(
            f"# ledger, faults, behaviour: {emulator.origin(next(iter(emulator.names)))}/_control/...",
            flush=True,
        )
        await anyio.sleep_forever()


if __name__ == "__main__":
    main()
