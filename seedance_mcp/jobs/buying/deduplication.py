"""The same thing wanted again: what makes two requests the same, and which job stands for it."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ...store import Connection, elapsed_time, job_records
from ...types import MEDIA_FIELDS, Job, JobState, VideoRequest, Wanted

if TYPE_CHECKING:
    from ..choosing.plans import Plan

_UNREAD_SECONDS = 15 * 60.0
"""A finished job whose result nobody has read yet answers the same request for so long."""

_UNCLEAR = frozenset({JobState.UNRESOLVED, JobState.MISSING})
"""Finished, counted, and it may turn up again: whoever wants it once more has to say so."""


_CONTENT = ("prompt", *MEDIA_FIELDS)
_UNSEEN = dict.fromkeys(map(ord, "\u200b\u2060\ufeff"))
"""Blanks without a width: zero width space, word joiner, byte order mark."""


def wanted(
    asked: VideoRequest,
    digests: Mapping[str, str],
    plan: Plan | None = None,
    *,
    variations: int | None = None,
) -> Wanted:
    """
    Return what is asked for in a form that `is_same_request` and `is_same_video` compare.

    `digests` maps each media source to the hash of its content (or its URL). `plan` is how it would be bought, once
    that is known. So many `variations` of it are another wish than one, or than another number of them.
    """
    content = _by_content(asked.model_dump(mode="json", include={*_CONTENT}), asked, digests)
    content["prompt"] = plain(asked.prompt or "")
    given = {
        name: value
        for name, value in asked.model_dump(
            exclude={*_CONTENT, "provider_options", "based_on"}, exclude_none=True
        ).items()
        if (name, value) != ("seed", -1)  # that is: any seed, as where none is given
    }
    if variations is not None:
        given["variations"] = variations
    usual = dict[str, Any]()
    if plan is not None:
        from ...catalog import usual_values  # read on first use, not when the server starts

        chosen = {"model": plan.chosen.model.id, "provider": plan.chosen.provider.name}
        usual = usual_values(asked, plan.chosen) | {
            name: value for name, value in chosen.items() if name not in given
        }
        # It may be written as an id or an alias.
        given |= {name: value for name, value in chosen.items() if name in given}
    return Wanted(
        content=_digest(["content", content, asked.provider_options]),
        given=given,
        usual={name: value for name, value in usual.items() if (name, value) != ("seed", -1)},
    )


def plain(prompt: str) -> str:
    """Write a prompt as it is compared: one form of each letter, one blank for blanks of every kind."""
    return " ".join(unicodedata.normalize("NFC", prompt).translate(_UNSEEN).split())


def digest_of_asked(asked: VideoRequest, digests: Mapping[str, str], variations: int | None = None) -> str:
    """
    Return the digest of a request before anything is chosen for it: 64 hex digits.

    Jobs of earlier versions are known by it, to the letter; see `wanted` for what has a meaning of its own.
    They stay what they are when another key is set, another provider is cheaper or another default holds. `digests`
    maps each media source to the hash of its content (or its URL); so many `variations` are another request.
    """
    # Without what is not given: fields that a later version adds are then no difference.
    given = asked.model_dump(mode="json", exclude={"based_on"}, exclude_defaults=True)
    many = [] if variations is None else [variations]
    return _digest(["asked", _by_content(given, asked, digests), *many])


def digest_of_planned(seller: Collection[str], planned: VideoRequest, digests: Mapping[str, str]) -> str:
    """
    Return the digest of a request as it would be bought, with every default filled in: 64 hex digits.

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


def comparable(jobs: Iterable[Job], *, paid: bool) -> list[Job]:
    """
    Leave out the finished jobs that cost nothing, if a real video is wanted now.

    Whoever tried a request in the sandbox and then set a key wants the video, and has paid for nothing yet.
    """
    return [job for job in jobs if not (paid and job.finished and job.maximum.is_free)]


def standing(connection: Connection, jobs: Iterable[Job], *, now: float) -> Job | None:
    """Return the first of these jobs that still stands for its request: open, unclear, or done and not yet read about."""
    return next((job for job in jobs if _stands(connection, job, now)), None)


def _stands(connection: Connection, job: Job, now: float) -> bool:
    if not job.finished or job.state in _UNCLEAR:
        return True
    # A clock that was set right since makes the end look old, or still to come.
    fresh = 0.0 <= now - (job.finished_at or 0.0) < _UNREAD_SECONDS or (
        "finished_at" in job.steady and elapsed_time.age(connection, job, "finished_at") < _UNREAD_SECONDS
    )
    return job.state is JobState.DONE and fresh and not job_records.was_read(connection, job.id)
