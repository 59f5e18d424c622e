"""A caller's own name for one purchase: the same key is the same job, whenever it comes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ...errors import InvalidRequest
from ...store import Connection, KeptKey, idempotency_keys, sets, transitions
from ...types import MEDIA_FIELDS, Job, MediaFile, VideoRequest, VideoSet, is_same_setting
from .deduplication import plain, wanted

_FORM = re.compile(r"[A-Za-z0-9._-]{8,64}")
_LONGEST_SHOWN = 24


@dataclass(frozen=True, kw_only=True)
class RequestKey:
    """
    A key together with what it was asked for. Build with `of`.

    `digests` maps each media source to the hash of its content (a URL to itself); a file that cannot be read
    now is not in it. `variations` is how many videos were asked for together; None: one by itself.
    """

    text: str
    asked: VideoRequest
    digests: Mapping[str, str]
    variations: int | None = None

    @classmethod
    def of(
        cls, text: str, asked: VideoRequest, media: Mapping[str, MediaFile], variations: int | None = None
    ) -> RequestKey:
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
        return cls(text=text, asked=asked, digests=readable, variations=variations)


def job_of(connection: Connection, key: RequestKey) -> Job | None:
    """
    Load the job that the key stands for: the newest that may have been bought. None if there is none.

    All that it ever stood for are looked at: one that was judged not to have been bought may have turned up since.
    A default that is written out is no other request, as in `deduplication`.

    Raises:
        InvalidRequest: the key was used for another request.
        StoreError: the record of its job is damaged.
    """
    bought = [job for job in _jobs_of(connection, key) if job.state not in transitions.NOT_BOUGHT]
    return bought[0] if bought else None


def set_of(connection: Connection, key: RequestKey) -> VideoSet | None:
    """
    Load the set that the key stands for, whether or not its videos were bought. None if there is none.

    Raises:
        InvalidRequest: the key was used for another request, or for another number of videos.
        StoreError: the record of one of its jobs is damaged.
    """
    jobs = _jobs_of(connection, key)
    set_id = sets.id_of(connection, jobs[0].id) if jobs else None
    return None if set_id is None else sets.find(connection, set_id)


def _jobs_of(connection: Connection, key: RequestKey) -> list[Job]:
    """Load every job that the key ever stood for, the newest first. Raises as `job_of`."""
    kept = idempotency_keys.find(connection, key.text)
    if kept is None:
        return []
    jobs = idempotency_keys.jobs_of(connection, key.text)
    different = _differences(kept.asked, kept.digests, key, jobs)
    if different:
        owner = next((job for job in jobs if job.state not in transitions.NOT_BOUGHT), jobs[0]).id
        raise InvalidRequest(
            [f"request_key {key.text!r} belongs to job {owner}, which differs in: {', '.join(different)}."],
            hint="Take a new request_key for another video; check_status shows that job. Nothing was bought.",
        )
    return jobs


def keep(connection: Connection, key: RequestKey, job: Job) -> None:
    """Let the key stand for this job as well; what it was first asked for stays."""
    kept = KeptKey(asked=_written(key), digests=key.digests)
    idempotency_keys.keep(connection, key.text, kept, job)


def _is_url(source: str) -> bool:
    return "://" in source and not source.lower().startswith("file:")


def _written(key: RequestKey) -> dict[str, Any]:
    # Without what is not given: fields that a later version adds are then no difference.
    written = key.asked.model_dump(mode="json", exclude_defaults=True, exclude={"based_on"})
    return written if key.variations is None else {**written, "variations": key.variations}


def _differences(
    then: Mapping[str, Any], digests: Mapping[str, str], key: RequestKey, jobs: Sequence[Job]
) -> list[str]:
    now, wish = _written(key), wanted(key.asked, key.digests, variations=key.variations)
    found: list[str] = []
    for field in sorted(then.keys() | now.keys()):
        before, after = then.get(field), now.get(field)
        if field in MEDIA_FIELDS:
            if not _same_media(_listed(before), digests, _listed(after), key.digests):
                found.append(field)
        elif field == "prompt":
            if plain(before or "") != plain(after or ""):
                found.append(f"{field}{_shown(before, after)}")
        elif before != after and (
            field == "provider_options"
            or not any(job.wanted is not None and is_same_setting(field, job.wanted, wish) for job in jobs)
        ):
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
