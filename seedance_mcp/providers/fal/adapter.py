"""fal.ai: a queue that answers with addresses to follow, files by token, a list by endpoint."""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from ...catalog import Offer, ProviderInfo
from ...errors import NotSupported, ProviderError, RequestRejected, TaskNotFound, UnexpectedResponse
from ...types import MediaFile, Submission, TaskState, TaskStatus, Upload, VideoRequest
from ..http.api import Api, Dated, Reading, checked_id
from ..http.uploads import file_name
from ..lenient_fields import readable
from ..matching import TOO_LONG, UNREADABLE, Search, marked
from ..outcomes import unplaced, used
from ..protocol import Access, Provider, Purchase, Recovery
from ..status_words import StatusWords
from ..when_sent import WhenSent
from . import replies

_REST, _MEDIA, _PLATFORM = "https://rest.fal.ai", "https://v3.fal.media", "https://api.fal.ai/v1"
"""The further hosts: upload tokens, files, the account."""

_STATUSES = {
    "in_queue": TaskStatus.QUEUED,
    "in_progress": TaskStatus.RUNNING,
    "completed": TaskStatus.SUCCEEDED,
}

_PAGES = 50
"""Pages of the list that are turned at most."""

_RELATIVE = re.compile(r"(?!/|[A-Za-z][A-Za-z0-9+.-]*:)[\x21-\x7e]+")
"""A path below the base URL."""

_CLOCKS_SECONDS = 60.0
"""A list that was searched from a moment so much too late is searched again."""


class _Looked(NamedTuple):
    """The ids of all requests that the list showed, what of it was not read (`Recovery.gap`), and when it was made."""

    seen: set[str]
    gap: str | None
    dated: Dated


