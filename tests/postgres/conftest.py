"""PostgreSQL for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .server import Server, running


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for all tests of this process."""
    with running(tmp_path_factory.mktemp("postgres") / "data") as server:
        yield server


@pytest.fixture
def url(postgres: Server) -> str:
    """The address of a database of this test's own, with all tables."""
    return postgres.database()
