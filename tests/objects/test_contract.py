"""The contract of an object store, by the emulator, and where moto is installed by its reading of S3 as well."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.to_thread import run_sync

from seedance_mcp.config import load_settings
from seedance_mcp.objects import ObjectStore, access_of
from tests.emulator.s3_objects import ObjectStorage, running

from .__main__ import PARTS
from .contract import Opened, play

STEPS = ["whole", "nothing overwritten", "read", "by others", "from others", "in parts", "deleted"]


def opened(storage: ObjectStorage, tmp_path: Path, *, judges: bool) -> Opened:
    """The client for the store at this place."""
    access = access_of(load_settings(storage.environment(), settings_file=tmp_path / "no.toml"))
    assert access is not None
    return Opened(store=ObjectStore(access), in_parts=ObjectStore(access, sizes=PARTS), judges=judges)


async def test_the_emulator_keeps_the_contract(tmp_path: Path) -> None:
    with anyio.fail_after(20):
        async with running(ObjectStorage()) as storage:
            assert await play(opened(storage, tmp_path, judges=True), tmp_path) == STEPS
            assert storage.objects == {}
            assert storage.uploads == {}


@pytest.mark.skipif(find_spec("moto") is None, reason="moto[server] is not installed")
async def test_moto_gives_answers_of_the_same_shape(tmp_path: Path) -> None:
    """It judges no signature, so that only the shapes of its answers are a second opinion."""
    server: Any = importlib.import_module("moto.server").ThreadedMotoServer("127.0.0.1", 0)
    with anyio.fail_after(60):
        await run_sync(server.start)
        try:
            host, port = server.get_host_and_port()
            storage = ObjectStorage(origin=f"http://{host}:{port}", region="us-east-1")
            await _make_bucket(storage)
            assert await play(opened(storage, tmp_path, judges=False), tmp_path) == STEPS
        finally:
            await run_sync(server.stop)


async def _make_bucket(storage: ObjectStorage) -> None:
    import httpx2

    async with httpx2.AsyncClient(trust_env=False) as http:
        assert (await http.put(f"{storage.origin}/{storage.bucket}")).status_code == 200
