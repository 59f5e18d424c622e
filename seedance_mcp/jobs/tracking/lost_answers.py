"""What to say of a purchase whose answer was lost: who can find out whether the provider took it, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import OtherAccount
from ...types import Job, JobState
from .reconcile import quiet_seconds

if TYPE_CHECKING:
    from ...catalog import ProviderInfo


def a_person_has_to_look(job: Job, info: ProviderInfo | None) -> bool:
    """Return whether the outcome of a purchase is open and the provider, None if it is no longer known, cannot be asked."""
    return job.state is JobState.UNKNOWN and (info is None or not info.lists_tasks)


def look_yourself(job: Job, info: ProviderInfo | None) -> str:
    """State that the provider cannot be asked, and what a person does instead."""
    return (
        f"{info.title if info else job.provider} cannot be asked which tasks it took, so nobody is looking for this"
        " one: a person looks at its console, then runs in a terminal"
        f" `seedance-mcp jobs resolve {job.id} --task ID` or `--not-bought`."
    )


def why_watched(info: ProviderInfo) -> str:
    """Explain why a job of a provider that cannot be asked is watched all the same, and for how long."""
    return (
        f"It is watched until {quiet_seconds(info) / 60:.0f} minutes after the answer was lost: so long the process that"
        " submitted it may still come back with the task. Your word ends that at once."
    )


def hint(job: Job, info: ProviderInfo | None, other: OtherAccount | None) -> str | None:
    """
    Return the hint of a job as it holds now and here. What was kept with it does not know who reads it.

    None: there is none, or `other` says whose the job is and what to do about it.
    """
    if job.state is not JobState.UNKNOWN:
        return job.error_hint
    if other is not None:
        return None
    if a_person_has_to_look(job, info):
        return f"Do not submit again. {look_yourself(job, info)}"
    return "Do not submit again. The server looks for the task at the provider; call check_status later."
