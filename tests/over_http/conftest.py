"""Fixtures of the tests over HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from seedance_mcp.config import Settings, load_settings
from tests.server.asking import priced
from tests.server.conftest import Era, era, schemas_checked_once

__all__ = ["Era", "era", "schemas_checked_once"]


@pytest.fixture
def settings(environ: dict[str, str], tmp_path: Path) -> Settings:
    """Settings that keep everything inside this test's folder; videos are free."""
    return load_settings(environ, settings_file=tmp_path / "no.toml")


@pytest.fixture
def dear(environ: dict[str, str], tmp_path: Path) -> Settings:
    """The same, under which a small video costs 1.50 USD, to which a person has to agree."""
    return load_settings(priced(environ, tmp_path, "0.75"), settings_file=tmp_path / "no.toml")
