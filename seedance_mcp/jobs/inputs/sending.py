"""A checked file to something the provider can read, once per content and provider."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import anyio

from ...errors import JobNotFound, MediaError
from ...media import PictureLimits, read_media
from ...providers import Provider
from ...store import UploadKey, job_records, uploads
from ...types import Job, MediaFile, Upload, VideoRequest
from ..context import JobContext
from ..local_files.outgoing_copies import copy_key, leaving
from ..pool.carriers import LINK_MARGIN_SECONDS
from ..pool.provider_pool import ProviderPool
from .fitting import fitted

if TYPE_CHECKING:
    from ...catalog import Offer, ProviderInfo

_MARGIN_SECONDS = 600.0
"""An upload that expires sooner than this is made anew: a queued task may fetch it late."""


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where files are uploaded to: one account somewhere. What ends within `margin` seconds is uploaded anew."""

    name: str
    account: str
    upload: Callable[[MediaFile], Awaitable[Upload]]
    margin: float


@dataclass(frozen=True, kw_only=True)
class _Recipient:
    """Who is to read the files: a provider, bought from with this account."""

    provider: Provider
    info: ProviderInfo
    account: str


class MediaSender:
    """Brings the files of requests to where their providers can read them."""

    def __init__(self, context: JobContext, pool: ProviderPool) -> None:
        self._store = context.store
        self._settings = context.settings
        self._pool = pool
        self._uploading: dict[UploadKey, anyio.Lock] = {}

    async def send(
        self, job: Job, offer: Offer, media: Mapping[str, MediaFile], provider: Provider
    ) -> VideoRequest:
        """
        Return the job's request with every media field replaced by something that the provider can read.

        What is sent of a local file is a copy without hidden data; where the request or the settings want it, images are
        also drawn anew (see `fitted`). The carrier is opened where one is set and a file cannot get there without it.

        Raises:
            MediaError: this provider has no way to take one of the files.
            ConfigError: the carrier cannot be used.
            ProviderError: an upload failed.
        """
        if offer.drafts is not None and offer.drafts.finish in job.request.provider_options:
            return job.request  # what goes in went in with the draft, and is not sent again
        recipient = _Recipient(provider=provider, info=offer.provider, account=job.account)
        fits = fitted(job.request, offer, media, settings=self._settings).limits
        urls = {
            source: await self._readable(file, fits.get(source), recipient) for source, file in media.items()
        }
        return job.request.with_media(urls)

    async def _readable(self, file: MediaFile, fit: PictureLimits | None, recipient: _Recipient) -> str:
        info = recipient.info
        if file.url is not None:
            return file.url
        if file.path is None:
            raise MediaError("A media file has neither a path nor a URL.")
        if "path" in info.media_in:
            return str(file.path)
        if "upload" in info.media_in:
            own = _Place(
                name=info.name,
                account=recipient.account,
                upload=recipient.provider.upload,
                margin=_MARGIN_SECONDS,
            )
            return await self._uploaded(file, fit, own)
        if info.embeds(file):
            return await self._data_url(file, fit)
        if file.job_id is not None:
            found = await self._current(file.job_id)
            if found is not None:
                return found
        if self._settings.carrier is not None:
            return await self._carried(file, fit)
        raise MediaError(
            f"{info.title} reads a {file.kind} only from a public https URL, and {file.path.name} is a local file.",
            hint="Put it where anyone can open it by https and pass that URL, set SEEDANCE_CARRIER, or use a provider that"
            " takes uploads.",
        )

    async def _current(self, job_id: str) -> str | None:
        """Return the link to a job's video as it is at this moment: planning may be a while ago."""
        try:
            job = await self._store.read(partial(job_records.find, job_id=job_id))
        except JobNotFound:
            return None
        return await self._pool.link(job)

    async def _carried(self, file: MediaFile, fit: PictureLimits | None) -> str:
        carrier = self._pool.carrier()
        place = _Place(
            name=carrier.name, account=carrier.account, upload=carrier.upload, margin=LINK_MARGIN_SECONDS
        )
        return await carrier.link(await self._uploaded(file, fit, place))

    async def _data_url(self, file: MediaFile, fit: PictureLimits | None) -> str:
        instance = self._store.local.instance
        async with leaving(file, settings=self._settings, instance=instance, fit=fit) as copy:
            assert copy.path is not None
            content = await read_media(copy, allowed=(copy.path.parent,), forbidden=())
        return f"data:{copy.mime_type};base64,{base64.b64encode(content).decode()}"

    async def _uploaded(self, file: MediaFile, fit: PictureLimits | None, place: _Place) -> str:
        store = self._store
        key = UploadKey(place=place.name, account=place.account, content=copy_key(file, fit))
        # One after the other: the videos of a set begin at the same moment, with the same files.
        async with self._uploading.setdefault(key, anyio.Lock()):
            found = await store.read(partial(uploads.find, key=key, now=store.clock(), margin=place.margin))
            if found is not None:
                return found
            instance = store.local.instance
            async with leaving(file, settings=self._settings, instance=instance, fit=fit) as copy:
                made = await place.upload(copy)
            await store.write(partial(uploads.keep, key=key, upload=made, now=store.clock()))
            return made.url
