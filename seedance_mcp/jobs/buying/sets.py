"""Videos of one request that are bought together: what is asked for, and which they are."""

from __future__ import annotations

from dataclasses import replace

from ...errors import InvalidRequest
from ...store import Connection, sets
from ...types import VideoRequest, VideoSet
from ..inputs.resolved_request import ResolvedRequest


def several(asked: ResolvedRequest, request: VideoRequest) -> ResolvedRequest:
    """
    Return what is asked for as several videos; `request` is what the call itself gives.

    A seed that is only taken from the basis counts for none: one of them would be the video of the basis again.

    Raises:
        InvalidRequest: a draft has one take in full.
    """
    if asked.finishes is not None:
        raise InvalidRequest(
            [
                f"variations: the draft {asked.finishes.draft.id} has one take, which is finished once; leave them out"
            ]
        )
    if "seed" in request.model_fields_set:
        return asked
    return replace(asked, request=asked.request.model_copy(update={"seed": None}))


def set_with(connection: Connection, job_id: str) -> VideoSet | None:
    """Load the set that a job is part of, without what of it cannot be read; None: it was bought by itself."""
    set_id = sets.id_of(connection, job_id)
    return None if set_id is None else sets.shown(connection, set_id)
