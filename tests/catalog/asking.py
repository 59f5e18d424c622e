"""Shorthand of the catalogue tests: requests, files and the problems they meet."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from seedance_mcp.catalog import Catalog, Estimate, Offer, estimate, resolve
from seedance_mcp.errors import InvalidRequest
from seedance_mcp.types import MediaFile, MediaKind, VideoRequest

CNY_PER_USD = Decimal("7.0")
MEBIBYTE = 1024 * 1024


def ask(**fields: Any) -> VideoRequest:
    """A request with a prompt, unless it says otherwise."""
    return VideoRequest(**{"prompt": "a cat yawns at a mirror", **fields})


def file(kind: MediaKind = "image", **facts: Any) -> MediaFile:
    """A local file that every model takes which takes its kind at all, changed by `facts`."""
    fitting: dict[MediaKind, dict[str, Any]] = {
        "image": {"mime_type": "image/png", "width": 1280, "height": 720},
        "video": {
            "mime_type": "video/mp4",
            "width": 1280,
            "height": 720,
            "duration_seconds": 5.0,
            "fps": 24.0,
            "video_codec": "h264",
            "audio_codec": "aac",
        },
        "audio": {"mime_type": "audio/mpeg", "duration_seconds": 5.0, "audio_codec": "mp3"},
    }
    return MediaFile(**{"kind": kind, "path": Path(f"/m/a.{kind}"), "bytes": 1000, **fitting[kind], **facts})


def link(kind: MediaKind) -> MediaFile:
    """An https URL that nobody has looked at."""
    return MediaFile(kind=kind, url=f"https://h/{kind}")


def problems(request: VideoRequest, offer: Offer, media: dict[str, MediaFile] | None = None) -> list[str]:
    """Everything that stands in the way of a request; it has to be refused."""
    with pytest.raises(InvalidRequest) as refused:
        resolve(request, offer, media or {})
    assert refused.value.code == "invalid_request"
    return list(refused.value.problems)


def priced(
    catalog: Catalog, name: str, request: VideoRequest, media: dict[str, MediaFile] | None = None
) -> Estimate:
    """The estimate of a request at `provider/model`, which has to have a price."""
    found = price_or_none(catalog, name, request, media)
    assert found is not None
    return found


def price_or_none(
    catalog: Catalog, name: str, request: VideoRequest, media: dict[str, MediaFile] | None = None
) -> Estimate | None:
    """The estimate of a request at `provider/model`; None if nobody published a price. Retired offers as well."""
    provider, _, model = name.partition("/")
    offer = catalog.offer(provider, model, retired=True)
    resolved = resolve(request, offer, media or {})
    return estimate(resolved, offer, media or {}, cny_per_usd=CNY_PER_USD)
