"""
Finds a lost order again where a provider echoes what was ordered, and nothing that we could mark it with.

A seed that the caller left open is made from the purchase's tag: it comes back with the order and is like no other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from ..catalog import Offer
from ..types import VideoRequest
from . import wire

_MEDIA = ("first_frame", "last_frame", "reference_images", "reference_videos", "reference_audios")


def marked(request: VideoRequest, offer: Offer, tag: str) -> dict[str, Any]:
    """Return the request in the offer's words (`wire`), with a seed made from `tag` if one is taken and none given."""
    body = wire(request, offer)
    seed = offer.parameters.get("seed")
    if request.seed is None and seed is not None and seed.name is not None:
        body.setdefault(seed.name, seed.write(_seed(tag)))
    return body


def _seed(tag: str) -> int:
    """31 bits: what every provider takes as a seed."""
    return int.from_bytes(hashlib.sha256(tag.encode()).digest()[:4]) >> 1


def same_order(ordered: Mapping[str, Any], echoed: object, offer: Offer) -> bool:
    """
    Tell whether what a provider echoes can be this order.

    Media are compared by their number: where a file lay when it was sent is not known any more. What they added
    (defaults) does not count.
    """
    if not isinstance(echoed, Mapping):
        return False
    found = cast("Mapping[str, Any]", echoed)
    files = {parameter.name for field in _MEDIA if (parameter := offer.parameters.get(field))} - {None}
    if any(_count(ordered.get(name)) != _count(found.get(name)) for name in files if name):
        return False
    return all(name in found and found[name] == value for name, value in ordered.items() if name not in files)


def _count(value: Any) -> int:
    if value is None or value == "":
        return 0
    return len(cast("list[Any]", value)) if isinstance(value, list | tuple) else 1


def moment(text: str | None) -> float | None:
    """Read an ISO 8601 time, UTC where it does not say, as seconds since the epoch; None if it is none."""
    try:
        said = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return (said if said.tzinfo else said.replace(tzinfo=UTC)).timestamp()
