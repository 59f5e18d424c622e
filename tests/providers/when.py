"""When a purchase was sent, for tests that ask a provider's list: by a clock that is right."""

from __future__ import annotations

import time

from seedance_mcp.providers import WhenSent


def sent(ago: float = 0.0) -> WhenSent:
    """So many seconds ago."""
    return WhenSent(at=time.time() - ago, ago=lambda: ago)
