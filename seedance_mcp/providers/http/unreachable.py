"""Explains why nobody could be reached, and which proxy variable may have been meant for it."""

from __future__ import annotations

from ...config import Outbound
from .sanitizing import clean


def why_unreachable(error: Exception | None) -> str:
    """Return the reason in the words of the network, or its name where it has none."""
    return clean(str(error or ""), limit=160).rstrip(".") or type(error).__name__


def with_advice(hint: str, error: Exception | None, outbound: Outbound, *, address: str | None = None) -> str:
    """
    Add to a hint what can be the reason, where no connection came about: a proxy that is set and not used, an address.

    `address` is the setting that says where to connect; None: it is the provider's own.
    """
    import httpx2  # on first use: the server loads this module when it starts

    if not isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout):
        return hint
    where = f"{address} says where that is; see that it is right." if address else ""
    return " ".join(filter(None, (hint, where, outbound.advice)))
