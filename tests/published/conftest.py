"""The programs of other makers, as for `tests/clients`."""

from __future__ import annotations

from tests.clients.conftest import packages

__all__ = ["packages"]
