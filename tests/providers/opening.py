"""Opens an adapter as the server does, with the tests' key."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import SecretStr

from seedance_mcp.providers import Access, Provider, create
from tests.wire.reading import CATALOG, KEY, base_path


@asynccontextmanager
async def opened(name: str, origin: str) -> AsyncGenerator[Provider]:
    """The adapter of the provider `name`, speaking to the server at `origin`, with its own path below it."""
    access = Access(key=SecretStr(KEY), base_url=origin + base_path(name), folder=Path())
    provider = create(CATALOG.provider(name), access)
    try:
        yield provider
    finally:
        await provider.close()
