"""Orders of replicas that no worker has taken for a while: perhaps there is none that works."""

from __future__ import annotations

from ..types import Job

UNTAKEN_SECONDS = 30.0
"""A worker that is alive and not busy takes an order within a second."""


def untaken(job: Job, now: float) -> str | None:
    """Describe that no worker has taken an order for so long; None for everything else. `now`: seconds since the epoch."""
    age = now - job.created_at
    if not job.waits_for_worker or age < UNTAKEN_SECONDS:
        return None
    return (
        f"No worker has taken it yet, after {age:.0f} s: nothing is bought. Whoever runs the installation has to see that"
        " `seedance-mcp work` runs, and what its log says."
    )
