"""Fixtures that every test shares: a clean environment, folders of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No key, no proxy and no setting of the developer reaches a test; every default folder is inside tmp_path."""
    for name in list(os.environ):
        if (
            name.startswith(("SEEDANCE_", "XDG_"))
            or name.endswith(("_KEY", "_TOKEN"))
            or "proxy" in name.lower()
        ):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    for name in ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(home))


@pytest.fixture
def output_dir(tmp_path: Path) -> Path:
    """The folder that finished videos go to in this test."""
    return tmp_path / "videos"


@pytest.fixture
def environ(tmp_path: Path, output_dir: Path) -> dict[str, str]:
    """The environment of a server that keeps everything inside this test's folder and works at full speed."""
    return {
        "SEEDANCE_OUTPUT_DIR": str(output_dir),
        "SEEDANCE_STATE_DIR": str(tmp_path / "state"),
        "SEEDANCE_MEDIA_DIRS": str(tmp_path / "media"),
        "SEEDANCE_SANDBOX_SECONDS": "0",
        "SEEDANCE_POLL_SECONDS": "0.05",
        "SEEDANCE_DETACH": "0",
    }
