"""What a session of a client was told of finished jobs, and what of it somebody there could provably read."""

from __future__ import annotations

from collections.abc import Collection, Iterable

PROMPT_SECONDS = 20.0
"""An answer that took longer may have come when its client no longer waited; the most impatient give up after 5 to 60 s."""


class ReadTracker:
    """
    One session of a client.

    That an answer was sent does not mean that anybody read it: the client may be gone. A later call of the same
    session shows that somebody is there. A client that gave up on its call in silence makes later calls as well,
    so of an answer that took long only a call that names the job shows that it arrived.
    """

    def __init__(self, prompt_seconds: float = PROMPT_SECONDS) -> None:
        """With `prompt_seconds` below 0 no answer is prompt: only a call that names a job shows that it was read about."""
        self._prompt_seconds = prompt_seconds
        self._unproved: dict[str, bool] = {}
        self._read: set[str] = set()
        self._noticed: set[str] = set()

    def was_told(self, job_id: str) -> bool:
        """Return whether this session was told that the job has ended, read or not."""
        return job_id in self._unproved or job_id in self._read

    def told(self, job_ids: Iterable[str], *, seconds: float) -> None:
        """Note what an answer tells that came after so many seconds."""
        for job_id in job_ids:
            if job_id not in self._read:
                self._unproved[job_id] = self._unproved.get(job_id, False) or seconds <= self._prompt_seconds

    def proved_by(self, call: str) -> list[str]:
        """List the jobs that a later call with these arguments (as text) shows to have been read about."""
        return [job_id for job_id, prompt in self._unproved.items() if prompt or job_id in call]

    def proved(self, job_ids: Collection[str]) -> None:
        """Note that it is on record that these were read about."""
        self._read.update(job_ids)
        for job_id in job_ids:
            self._unproved.pop(job_id, None)

    def first_time(self, notices: Iterable[str]) -> list[str]:
        """List those sentences that this session was not told yet; they count as told now."""
        new = [notice for notice in notices if notice not in self._noticed]
        self._noticed.update(new)
        return new
