"""What a purchase brings along to be agreed to, and how the records of questions are read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache

from pydantic import TypeAdapter

from ...types import Question, Signer, Wanted
from .. import elapsed_time
from ..database import Connection

VALID_SECONDS = 15 * 60.0
"""For so long a question stays open, an agreement to it holds, and a no to it is remembered."""


@dataclass(frozen=True, kw_only=True)
class Consent:
    """
    What has to be agreed to, and what the call brings along for that.

    `token` is what an assistant hands back; `agreed_to` is the code of the question that was answered with yes within
    this very call. `carried` tells who has agreed to a price of the same order, at another provider, that was no
    lower than this one, and `instead_of` are the fingerprints of what was refused there. `job_id` is the job that would be
    bought, `asked` the digest of what is asked for and `wanted` the same in the form that is compared.
    """

    fingerprint: str
    question: Question
    token: str | None
    agreed_to: str | None
    carried: Signer | None
    job_id: str
    asked: str | None
    wanted: Wanted | None
    instead_of: tuple[str, ...] = ()


def within(connection: Connection, seconds: float, now: float) -> tuple[float, float]:
    """From when on a moment lies within so many seconds: by the clock on the wall, and as `elapsed_time` counts."""
    return now - seconds, elapsed_time.passed(connection) - seconds


@cache
def as_json() -> TypeAdapter[Question]:
    """Return what reads and writes a question as JSON."""
    return TypeAdapter(Question)


def digest_of(token: str) -> str:
    """Return the hash by which a code is known."""
    # A code may come from anywhere, and as anything.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
