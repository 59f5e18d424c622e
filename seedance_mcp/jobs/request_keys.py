"""A caller's own name for one purchase: the same key is the same job, whenever it comes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from ..errors import InvalidRequest
from ..types import Job, MediaFile, VideoRequest
from . import journal
from .store import Connection

_FORM = re.compile(r"[A-Za-z0-9._-]{8,64}")
_LONGEST_SHOWN = 24


@dataclass(frozen=True, kw_only=True)
class RequestKey:
    """
    A key together with what it was asked for. Build with `of`.

    `digests` maps each media source to the hash of its content (a URL to itself); a file that cannot be read
    now is not in it.
    """

    text: str
    asked: VideoRequest
    digests: Mapping[str, str]

    @classmethod
    def of(cls, text: str, asked: VideoRequest, media: Mapping[str, MediaFile]) -> RequestKey:
        """
        Check the key. `asked` is the request before any choice is made for it: those may change, the key stays.

        Raises:
            InvalidRequest: it does not have 8 to 64 characters of A-Z a-z 0-9 . _ -
        """
        if not _FORM.fullmatch(text):
            raise InvalidRequest(["request_key must have 8 to 64 characters of A-Z a-z 0-9 . _ -"])
        readable = {
            source: file.sha256 or source for source, file in media.items() if file.sha256 or _is_url(source)
        }
        return cls(text=text, asked=asked, digests=readable)


def job_of(connection: Connection, key: RequestKey) -> Job | None:
    """
    Load the job that the key stands for; None if it is new, or its purchase provably did not happen.

    Raises:
        InvalidRequest: the key was used for another request.
        StoreError: the record of its job is damaged.
    """
    row = connection.execute(
        "SELECT job_id, asked, digests FROM request_keys WHERE key = ?", (key.text,)
    ).fetchone()
    if row is None:
        return None
    job_id, asked, digests = row
    different = _differences(json.loads(asked), json.loads(digests), key)
    if different:
        raise InvalidRequest(
            [f"request_key {key.text!r} belongs to job {job_id}, which differs in: {', '.join(different)}."],
            hint="Take a new request_key for another video; check_status shows that job. Nothing was bought.",
        )
    job = journal.find(connection, job_id)
    return None if job.state in journal.NOT_BOUGHT else job


def keep(connection: Connection, key: RequestKey, job: Job) -> None:
    """Let the key stand for this job from now on; what it was first asked for stays."""
    connection.execute(
        "INSERT INTO request_keys (key, job_id, asked, digests, at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (key) DO UPDATE SET job_id = excluded.job_id",
        (key.text, job.id, json.dumps(_written(key.asked)), json.dumps(dict(key.digests)), job.created_at),
    )


def _is_url(source: str) -> bool:
    return "://" in source and not source.lower().startswith("file:")


def _written(request: VideoRequest) -> dict[str, Any]:
    # Without what is not given: fields that a later version adds are then no difference.
    return request.model_dump(mode="json", exclude_defaults=True, exclude={"based_on"})


def _differences(then: Mapping[str, Any], digests: Mapping[str, str], key: RequestKey) -> list[str]:
    now = _written(key.asked)
    media = set(VideoRequest.model_fields) & {
        "first_frame",
        "last_frame",
        "reference_images",
        "reference_videos",
        "reference_audios",
    }
    found: list[str] = []
    for field in sorted(then.keys() | now.keys()):
        before, after = then.get(field), now.get(field)
        if field in media:
            if not _same_media(_listed(before), digests, _listed(after), key.digests):
                found.append(field)
        elif before != after:
            found.append(f"{field}{_shown(before, after)}")
    return found


def _listed(value: Any) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else cast("list[str]", value)


def _same_media(
    then: list[str], digests_then: Mapping[str, str], now: list[str], digests_now: Mapping[str, str]
) -> bool:
    if len(then) != len(now):
        return False
    for before, after in zip(then, now, strict=True):
        content = digests_now.get(after)
        # A file that has gone since is still the file that was named; one with other content is not.
        same = before == after if content is None else content == digests_then.get(before)
        if not same:
            return False
    return True


def _shown(before: Any, after: Any) -> str:
    values = [json.dumps(value, ensure_ascii=False) for value in (before, after)]
    if any(
        isinstance(value, (dict, list)) or len(text) > _LONGEST_SHOWN
        for value, text in zip((before, after), values, strict=True)
    ):
        return ""
    there, here = ("not given" if text == "null" else text for text in values)
    return f" ({there} there, {here} here)"
