"""Keeps back the answer to a purchase (the fault `late`) until the test lets it out."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from . import server
from .faults import Fault, play


def keep_back(monkeypatch: pytest.MonkeyPatch) -> anyio.Event:
    """Have every emulator of this process keep late answers back until the event that is returned is set."""
    release = anyio.Event()

    async def kept_back(fault: Fault, connection: Any, response: Any, refusal: Any, random: Any) -> bool:
        if fault.kind != "late":
            return await play(fault, connection, response, refusal, random)
        await release.wait()
        await connection.send(response)
        return True

    monkeypatch.setattr(server, "play", kept_back)
    return release
