"""The built-in catalogue, read once."""

from __future__ import annotations

import pytest

from seedance_mcp.catalog import Catalog


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    """What is sold, as the data files say it."""
    return Catalog.load()
