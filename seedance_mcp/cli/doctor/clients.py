"""Into which clients the server is installed, and whether what their entries start is still there."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncGenerator
from functools import partial

import anyio

from ...clients import CannotChange, Installed, Machine, clients, find
from ...texts import listed
from .findings import Finding

_START_SECONDS = 60
"""Of a start: `uvx` may have to fetch everything anew."""


async def look_at_clients(*, start: bool) -> AsyncGenerator[Finding]:
    """Yield a finding for each client that has an entry; with `start` the commands of the entries are run."""
    finding = partial(Finding, area="clients")
    try:
        machine = Machine.here()
    except RuntimeError:
        return
    nowhere = True
    for client in clients().values():
        for place in find(client, machine):
            if isinstance(place, CannotChange):
                text = f"{place.path} cannot be looked into: {place.reason}"
                if machine.found(client):
                    yield finding(subject=client.name, verdict="warning", text=text)
                continue
            nowhere = False
            starts = start and not place.start.switched_off
            trouble = _trouble(place, machine) or (await _not_starting(place) if starts else None)
            text = f"installed, in {place.place}"
            if keys := [name for name in place.start.holds if name.endswith(("_KEY", "_TOKEN"))]:
                text += f", with {listed(keys)} of its own, which wins over what is stored elsewhere"
            if place.start.switched_off:
                yield finding(subject=client.name, verdict="off", text=f"{text}, and switched off there")
            elif trouble is None:
                yield finding(
                    subject=client.name, verdict="ok", text=f"{text}; it starts {place.start.command}"
                )
            else:
                hint = (
                    f"`seedance-mcp install {client.name}` writes the entry anew."
                    if place.project is None
                    else "Correct the entry there, or take it out."
                )
                yield finding(
                    subject=client.name, verdict="warning", text=f"{text}, but {trouble}", hint=hint
                )
    if nowhere:
        here = [client.name for client in clients().values() if machine.found(client)]
        yield finding(
            subject="clients",
            verdict="off",
            text=f"installed into none; here are {listed(here)}"
            if here
            else "installed into none, and none is found here",
            hint="`seedance-mcp install CLIENT` enters the server into a client's settings.",
        )


def _trouble(place: Installed, machine: Machine) -> str | None:
    command = place.start.command
    if not command:
        return "the entry names no command"
    if not os.path.isabs(command):  # noqa: PTH117  a path as the client takes it
        return f"its command {command} is no whole path, and many clients have another PATH than a terminal"
    return None if machine.program(command) else f"its command {command} is not there, or is no program"


async def _not_starting(place: Installed) -> str | None:
    """Run what the entry starts; return what is wrong with it, or None."""
    words = [place.start.command, *place.start.arguments, "--version"]
    try:
        with anyio.fail_after(_START_SECONDS):
            ended = await anyio.run_process(words, check=False, stdin=subprocess.DEVNULL)
    except (OSError, TimeoutError) as error:
        return f"its command does not start: {error or 'no answer in time'}"
    if ended.returncode or not ended.stdout.startswith(b"seedance-mcp "):
        return f"its command ends with code {ended.returncode} and does not say its version"
    return None
