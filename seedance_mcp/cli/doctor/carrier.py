"""Whether a local video can reach the providers that read only from URLs: the carrier, as the check-up sees it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ...config import Settings
from ...errors import ConfigError
from ...jobs import ProviderPool
from ...types import MediaFile
from .findings import Finding

if TYPE_CHECKING:
    from ...catalog import Catalog


async def look_at_carrier(catalog: Catalog, settings: Settings) -> Finding:
    """Report what is set, what is missing, and whom it is for; nothing is connected."""
    finding = partial(Finding, area="settings", subject="carrier")
    film = MediaFile(kind="video", path=settings.output_dir / "video.mp4")
    names = [info.name for info in catalog.providers.values() if not info.reads(film)]
    if settings.carrier is None:
        return finding(
            verdict="off",
            text=f"none: a local video cannot go to {', '.join(names)}, which read videos from URLs only",
            hint="SEEDANCE_CARRIER can name a provider that takes uploads, or s3.",
        )
    pool = ProviderPool(lambda: catalog, settings)
    try:
        carrier = pool.carrier()
    except ConfigError as error:
        return finding(verdict="warning", text=error.message, hint=error.hint)
    finally:
        await pool.close()
    if not carrier.public:
        return finding(
            verdict="warning",
            text=f"local videos for {', '.join(names)} go by way of {carrier.title}, which is not a public https address",
            hint="Providers have to reach it: SEEDANCE_S3_ENDPOINT has to be one that they can open.",
        )
    return finding(
        verdict="ok", text=f"local videos for {', '.join(names)} go by way of {carrier.title}; its key is set"
    )
