"""What an assistant or a person thinks of a take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Verdict = Literal["good", "usable", "bad"]
Reviewer = Literal["person", "assistant"]

MAX_REVIEW_CHARACTERS = 2_000
"""Of the notes of one review."""

SCORES = ("prompt", "identity", "motion", "continuity", "text", "sound", "defects")
"""What can be scored, from 1 to 5 (best): `defects` is 5 where there are none."""


@dataclass(frozen=True, kw_only=True)
class Opinion:
    """A verdict on a take, with notes and with scores by name. Build with `jobs.opinion`, which checks them."""

    verdict: Verdict
    notes: str = ""
    scores: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, kw_only=True)
class Review:
    """
    An opinion on record: of which job, by whom, and when, in seconds since the epoch.

    `relayed`: it is the person's by the word of an assistant that handed it on.
    """

    job_id: str
    opinion: Opinion
    by: Reviewer
    relayed: bool
    at: float


@dataclass(frozen=True, kw_only=True)
class Unjudged:
    """How many of the jobs that succeeded lately have no review, and the newest of them."""

    count: int
    job_ids: tuple[str, ...]