class FalProvider(Provider):
    """Buys, follows, cancels and finds again requests of the queue; keeps files for them."""

    def __init__(self, info: ProviderInfo, access: Access) -> None:
        self._info = info
        self._api = Api(info, access, replies.problem)
        self._base = access.base_url
        self._words = StatusWords(info.name, _STATUSES)

    async def submit(self, request: VideoRequest, offer: Offer, purchase: Purchase) -> Submission:
        """Queue a request."""
        endpoint = offer.endpoint(request)
        made = await self._api.buy(endpoint, replies.Queued, marked(request, offer, purchase.tag), purchase)
        return Submission(task_id=made.request_id, handle=replies.places(endpoint, made, self._base))

    def submission(self, task_id: str, request: VideoRequest, offer: Offer) -> Submission:
        """A request lives below its endpoint: its id alone does not tell where."""
        task_id = checked_id(task_id)
        return Submission(task_id=task_id, handle=replies.documented(offer.endpoint(request), task_id))

    async def poll(self, submission: Submission) -> TaskState:
        """Ask for the status and, once it has ended, for the result: only that tells how it ended."""
        said = await self._api.get(_place(submission, "status"), replies.Status, params={"logs": 0})
        status = self._words.status(said.status)
        if self._words.known(said.status) is None:
            return await self._perhaps_ended(submission) or TaskState(status=status)
        if status is not TaskStatus.SUCCEEDED:
            place = said.queue_position if status is TaskStatus.QUEUED else None
            return TaskState(status=status, queue_position=place)
        if said.error or said.error_type:
            return replies.ended(said.error, said.error_type)
        return await self._result(submission)

    async def check(self) -> None:
        """Ask for an upload token."""
        await self._token()

    async def cancel(self, submission: Submission) -> None:
        """Ask for the request to be dropped; one that runs may still finish."""
        try:
            await self._api.put(_place(submission, "cancel"), replies.Nothing)
        except RequestRejected as error:
            if error.provider_code == "ALREADY_COMPLETED":
                raise NotSupported(
                    f"{self._info.title} has already ended the task; there is nothing left to cancel."
                ) from error
            raise

    async def upload(self, media: MediaFile) -> Upload:
        """Store a file, with a token that stands in for the key."""
        token = await self._token()
        stored = await self._api.at(_MEDIA).upload(
            "files/upload",
            replies.Stored,
            media,
            field=None,
            headers={
                "Authorization": f"{token.token_type or 'Bearer'} {token.token}",
                "X-Fal-File-Name": file_name(media),
            },
        )
        # How long files stay is not documented; they are taken to stay as long as results.
        return Upload(url=stored.access_url, expires_at=self._api.now + self._info.result_hours * 3600)

    async def quote(self, request: VideoRequest, offer: Offer) -> Decimal | None:
        """
        Multiply the unit price by the seconds ordered, where it is a price per second.

        It is one number for an endpoint, whatever is ordered there: nothing says that it holds for other
        resolutions, or with a video going in.
        """
        if request.resolution != offer.model.default_resolution or request.has_video_input:
            return None
        rate = await self._rate(offer.endpoint(request))
        if rate is None or rate.usd is None or request.duration is None:
            return None
        if rate.unit not in ("second", "seconds") or request.duration <= 0:
            return None
        return rate.usd * request.duration

    async def recover(self, request: VideoRequest, offer: Offer, tag: str, sent: WhenSent) -> Recovery:
        """Look through what the endpoint was asked since then for the one request with this very input."""
        endpoint = offer.endpoint(request)
        platform = self._api.at(_PLATFORM)
        since = sent.since(platform.their_now)
        search = Search(request, offer, tag)
        found = await self._look(search, endpoint, since)
        if sent.since(platform.their_now) < since - _CLOCKS_SECONDS:
            # What their clock shows was not known before the first answer: ours was too far ahead.
            since = sent.since(platform.their_now)
            search = Search(request, offer, tag)
            found = await self._look(search, endpoint, since)
        seen, gap, dated = found
        return replace(
            search.result(
                lambda task_id: self.submission(task_id, request, offer),
                complete=self._info.absence_is_proof and gap is None and dated.at is not None,
            ),
            since=None if dated.at is None else since,
            age=dated.age,
            gap=gap,
            listed=frozenset(seen),
            reach_seconds=(dated.at or since) - since,
            one_endpoint=True,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()

    async def _look(self, search: Search, endpoint: str, since: float) -> _Looked:
        """Look at all requests since then."""
        start = datetime.fromtimestamp(max(since, 0.0), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        params: dict[str, str | int | list[str]] = {
            "endpoint_id": endpoint,
            "start": start,
            "limit": 50,
            "expand": "payloads",
        }
        seen: set[str] = set()
        gap, dated = None, None
        for _ in range(_PAGES):
            try:
                turned = await self._api.at(_PLATFORM).turn(
                    "models/requests/by-endpoint", replies.Page, params
                )
            except ProviderError as error:
                if dated is None or not search.can_do_without(error):
                    raise
                return _Looked(seen, UNREADABLE, dated)
            page, dated = turned.reply, turned.dated.and_(dated)
            rows, unread = readable(replies.Listed, page.items)
            gap = UNREADABLE if unread else gap
            seen.update(listed.request_id for listed in rows)
            for listed in rows:
                search.look(
                    listed.request_id, listed.json_input, named=listed.endpoint_id in (None, endpoint)
                )
            if page.has_more is False or page.has_more is None:
                return _Looked(seen, gap, dated)
            if not isinstance(page.next_cursor, str) or not page.next_cursor:
                return _Looked(seen, UNREADABLE, dated)
            params["cursor"] = page.next_cursor
        return _Looked(seen, TOO_LONG, dated or Dated())

    async def _token(self) -> replies.Token:
        return await self._api.at(_REST).post(
            "storage/auth/token?storage_type=fal-cdn-v3",
            replies.Token,
            {},
            repeatable=True,
            reading=Reading(missing=UnexpectedResponse),
        )

    async def _perhaps_ended(self, submission: Submission) -> TaskState | None:
        """Return the result of a request whose status is in no document, if there is a video; anything else proves nothing."""
        with contextlib.suppress(ProviderError):
            made = await self._result(submission)
            return made if made.status is TaskStatus.SUCCEEDED else None
        return None

    async def _result(self, submission: Submission) -> TaskState:
        made = await self._api.get(
            _place(submission, "response"),
            replies.Output,
            reading=Reading(final=replies.is_end, header=replies.UNITS_HEADER),
        )
        if made.video is None and (made.detail is not None or made.error_type is not None):
            return replies.ended(made.detail, made.error_type)
        if made.video is None or not made.video.url:
            raise unplaced(self._info)
        return TaskState(
            status=TaskStatus.SUCCEEDED,
            video_urls=(made.video.url,),
            url_expires_at=self._api.now + self._info.result_hours * 3600,
            usage=await self._charge(submission, made.units),
        )

    async def _charge(self, submission: Submission, units: Decimal | None) -> dict[str, Decimal]:
        """What the result costs: its units at the endpoint's price of now. Nothing if either is not told."""
        endpoint = submission.handle.get("endpoint")
        if units is None or not endpoint:
            return {}
        with contextlib.suppress(ProviderError):
            rate = await self._rate(endpoint)
            if rate is not None and rate.usd is not None:
                return {"billable_units": units, **used("price_usd", units * rate.usd)}
        return {"billable_units": units}

    async def _rate(self, endpoint: str) -> replies.Rate | None:
        rates = await self._api.at(_PLATFORM).get(
            "models/pricing",
            replies.Rates,
            params={"endpoint_id": endpoint},
            reading=Reading(missing=UnexpectedResponse),
        )
        read, _ = readable(replies.Rate, rates.prices)
        rate = next((rate for rate in read if rate.endpoint_id == endpoint), None)
        return rate if rate is not None and rate.usd is not None else None


def _place(submission: Submission, name: str) -> str:
    """
    Where to ask about a stored request.

    Raises:
        TaskNotFound: the record of the job does not say, or what it says was damaged.
    """
    path = submission.handle.get(name) or ""
    if not _RELATIVE.fullmatch(path):
        raise TaskNotFound("The record of this job does not say where the provider keeps it.")
    return path
