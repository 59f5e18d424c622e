"""The same thing wanted again: what makes two requests the same, and which job stands for it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ..types import Job, JobState, VideoRequest
from . import journal, steady
from .store import Connection

_UNREAD_SECONDS = 15 * 60.0
"""A finished job whose result nobody has read yet answers the same request for so long."""

_UNCLEAR = frozenset({JobState.UNRESOLVED, JobState.MISSING})
"""Finished, counted, and it may turn up again: whoever wants it once more has to say so."""


def digest_of_asked(asked: VideoRequest, digests: Mapping[str, str]) -> str:
    """
    Tell requests apart before anything is chosen for them: 64 hex digits.

    They stay what they are when another key is set, another provider is cheaper or another default holds. `digests`
    maps each media source to the hash of its content (or its URL).
    """
    # Without what is not given: fields that a later version adds are then no difference.
    given = asked.model_dump(mode="json", exclude={"based_on"}, exclude_defaults=True)
    return _digest(["asked", _by_content(given, asked, digests)])


def digest_of_planned(seller: Collection[str], planned: VideoRequest, digests: Mapping[str, str]) -> str:
    """
    Tell requests apart as they would be bought, with every default filled in: 64 hex digits.

    `seller` says from whom: provider, endpoint and, where that is to count, account.
    """
    content = planned.model_dump(mode="json", exclude={"based_on", "provider"})
    return _digest([*seller, _by_content(content, planned, digests)])


def _by_content(content: dict[str, Any], request: VideoRequest, digests: Mapping[str, str]) -> dict[str, Any]:
    for field, _, source in request.media():
        if isinstance(content[field], str):
            content[field] = digests.get(source, source)
        else:
            content[field] = [digests.get(item, item) for item in getattr(request, field)]
    return content


def _digest(value: list[Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def note(connection: Connection, job_id: str, digests: Collection[str]) -> None:
    """Let a job stand for these digests too, beside its own fingerprint."""
    connection.executemany(
        "INSERT INTO stand_ins (fingerprint, job_id) VALUES (?, ?)",
        [(digest, job_id) for digest in dict.fromkeys(digests)],
    )


def made_for(connection: Connection, digests: Collection[str]) -> list[Job]:
    """
    Load every job for one of these digests, whatever became of it: newest first those that were planned so.

    Raises:
        DamagedRecord: one of them cannot be read, so it cannot be known whether the same is bought already.
    """
    try:
        planned = [job for digest in digests for job in journal.same_request(connection, digest)]
        rows = connection.execute(
            "SELECT DISTINCT job_id FROM stand_ins WHERE fingerprint IN (SELECT value FROM json_each(?))",
            (json.dumps(list(digests)),),
        ).fetchall()
        return [*planned, *(journal.find(connection, job_id) for (job_id,) in rows)]
    except journal.DamagedRecord as error:
        raise journal.DamagedRecord(
            f"{error.message} It is for the same request, so that may be bought already; nothing was bought now.",
            hint="If the person wants it once more all the same, call again with allow_duplicate."
            " `seedance-mcp doctor` names the provider and the task of the damaged job.",
        ) from None


def standing(connection: Connection, jobs: Iterable[Job], *, now: float) -> Job | None:
    """Give the first of these jobs that still stands for its request: open, unclear, or done and not yet read about."""
    return next((job for job in jobs if _stands(connection, job, now)), None)


def _stands(connection: Connection, job: Job, now: float) -> bool:
    if not job.finished or job.state in _UNCLEAR:
        return True
    # A clock that was set right since makes the end look old, or still to come.
    fresh = 0.0 <= now - (job.finished_at or 0.0) < _UNREAD_SECONDS or (
        "finished_at" in job.steady and steady.age(connection, job, "finished_at") < _UNREAD_SECONDS
    )
    return job.state is JobState.DONE and fresh and not journal.was_read(connection, job.id)
