"""A checked file to something the provider can read, once per content and provider."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from ..config import Settings
from ..errors import JobNotFound, MediaError
from ..media import PictureLimits, read_media
from ..providers import Provider
from ..types import Job, MediaFile, Upload, VideoRequest
from . import journal, steady
from .carriers import LINK_MARGIN_SECONDS, Carrier
from .departures import departure_key, leaving
from .store import Connection, Store

if TYPE_CHECKING:
    from ..catalog import ProviderInfo

_MARGIN_SECONDS = 600.0
"""An upload that expires sooner than this is made anew: a queued task may fetch it late."""


async def deliver(
    request: VideoRequest,
    media: Mapping[str, MediaFile],
    *,
    provider: Provider,
    info: ProviderInfo,
    account: str,
    store: Store,
    settings: Settings,
    carrier: Callable[[], Carrier],
    link: Callable[[Job], Awaitable[str | None]],
    fits: Mapping[str, PictureLimits],
) -> VideoRequest:
    """
    Give the request with every media field replaced by something that the provider can read.

    What is sent of a local file is a copy without hidden data; `fits` says which sources are also drawn anew.
    `carrier` is opened where one is set and a file cannot get there without it; `link` gives a job's own link.

    Raises:
        MediaError: this provider has no way to take one of the files.
        ConfigError: the carrier cannot be used.
        ProviderError: an upload failed.
    """
    urls = {
        source: await _readable(
            file,
            fits.get(source),
            provider=provider,
            info=info,
            account=account,
            store=store,
            settings=settings,
            carrier=carrier,
            link=link,
        )
        for source, file in media.items()
    }
    changes: dict[str, Any] = {}
    for field in ("first_frame", "last_frame"):
        source = getattr(request, field)
        if source:
            changes[field] = urls[source]
    for field in ("reference_images", "reference_videos", "reference_audios"):
        changes[field] = tuple(urls[source] for source in getattr(request, field))
    # Built without validation: a data URL is longer than what a person may type.
    return request.model_copy(update=changes)


async def _readable(
    file: MediaFile,
    fit: PictureLimits | None,
    *,
    provider: Provider,
    info: ProviderInfo,
    account: str,
    store: Store,
    settings: Settings,
    carrier: Callable[[], Carrier],
    link: Callable[[Job], Awaitable[str | None]],
) -> str:
    if file.url is not None:
        return file.url
    if file.path is None:
        raise MediaError("A media file has neither a path nor a URL.")
    if "path" in info.media_in:
        return str(file.path)
    if "upload" in info.media_in:
        own = (info.name, account, provider.upload)
        return await _uploaded(file, fit, *own, margin=_MARGIN_SECONDS, store=store, settings=settings)
    if info.embeds(file):
        return await _data_url(file, fit, store=store, settings=settings)
    if file.job_id is not None:
        found = await _current(file.job_id, store, link)
        if found is not None:
            return found
    if settings.carrier is not None:
        other = carrier()
        by = (other.name, other.account, other.upload)
        kept = await _uploaded(file, fit, *by, margin=LINK_MARGIN_SECONDS, store=store, settings=settings)
        return await other.link(kept)
    raise MediaError(
        f"{info.title} reads a {file.kind} only from a public https URL, and {file.path.name} is a local file.",
        hint="Put it where anyone can open it by https and pass that URL, set SEEDANCE_CARRIER, or use a provider that"
        " takes uploads.",
    )


async def _current(job_id: str, store: Store, link: Callable[[Job], Awaitable[str | None]]) -> str | None:
    """Give the link to a job's video as it is at this moment: planning may be a while ago."""
    try:
        job = await store.read(partial(journal.find, job_id=job_id))
    except JobNotFound:
        return None
    return await link(job)


async def _data_url(file: MediaFile, fit: PictureLimits | None, *, store: Store, settings: Settings) -> str:
    async with leaving(file, settings=settings, instance=store.ownership.instance, fit=fit) as copy:
        assert copy.path is not None
        content = await read_media(copy, allowed=(copy.path.parent,), forbidden=())
    return f"data:{copy.mime_type};base64,{base64.b64encode(content).decode()}"


async def _uploaded(
    file: MediaFile,
    fit: PictureLimits | None,
    name: str,
    account: str,
    upload: Callable[[MediaFile], Awaitable[Upload]],
    *,
    margin: float,
    store: Store,
    settings: Settings,
) -> str:
    key = (name, account, departure_key(file, fit))

    def known(connection: Connection) -> str | None:
        # What was written under a clock that was ahead looks newer than it is, once that was set right: it is used for
        # no longer than it was good for then, and not at all while its writing still lies ahead.
        now = store.clock()
        row = connection.execute(
            "SELECT url FROM uploads WHERE provider = ? AND account = ? AND sha256 = ? AND (expires_at IS NULL"
            " OR (expires_at > ? AND at <= ? AND steady + expires_at - at > ?))",
            (*key, now + margin, now, steady.passed(connection) + margin),
        ).fetchone()
        return None if row is None else row[0]

    found = await store.read(known)
    if found is not None:
        return found
    async with leaving(file, settings=settings, instance=store.ownership.instance, fit=fit) as copy:
        made = await upload(copy)

    def keep(connection: Connection) -> None:
        connection.execute(
            "INSERT OR REPLACE INTO uploads (provider, account, sha256, url, expires_at, at, steady)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*key, made.url, made.expires_at, store.clock(), steady.note(connection)),
        )

    await store.write(keep)
    return made.url
