"""Where the object store is and what opens it, read from the settings."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from ..config import DIRECT, Outbound, Settings
from ..errors import ConfigError, UnexpectedResponse
from ..providers import addresses
from .signing import Keys

_STORE = re.compile(
    r"s3://(?P<bucket>[A-Za-z0-9][A-Za-z0-9._-]{1,254})(?:/(?P<prefix>[A-Za-z0-9._/-]{0,200}))?"
)
_REGION = re.compile(r"[A-Za-z0-9-]{1,64}")
_KEY_ID = re.compile(r"[!-+\--~]{1,128}")
_MOST_KEY_FILE_BYTES = 4_096
_DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, kw_only=True)
class StoreAccess:
    """
    A bucket and how it is reached.

    `base` is the URL that the addresses of all objects begin with, `public_base` the same for others, `prefix` what their
    names begin with: empty, or with a slash at its end. `trusted` are hosts with ports where plain http and private addresses
    are allowed: that of an endpoint which the user wrote.
    """

    base: str
    public_base: str
    prefix: str
    region: str
    keys: Callable[[], Keys]
    trusted: frozenset[str] = frozenset()
    outbound: Outbound = DIRECT


def access_of(settings: Settings) -> StoreAccess | None:
    """
    Read the settings of the object store; None if there is none. Nothing is connected.

    Raises:
        ConfigError: one of them cannot be used, or there is no key.
    """
    if settings.object_store is None:
        return None
    named = _STORE.fullmatch(settings.object_store)
    if named is None:
        raise ConfigError("SEEDANCE_OBJECT_STORE has to be s3://bucket or s3://bucket/prefix.")
    if not _REGION.fullmatch(settings.s3_region):
        raise ConfigError("SEEDANCE_S3_REGION holds a character that cannot be used there, or too many.")
    keys = keys_of(settings)
    keys()
    bucket, endpoint, public = named["bucket"], settings.s3_endpoint, settings.s3_public_endpoint
    base, trusted = (
        _place(bucket, endpoint, "SEEDANCE_S3_ENDPOINT")
        if endpoint
        else (_amazon(bucket, settings), frozenset[str]())
    )
    prefix = (named["prefix"] or "").strip("/")
    return StoreAccess(
        base=base,
        public_base=_place(bucket, public, "SEEDANCE_S3_PUBLIC_ENDPOINT")[0] if public else base,
        prefix=f"{prefix}/" if prefix else "",
        region=settings.s3_region,
        keys=keys,
        trusted=trusted,
        outbound=settings.outbound,
    )


def keys_of(settings: Settings) -> Callable[[], Keys]:
    """
    Return what tells the key of the store as it is now: from a file, which is read at each use, or from two settings.

    It raises ConfigError if there is none, or it cannot be read.
    """
    if settings.s3_key_file is not None:
        file = settings.s3_key_file
        return lambda: _from_file(file)
    key_id, secret = settings.s3_access_key_id, settings.s3_secret_access_key
    if key_id is None or secret is None:
        missing = "SEEDANCE_S3_ACCESS_KEY_ID" if key_id is None else "SEEDANCE_S3_SECRET_ACCESS_KEY"
        raise ConfigError(
            f"{missing} is not set, and there is no SEEDANCE_S3_KEY_FILE; without a key the bucket takes nothing."
        )
    keys = Keys(key_id=key_id, secret=secret)
    return lambda: keys


def _from_file(file: Path) -> Keys:
    try:
        with file.open("rb") as opened:
            lines = opened.read(_MOST_KEY_FILE_BYTES).decode("utf-8-sig").split()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not written in UTF-8"
        raise ConfigError(f"SEEDANCE_S3_KEY_FILE cannot be read: {reason}.") from None
    if len(lines) != 2 or not all(_KEY_ID.fullmatch(line) for line in lines):
        raise ConfigError("SEEDANCE_S3_KEY_FILE has to have two lines: the key's id, and its secret half.")
    return Keys(key_id=SecretStr(lines[0]), secret=SecretStr(lines[1]))


def _amazon(bucket: str, settings: Settings) -> str:
    return f"https://{bucket}.s3.{settings.s3_region}.amazonaws.com/"


def _place(bucket: str, endpoint: str, setting: str) -> tuple[str, frozenset[str]]:
    base = endpoint.rstrip("/").replace("{bucket}", bucket)
    if "{bucket}" not in endpoint:
        base = f"{base}/{bucket}"
    try:
        there = addresses.endpoint(base)
        addresses.check_url(base, trusted=frozenset({there}))
    except UnexpectedResponse:
        there = ""
    if not there or re.search(r"[?#{}%\s]", base):
        raise ConfigError(
            f"{setting} has to be https://host[:port] and nothing more, with `{{bucket}}` where the name belongs."
        )
    return f"{_as_it_is_sent(base)}/", frozenset({there})


def _as_it_is_sent(base: str) -> str:
    """Write host and port as the header `Host` will have them: they are signed."""
    parts = urlsplit(base)
    host = parts.netloc.lower()
    if parts.port == _DEFAULT_PORTS[parts.scheme]:
        host = host.rpartition(":")[0]
    return f"{parts.scheme}://{host}{parts.path}"
