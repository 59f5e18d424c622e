"""Fixtures of the server's tests."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from seedance_mcp.config import Settings, load_settings

Era = Literal["auto", "legacy"]


@pytest.fixture
def settings(environ: dict[str, str], tmp_path: Path) -> Settings:
    """Settings that keep everything inside this test's folder."""
    return load_settings(environ, settings_file=tmp_path / "no.toml")


@pytest.fixture(params=["auto", "legacy"])
def era(request: pytest.FixtureRequest) -> Era:
    """How the client opens: as the newest protocol says, or with `initialize`."""
    return request.param
