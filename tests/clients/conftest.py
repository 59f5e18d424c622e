"""Fixtures of the tests that run the clients of other makers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .packages import Missing, installed


@pytest.fixture(scope="session")
def packages() -> Path:
    """The folder with the clients from npm. Skipped where there is no npm, but never where CI says that it runs."""
    try:
        return installed()
    except Missing as why:
        if os.environ.get("CI"):
            pytest.fail(f"CI has to run the clients of other makers: {why}.")
        pytest.skip(f"the clients of other makers cannot be run: {why}")
