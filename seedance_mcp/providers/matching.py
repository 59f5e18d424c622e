"""
Finds a lost order again where a provider echoes what was ordered, and nothing that we could mark it with.

A seed that the caller left open is made from the purchase's tag: it comes back with the order and is like no other.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from ..catalog import Offer
from ..texts import REPLACEMENT
from ..types import MEDIA_FIELDS, VideoRequest
from .lenient_fields import creation
from .wire import wire

_MOST_DAMAGED = 1000
"""Characters of one text that may be damaged for it to be compared at all."""


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
    files = {parameter.name for field in MEDIA_FIELDS if (parameter := offer.parameters.get(field))} - {None}
    if any(_count(ordered.get(name)) != _count(found.get(name)) for name in files if name):
        return False
    return all(
        name in found and _can_be(value, found[name]) for name, value in ordered.items() if name not in files
    )


def _can_be(ordered: Any, echoed: Any) -> bool:
    """Tell whether this is the same value; in a text that came damaged, up to n characters may stand where n U+FFFD do."""
    if ordered == echoed:
        return True
    if not isinstance(ordered, str) or not isinstance(echoed, str):
        return False
    if not 0 < echoed.count(REPLACEMENT) <= _MOST_DAMAGED:
        return False
    ends = {0}
    for part in re.split(f"({REPLACEMENT}+)", echoed):
        if part.startswith(REPLACEMENT):
            ends = {end + more for end in ends for more in range(1, len(part) + 1)}
        else:
            ends = {end + len(part) for end in ends if ordered.startswith(part, end)}
    return len(ordered) in ends


def _count(value: Any) -> int:
    if value is None or value == "":
        return 0
    return len(cast("list[Any]", value)) if isinstance(value, list | tuple) else 1


def created(text: str | None) -> float | None:
    """Read when something was created as `moment` does; None also where no zone is told, or it can be no such time."""
    try:
        said = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return creation(said.timestamp()) if said.tzinfo else None


def moment(text: str | None) -> float | None:
    """Read an ISO 8601 time, UTC where it does not say, as seconds since the epoch; None if it is none."""
    try:
        said = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return (said if said.tzinfo else said.replace(tzinfo=UTC)).timestamp()
