"""How a local file reaches a provider that reads only from URLs: by another one's uploads, a bucket, or a job's own link."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ...config import Settings
from ...errors import ConfigError, UnexpectedResponse
from ...providers import Bucket, BucketAccess, Provider, addresses
from ...texts import listed
from ...types import Job, MediaFile, Upload

if TYPE_CHECKING:
    from ...catalog import Catalog, ProviderInfo

BUCKET = "s3"
"""What SEEDANCE_CARRIER says for a bucket of one's own; no provider has this name."""

LINK_MARGIN_SECONDS = 1800.0
"""A link that ends sooner than this is not handed on: the task may wait in a queue before it fetches the file."""


@dataclass(frozen=True, kw_only=True)
class Carrier:
    """
    A place for files that anyone can read who has the link.

    `upload` gives the address that is remembered, `link` the one to hand on: the former need not open anything.
    `public`: by its address others can reach it.
    """

    name: str
    title: str
    account: str
    upload: Callable[[MediaFile], Awaitable[Upload]]
    link: Callable[[str], Awaitable[str]]
    public: bool = True


def open_carrier(
    settings: Settings,
    catalog: Catalog,
    *,
    open_provider: Callable[[ProviderInfo], Provider],
    account: Callable[[ProviderInfo], str],
) -> Carrier:
    """
    Return the carrier that the settings name; nothing is connected.

    Raises:
        ConfigError: none is named, it cannot carry, or something that it needs is not set.
    """
    name = settings.carrier
    if name == BUCKET:
        return _bucket(settings)
    able = [info.name for info in catalog.providers.values() if info.public_uploads]
    choices = f"It can be {', '.join(able)} or {BUCKET}."
    if name is None:
        raise ConfigError("SEEDANCE_CARRIER is not set.", hint=choices)
    info = catalog.providers.get(name)
    if info is None:
        raise ConfigError(f"SEEDANCE_CARRIER names {name!r}, which is no provider.", hint=choices)
    if not info.public_uploads:
        why = "can be read only with its key" if "upload" in info.supports else "do not exist"
        raise ConfigError(
            f"SEEDANCE_CARRIER names {name}, whose uploads {why}, so nobody else could read the file.",
            hint=choices,
        )
    try:
        provider = open_provider(info)
    except ConfigError as error:
        raise ConfigError(f"SEEDANCE_CARRIER names {name}. {error.message}", hint=error.hint) from error
    return Carrier(name=name, title=info.title, account=account(info), upload=provider.upload, link=_as_it_is)


async def _as_it_is(url: str) -> str:
    return url


def _bucket(settings: Settings) -> Carrier:
    name, key_id, secret = settings.s3_bucket, settings.s3_access_key_id, settings.s3_secret_access_key
    if settings.s3_key_file is not None:
        from ...objects import keys_of

        keys = keys_of(settings)()
        key_id, secret = keys.key_id, keys.secret
    if name is None or key_id is None or secret is None:
        needed = {"BUCKET": name, "ACCESS_KEY_ID": key_id, "SECRET_ACCESS_KEY": secret}
        missing = [f"SEEDANCE_S3_{word}" for word, value in needed.items() if value is None]
        have = "has" if len(missing) == 1 else "have"
        raise ConfigError(f"SEEDANCE_CARRIER is {BUCKET}, and {listed(missing)} {have} no value.")
    bucket = Bucket(
        BucketAccess(
            bucket=name,
            endpoint=settings.s3_endpoint,
            region=settings.s3_region,
            prefix=settings.s3_prefix,
            key_id=key_id,
            secret_key=secret,
            outbound=settings.outbound,
        )
    )
    return Carrier(
        name=BUCKET,
        title=f"the bucket {name}",
        account=bucket.account,
        upload=bucket.upload,
        link=bucket.link,
        public=bucket.public,
    )


def way(
    file: MediaFile, info: ProviderInfo, settings: Settings, carrier: Callable[[], Carrier]
) -> str | None:
    """
    Describe how a local file gets to a provider that cannot take it; None where it can.

    Raises:
        ConfigError: a carrier is named for that, and it cannot be used.
    """
    if file.path is None or info.media_in & {"path", "upload"} or info.embeds(file):
        return None
    if file.job_id is not None:
        return f"{info.title} is given the link to {file.job_id}'s video, not the file."
    if settings.carrier is None:
        return None
    return (
        f"{file.path.name} goes by way of {carrier().title}, because {info.title} reads it only from a URL."
    )


def link_of(job: Job, *, settings: Settings, now: float, age: float) -> str | None:
    """
    Return the provider's link to a job's video if anyone can open it for another half hour, else None.

    `age` is for how many seconds the video has certainly been finished. It is signed: only the provider of another
    job may see it, as media.
    """
    url, ends, made = job.video_url, job.url_expires_at, job.remote_done_at
    if url is None or ends is None or ends < now + LINK_MARGIN_SECONDS:
        return None
    if made is not None and (made > now or ends - made < age + LINK_MARGIN_SECONDS):
        return None  # the clock was ahead when it was finished, and has been set right
    base = settings.base_url(job.provider)
    own_host = base is not None and urlsplit(base).hostname == urlsplit(url).hostname
    try:
        # What the user put in the provider's place may answer with addresses on this machine.
        addresses.check_url(url, trusted=frozenset({addresses.endpoint(url)}) if own_host else frozenset())
    except UnexpectedResponse:
        return None
    return url
