"""Fixtures of the tests that run the clients of other makers."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from .environments import environments
from .packages import Missing, installed

T = TypeVar("T")


@pytest.fixture(scope="session")
def packages() -> Path:
    """The folder with the clients from npm. Skipped where there is no npm, but never where CI says that it runs."""
    return _or_skip(installed)


@pytest.fixture(scope="session")
def pythons() -> dict[str, Path]:
    """The Python of each environment with a client from the package index; skipped as the others are."""
    return _or_skip(environments)


def _or_skip(install: Callable[[], T]) -> T:
    try:
        return install()
    except Missing as why:
        if os.environ.get("CI"):
            pytest.fail(f"CI has to run the clients of other makers: {why}.")
        pytest.skip(f"the clients of other makers cannot be run: {why}")
