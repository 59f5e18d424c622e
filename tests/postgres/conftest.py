"""PostgreSQL for the tests of this folder."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .server import Server, running


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A server for all tests of this process. (Nobody but root may enter pytest's own folders, if root runs the tests.)"""
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder, running(Path(folder) / "data") as server:
        yield server


@pytest.fixture
def url(postgres: Server) -> str:
    """The address of a database of this test's own, with all tables."""
    return postgres.database()
