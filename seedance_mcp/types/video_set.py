"""Several videos of one request, bought together."""

from __future__ import annotations

from dataclasses import dataclass

from .job import Job

SET_PREFIX = "set_"
"""What the id of every set begins with, and no job's."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Which of a set's videos a job is: its `number`, from 1 to `size`."""

    set_id: str
    number: int
    size: int


@dataclass(frozen=True, kw_only=True)
class Variation:
    """One video of a set: the job that stands for this number, of several the newest that may have been bought."""

    number: int
    job: Job


@dataclass(frozen=True, kw_only=True)
class VideoSet:
    """
    A set as it stands. `size` is how many were asked for; `variations` are those whose records can be read, by number.

    All were reserved at once, so that there is none without a job.
    """

    id: str
    size: int
    variations: tuple[Variation, ...]

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The job of each variation."""
        return tuple(variation.job for variation in self.variations)

    @property
    def finished(self) -> bool:
        """True when nothing more happens to any of them by itself."""
        return all(job.finished for job in self.jobs)
