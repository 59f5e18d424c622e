"""The same thing wanted again: what makes two requests the same, and which job stands for it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..types import MEDIA_FIELDS, Job, JobState, VideoRequest, Wanted
from . import journal, steady
from .store import Connection

if TYPE_CHECKING:
    from .plans import Plan

_UNREAD_SECONDS = 15 * 60.0
"""A finished job whose result nobody has read yet answers the same request for so long."""

_UNCLEAR = frozenset({JobState.UNRESOLVED, JobState.MISSING})
"""Finished, counted, and it may turn up again: whoever wants it once more has to say so."""


_CONTENT = ("prompt", *MEDIA_FIELDS)
_UNSEEN = dict.fromkeys(map(ord, "\u200b\u2060\ufeff"))
"""Blanks without a width: zero width space, word joiner, byte order mark."""


def wanted(asked: VideoRequest, digests: Mapping[str, str], plan: Plan | None = None) -> Wanted:
    """
    Say what is asked for in a form that `is_same_request` and `is_same_video` compare.

    `digests` maps each media source to the hash of its content (or its URL). `plan` is how it would be bought, once
    that is known.
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
    usual = dict[str, Any]()
    if plan is not None:
        from ..catalog import usual_values  # read on first use, not when the server starts

        chosen = {"model": plan.offer.model.id, "provider": plan.offer.provider.name}
        usual = usual_values(asked, plan.offer) | {
            name: value for name, value in chosen.items() if name not in given
        }
        # It may be written as an id or an alias.
        given |= {name: value for name, value in chosen.items() if name in given}
    return Wanted(
        content=_digest(["content", content, asked.provider_options]),
        given=given,
        usual={name: value for name, value in usual.items() if (name, value) != ("seed", -1)},
    )


def is_same_video(then: Wanted, now: Wanted) -> bool:
    """
    Tell whether the same video is asked for, whoever makes it.

    A setting that is not given is the same as one that is given with the value which it has where it is not given:
    at the offer that was chosen then, or at the one that would be chosen now. Where neither gives it, it is the same
    whatever those offers make of it. Two different values that are given are two videos.
    """
    fields = (then.given.keys() | now.given.keys()) - {"provider"}
    return then.content == now.content and all(is_same_setting(name, then, now) for name in fields)


def is_same_request(then: Wanted, now: Wanted) -> bool:
    """Tell whether the same video is asked for (`is_same_video`) and of no other provider."""
    return is_same_video(then, now) and is_same_setting("provider", then, now)


def is_same_setting(name: str, then: Wanted, now: Wanted) -> bool:
    """Tell whether the same is asked for in this field, one of `Wanted.given`; see `is_same_video`."""
    before, after = then.given.get(name), now.given.get(name)
    if before is not None and after is not None:
        return before == after
    if before is not None:
        return before in (then.usual.get(name), now.usual.get(name))
    if after is not None:
        # Of what was left to the provider then, nothing is known: what is usual now is no other wish.
        return after == then.usual.get(name, now.usual.get(name))
    return True


def plain(prompt: str) -> str:
    """Write a prompt as it is compared: one form of each letter, one blank for blanks of every kind."""
    return " ".join(unicodedata.normalize("NFC", prompt).translate(_UNSEEN).split())


def digest_of_asked(asked: VideoRequest, digests: Mapping[str, str]) -> str:
    """
    Tell requests apart before anything is chosen for them: 64 hex digits.

    Jobs of earlier versions are known by it, to the letter; see `wanted` for what has a meaning of its own.
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


def made_for(connection: Connection, digests: Collection[str], asked: Wanted | None = None) -> list[Job]:
    """
    Load every job for one of these digests or for the same request, whatever became of it.

    The newest first of those that were planned so.

    Raises:
        DamagedRecord: one of them cannot be read, so it cannot be known whether the same is bought already.
    """
    try:
        planned = [job for digest in digests for job in journal.same_request(connection, digest)]
        rows = connection.execute(
            "SELECT DISTINCT job_id FROM stand_ins WHERE fingerprint IN (SELECT value FROM json_each(?))",
            (json.dumps(list(digests)),),
        ).fetchall()
        noted = [*planned, *(journal.find(connection, job_id) for (job_id,) in rows)]
        alike = (
            []
            if asked is None
            else [journal.find(connection, job_id) for job_id in _alike(connection, asked)]
        )
    except journal.DamagedRecord as error:
        raise journal.DamagedRecord(
            f"{error.message} It is for the same request, so that may be bought already; nothing was bought now.",
            hint="If the person wants it once more all the same, call again with allow_duplicate."
            " `seedance-mcp doctor` names the provider and the task of the damaged job.",
        ) from None
    known = {job.id for job in noted}
    return [*noted, *(job for job in alike if job.id not in known and _wanted_so(job, asked))]


def same_ids(connection: Connection, asked: Wanted | None) -> list[str]:
    """Give the ids of all jobs for the same request, without those whose record is damaged."""
    found: list[str] = []
    for job_id in _alike(connection, asked) if asked is not None else ():
        with contextlib.suppress(journal.DamagedRecord):
            if _wanted_so(journal.find(connection, job_id), asked):
                found.append(job_id)
    return found


def _alike(connection: Connection, asked: Wanted) -> Iterator[str]:
    """Name every job with this content, newest first."""
    rows = connection.execute(
        "SELECT job_id FROM stand_ins WHERE fingerprint = ? ORDER BY rowid DESC", (asked.content,)
    ).fetchall()
    return (job_id for (job_id,) in rows)


def _wanted_so(job: Job, asked: Wanted | None) -> bool:
    return asked is not None and job.wanted is not None and is_same_request(job.wanted, asked)


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
