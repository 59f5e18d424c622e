"""A checked file to something the provider can read, once per content and provider."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..config import Settings
from ..errors import MediaError
from ..media import read_media
from ..providers import Provider
from ..types import MediaFile, Upload, VideoRequest
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
) -> VideoRequest:
    """
    Give the request with every media field replaced by something that the provider can read.

    Raises:
        MediaError: this provider has no way to take one of the files.
        ProviderError: an upload failed.
    """
    urls = {
        source: await _readable(
            file, provider=provider, info=info, account=account, store=store, settings=settings
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
    *,
    provider: Provider,
    info: ProviderInfo,
    account: str,
    store: Store,
    settings: Settings,
) -> str:
    if file.url is not None:
        return file.url
    if file.path is None:
        raise MediaError("A media file has neither a path nor a URL.")
    if "path" in info.media_in:
        return str(file.path)
    if "upload" in info.media_in:
        return await _uploaded(file, provider=provider, info=info, account=account, store=store)
    if "data" in info.media_in and file.kind != "video":
        return await _data_url(file, settings)
    raise MediaError(
        f"{info.title} reads a {file.kind} only from a public https URL, and {file.path.name} is a local file.",
        hint="Put it where anyone can open it by https and pass that URL, or use a provider that takes uploads.",
    )


async def _data_url(file: MediaFile, settings: Settings) -> str:
    # Read under the same guard as when it was checked, and only if it is still the same file.
    content = await read_media(
        file, allowed=(settings.output_dir, *settings.media_dirs), forbidden=(settings.state_dir,)
    )
    return f"data:{file.mime_type};base64,{base64.b64encode(content).decode()}"


async def _uploaded(
    file: MediaFile, *, provider: Provider, info: ProviderInfo, account: str, store: Store
) -> str:
    key = (info.name, account, file.sha256)

    def known(connection: Connection) -> str | None:
        row = connection.execute(
            "SELECT url FROM uploads WHERE provider = ? AND account = ? AND sha256 = ?"
            " AND (expires_at IS NULL OR expires_at > ?)",
            (*key, store.clock() + _MARGIN_SECONDS),
        ).fetchone()
        return None if row is None else row[0]

    found = await store.read(known)
    if found is not None:
        return found
    upload: Upload = await provider.upload(file)

    def keep(connection: Connection) -> None:
        connection.execute(
            "INSERT OR REPLACE INTO uploads (provider, account, sha256, url, expires_at) VALUES (?, ?, ?, ?, ?)",
            (*key, upload.url, upload.expires_at),
        )

    await store.write(keep)
    return upload.url
