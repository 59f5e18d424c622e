"""Ark at the emulator, for tests that talk to the adapter itself: opened, asked and paid."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from seedance_mcp.catalog import Catalog, Offer, resolve
from seedance_mcp.providers import Access, Provider, create
from seedance_mcp.types import MediaFile, Submission, VideoRequest
from tests.emulator import Emulator

CATALOG = Catalog.load()


@dataclass
class Buyer:
    """A purchase that remembers what it was told."""

    tag: str = "tag-1"
    sent: int = 0
    raw: bytes | None = None

    async def sending(self) -> None:
        self.sent += 1

    def answered(self, status: int, body: bytes) -> None:
        self.raw = body


@asynccontextmanager
async def opened(emulator: Emulator, name: str = "ark", key: str | None = None) -> AsyncIterator[Provider]:
    """Open the adapter of `name`, with the right key or another one."""
    access = Access(key=SecretStr(key or emulator.key), base_url=emulator.base_url(name), folder=Path())
    provider = create(CATALOG.provider(name), access)
    try:
        yield provider
    finally:
        await provider.close()


def order(model: str = "seedance-2.0", name: str = "ark", **fields: Any) -> tuple[VideoRequest, Offer]:
    """A resolved request, media as they are named, and the offer that it is for."""
    offer = CATALOG.offer(name, model, retired=True)
    request = VideoRequest(**{"prompt": "A cat yawns at a mirror.", **fields})
    media = {source: MediaFile(kind=kind, url=source) for _, kind, source in request.media()}
    return resolve(request, offer, media), offer


async def bought(provider: Provider, tag: str = "tag-1", **fields: Any) -> Submission:
    """Buy what `order` makes of the fields."""
    request, offer = order(**fields)
    return await provider.submit(request, offer, Buyer(tag))
