"""Runs the pretended services until interrupted: `python -m tests.emulator [NAME ...]`."""

from __future__ import annotations

import argparse
import contextlib
import inspect
from dataclasses import fields

import anyio

from .control import CONTROLS
from .faults import KINDS, Fault
from .server import DIALECTS, Emulator
from .world import Behaviour


def main() -> None:
    """Read the command line, serve, and print what points the server here."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.emulator",
        description="Pretend video services on this machine, until interrupted. Prints the variables that point the"
        " server here, a line each: SEEDANCE_<NAME>_BASE_URL and the key of each service.",
        epilog=_controls(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"which services (default: all): {', '.join(DIALECTS)}"
    )
    parser.add_argument(
        "--port",
        type=int,
        default=0,
        help="first port; the services take one after another (default: free ones)",
    )
    parser.add_argument(
        "--queued",
        type=float,
        default=1.0,
        metavar="S",
        help="seconds that a task waits (default: %(default)s)",
    )
    parser.add_argument(
        "--running",
        type=float,
        default=4.0,
        metavar="S",
        help="seconds that a task takes (default: %(default)s)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="decides ids and what chance decides (default: %(default)s)"
    )
    parser.add_argument(
        "--tiny", action="store_true", help="serve a 64x36 clip of a second instead of the true size"
    )
    asked = parser.parse_args()
    unknown = set(asked.names) - set(DIALECTS)
    if unknown:
        parser.error(f"unknown service: {', '.join(sorted(unknown))}; there are {', '.join(DIALECTS)}")
    behaviour = Behaviour(
        queued_seconds=asked.queued, running_seconds=asked.running, true_size=not asked.tiny
    )
    emulator = Emulator(*asked.names, port=asked.port, seed=asked.seed, behaviour=behaviour)
    with contextlib.suppress(KeyboardInterrupt):
        anyio.run(_serve, emulator)


def _controls() -> str:
    """Everything that can be changed while the services run."""
    lines = ["controls, below http://127.0.0.1:PORT/_control/ of any of the services:"]
    lines += [f"  {control:<21}{does}" for control, does in CONTROLS.items()]
    lines += ["", f"a fault has the fields {', '.join(field.name for field in fields(Fault))}:"]
    lines += [f"  {line}".rstrip() for line in inspect.cleandoc(Fault.__doc__ or "").splitlines()[2:]]
    lines += ["", "kinds of faults:"]
    lines += [f"  {kind:<21}{shows}" for kind, shows in KINDS.items()]
    lines += ["", f"the behaviour has the fields {', '.join(field.name for field in fields(Behaviour))}:"]
    lines += [f"  {line}".rstrip() for line in inspect.cleandoc(Behaviour.__doc__ or "").splitlines()[2:]]
    return "\n".join(lines)


async def _serve(emulator: Emulator) -> None:
    async with emulator:
        for name, value in emulator.environment().items():
            print(f"{name}={value}", flush=True)
        print(
            f"# ledger, faults, behaviour: {emulator.origin(next(iter(emulator.names)))}/_control/... (see --help)",
            flush=True,
        )
        await anyio.sleep_forever()


if __name__ == "__main__":
    main()
