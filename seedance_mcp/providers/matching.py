"""
Finds a lost order again where a provider echoes what was ordered, and nothing that we could mark it with.

A seed that the caller left open is made from the purchase's tag: it comes back with the order and is like no other.
"""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from ..catalog import Offer
from ..errors import ProviderError, UnexpectedResponse
from ..texts import REPLACEMENT
from ..types import MEDIA_FIELDS, Submission, VideoRequest
from .lenient_fields import creation
from .protocol import Recovery
from .wire import wire

TOO_LONG = "The provider's list is too long to be looked through to its end."
UNREADABLE = "Not everything on the provider's list can be read."
"""Gaps of a list (`Recovery.gap`)."""

_MOST_DAMAGED = 1000
"""Characters of one text that may be damaged for it to be compared at all."""

_TIES_SECONDS = 2.0
"""By so much two tasks made at about the same time may stand in the wrong order."""

_SHORTEST_CUT = 16
"""Characters that a text has at least of which the rest was cut off."""


def marked(request: VideoRequest, offer: Offer, tag: str) -> dict[str, Any]:
    """Return the request in the offer's words (`wire`), with a seed made from `tag` if one is taken and none given."""
    return wire(request, offer) | _mark(request, offer, tag)


def _mark(request: VideoRequest, offer: Offer, tag: str) -> dict[str, Any]:
    """The seed that is made from `tag`, under the offer's name for it; empty where none is taken, or one was given."""
    seed = offer.parameters.get("seed")
    if request.seed is not None or seed is None or seed.name is None or seed.name in request.provider_options:
        return {}
    return {seed.name: seed.write(_seed(tag))}


def _seed(tag: str) -> int:
    """31 bits: what every provider takes as a seed."""
    return int.from_bytes(hashlib.sha256(tag.encode()).digest()[:4]) >> 1


class ListOrder:
    """The times on a list, page by page: whether what comes on later pages can only be older."""

    def __init__(self) -> None:
        self._earliest = math.inf
        self._newest_first = True

    def is_past(self, times: Iterable[float | None], since: float) -> bool:
        """
        Look at the times of creation on the next page; return whether no later page should have a task made since then.

        So it is once an older one was seen on a list that was newest first to there. Where one stands above a newer one,
        the list is in another order, and only its end tells.
        """
        told = [at for at in times if at is not None]
        for at in told:
            self._newest_first = self._newest_first and at <= self._earliest + _TIES_SECONDS
            self._earliest = min(self._earliest, at)
        return self._newest_first and self._earliest < since


class Search:
    """
    The tasks on a provider's list that may be one order, by what it echoes of them.

    `ours` have the seed that was made for it, `same` are the same in every value, `near` are neither clearly it nor
    clearly another: a service may write a number as a text, other line ends or letters composed anew, and cut a prompt.
    """

    def __init__(self, request: VideoRequest, offer: Offer, tag: str) -> None:
        self._offer = offer
        self._ordered = marked(request, offer, tag)
        self._mark = _mark(request, offer, tag)
        self.ours: set[str] = set()
        self.same: set[str] = set()
        self.near: set[str] = set()

    def look(self, task_id: str, echoed: object, *, named: bool = True) -> None:
        """Look at a task. `named`: it is listed under the very name of the model that was ordered."""
        if not isinstance(echoed, Mapping):
            self.near.add(task_id)
            return
        found = cast("Mapping[str, Any]", echoed)
        for name, seed in self._mark.items():
            said = _plain(found.get(name))
            if said == _plain(seed):
                self.ours.add(task_id)
                return
            if said.lstrip("-").isdecimal():
                return  # another order, with a seed of its own
        if same_order(self._ordered, found, self._offer):
            (self.same if named else self.near).add(task_id)
        elif _is_near(self._ordered, found, self._offer):
            self.near.add(task_id)

    def can_do_without(self, error: ProviderError) -> bool:
        """
        Return whether to go by what the pages so far have shown, as the next one cannot be had for this error.

        So it is if our own mark was on them, and if the page came and is unreadable: it may be so at every look.
        """
        return bool(self.ours) or isinstance(error, UnexpectedResponse)

    def result(self, submission: Callable[[str], Submission], *, complete: bool) -> Recovery:
        """Return what was found; `complete`: every task was looked at that may be it."""
        if len(self.ours) == 1:
            return Recovery(submission=submission(*self.ours))
        return Recovery(
            alike=tuple(submission(task_id) for task_id in sorted(self.ours or self.same)),
            near=frozenset(self.near),
            proves_absence=complete,
        )


def same_order(ordered: Mapping[str, Any], echoed: object, offer: Offer) -> bool:
    """
    Return whether what a provider echoes can be this order.

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


def _is_near(ordered: Mapping[str, Any], found: Mapping[str, Any], offer: Offer) -> bool:
    """Return whether this may be the same order all the same. What is not echoed cannot be compared; the prompt has to be."""
    files = {parameter.name for field in MEDIA_FIELDS if (parameter := offer.parameters.get(field))} - {None}
    prompt = offer.parameters.get("prompt")
    if prompt is not None and prompt.name in ordered and prompt.name not in found:
        return False
    for name, value in ordered.items():
        if name in files:
            if _count(found.get(name)) not in (0, _count(value)):
                return False
        elif name in found and not _may_be(value, found[name]):
            return False
    return True


def _may_be(ordered: Any, echoed: Any) -> bool:
    """Return whether two values may be one, however they are written."""
    if isinstance(ordered, list | tuple | dict) or isinstance(echoed, list | tuple | dict):
        return True  # who knows what was made of it
    meant, said = _plain(ordered), _plain(echoed)
    if meant == said or _can_be(meant, said):
        return True
    if not isinstance(ordered, str) or not isinstance(echoed, str):
        return False
    whole = said.partition(REPLACEMENT)[0]
    if whole != said:
        return meant.startswith(whole)
    shorter, longer = sorted((meant, said), key=len)
    return not said or (len(shorter) >= _SHORTEST_CUT and longer.startswith(shorter.rstrip("….")))


def _plain(value: Any) -> str:
    """Write a value as it would be in a form: numbers without needless zeros, letters composed, blanks as one."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return " ".join(unicodedata.normalize("NFC", str(value)).split())


def _can_be(ordered: Any, echoed: Any) -> bool:
    """Return whether this is the same value; in a text that came damaged, up to n characters may stand where n U+FFFD do."""
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
