"""A job as it is told over HTTP, where a path is of no use to many: with a link to its video in the object store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..types import Job
from . import job_views
from . import results as shape
from .times import moment

if TYPE_CHECKING:
    from ..app import App

_PATIENCE_SECONDS = 2.0
"""How long an answer about a video that is here waits for its copy: clients have little patience left then."""


async def with_link(app: App, job: Job, shown: shape.JobShape) -> shape.JobShape:
    """
    Put into `video_url` a link that is made for this answer, or a note that there is none yet, and why.

    Without an object store, or a video, the job as it is.

    Raises:
        ConfigError: the key of the store cannot be read now.
    """
    copies = app.runner.copies
    if copies is None or job.artifacts is None:
        return shown
    copy = await copies.settled(job, _PATIENCE_SECONDS)
    if copy is None or copy.stored_at is None:
        why = f" The last try failed: {copy.error}" if copy is not None and copy.error else ""
        note = (
            "The video is saved on the server's machine and is not in the object store yet, so there is no link to it;"
            f" the server goes on trying, and check_status tells.{why}"
        )
        return shown.model_copy(update={"notes": (*shown.notes, note)})
    link = copies.link(job)
    give = "Give the person the link in video_url, from which anyone can save it for an hour; check_status makes a new one."
    return shown.model_copy(
        update={
            "video_url": link.url,
            "url_expires_at": moment(link.expires_at),
            "next_step": shown.next_step.replace(job_views.show(job), give, 1),
        }
    )
