"""How long a result that could not be had is left alone, and when it is given up. The job's own record keeps count."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ...backoff import exponential
from ...errors import DownloadError
from ...types import Tries
from .transfer import LinkExpired, NotChecked, NoVideo

MOST_RUBBISH = 8
"""
So many downloads may bring something else than a video. With the pauses between them that takes seven and a half hours:
longer than a storage's trouble with one file should last, and within the day for which most providers keep a result.
"""

_RUBBISH_BYTES_A_DAY = 1_000_000_000
"""After so many bytes of it on one UTC day the next try waits for the next day: ten times a long video in 4k."""

_FIRST_PAUSE, _FACTOR = 5.0, 4.0
_LONGEST_LINK_PAUSE = 600.0
"""An address costs little to try, and some providers keep a result for an hour only."""

_FEW_DEAD_LINKS = 3
"""Fewer prove nothing, whatever the clock says: services stumble, and clocks are set."""

_MANY_FAILURES = 20
"""Fewer may be a network or a disk that is in trouble here: that takes a quarter of an hour."""

_RENEWED_AFTER, _RENEWED_EVERY = (2, 4), 8
"""
After so many failures in a row a fresh address is asked for. Not after each: where every address is another one, what
has arrived cannot be gone on with.
"""

MOST_UNCHECKED = 5
"""So often a video that is here is looked into. With the pauses between that takes seven minutes."""


def counted(tries: Tries, error: DownloadError, now: float) -> Tries:
    """
    Count a download that failed.

    A broken connection or a full disk says nothing about the result: it is neither rubbish nor a dead address.
    """
    if isinstance(error, NotChecked):
        return replace(tries, unchecked=tries.unchecked + 1, dead_links=0, failures=0, last_at=now)
    tries = replace(tries, failures=tries.failures + 1)
    if isinstance(error, NoVideo):
        today = _day(now)
        size = error.bytes + (tries.rubbish_bytes if tries.day == today else 0)
        return replace(
            tries, rubbish=tries.rubbish + 1, day=today, rubbish_bytes=size, dead_links=0, last_at=now
        )
    if isinstance(error, LinkExpired):
        return replace(tries, dead_links=tries.dead_links + 1, last_at=now)
    return replace(tries, dead_links=0)


def pause(tries: Tries, now: float) -> float:
    """Return for how many seconds nothing should be tried yet; 0 when the next try is due."""
    if (
        tries.last_at is None or now < tries.last_at
    ):  # the clock was set back: the number of tries bounds them
        return 0.0
    wait = max(_grown(tries.rubbish), _grown(tries.unchecked))
    if tries.dead_links > 1:  # the first is followed by a fresh address
        wait = max(wait, min(_grown(tries.dead_links - 1), _LONGEST_LINK_PAUSE))
    left = max(0.0, tries.last_at + wait - now)
    if tries.rubbish_bytes >= _RUBBISH_BYTES_A_DAY and tries.day == _day(now):
        left = max(left, _midnight_after(now) - now)
    return left


def is_worth_a_fresh_address(tries: Tries) -> bool:
    """Return whether it may be the address that is wrong, though no download said so: a dead one is renewed at once."""
    if tries.rubbish:
        return True
    failures = 0 if tries.dead_links else tries.failures
    return failures in _RENEWED_AFTER or (failures > 0 and failures % _RENEWED_EVERY == 0)


def is_taken_as_it_is(tries: Tries) -> bool:
    """Return whether a video that is here is looked into for the last time: if that fails as well, it will do unseen."""
    return tries.unchecked + 1 >= MOST_UNCHECKED


def is_rubbish_for_good(tries: Tries) -> bool:
    """Return whether enough downloads brought something else than a video."""
    return tries.rubbish >= MOST_RUBBISH


def is_dead(tries: Tries) -> bool:
    """Return whether so many addresses in a row no longer worked that it is not the address."""
    return tries.dead_links >= _FEW_DEAD_LINKS


def is_out_of_reach(tries: Tries) -> bool:
    """Return whether so many tries in a row failed, in whatever way, that another will fail as well."""
    return is_dead(tries) or tries.failures >= _MANY_FAILURES


def is_kept_no_longer(tries: Tries, *, passed: float, kept_seconds: float) -> bool:
    """
    Return whether the time is over for which a provider keeps a result, when so many seconds have certainly passed.

    Time may have passed that no clock has counted: it is over as well when as many addresses were tried as fit into it.
    """
    return passed >= kept_seconds or (tries.dead_links - 10) * _LONGEST_LINK_PAUSE >= kept_seconds


def _grown(failures: int) -> float:
    return exponential(_FIRST_PAUSE, failures, factor=_FACTOR)


def _day(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")


def _midnight_after(now: float) -> float:
    today = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return (today + timedelta(days=1)).timestamp()
