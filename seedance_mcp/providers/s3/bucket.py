"""A bucket of the user's own, in any S3-compatible store: puts files there and signs addresses that others can read."""

from __future__ import annotations

import hashlib
import hmac
import mimetypes
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import anyio
from anyio.to_thread import run_sync
from pydantic import SecretStr

from ...config import DIRECT, Outbound, extra_command
from ...errors import AuthenticationError, ConfigError, ProviderUnavailable, SeedanceError, UnexpectedResponse
from ...types import MediaFile, Upload
from ..http.addresses import check_url, client, endpoint
from ..http.masking import masked_bytes
from ..http.unreachable import with_advice
from ..http.uploads import raw

if TYPE_CHECKING:
    import httpx2

READ_SECONDS = 24 * 3600
"""How long an address that is given out can be read: longer than tasks wait in a queue."""

_PUT_SECONDS = 900
_UPLOAD_SECONDS = 300.0
_ANSWER_BYTES = 64_000
_CODE = re.compile(r"<Code>([A-Za-z0-9]{1,64})</Code>")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_PREFIX = re.compile(r"[A-Za-z0-9._/-]{0,200}")
_REGION = re.compile(r"[A-Za-z0-9-]{1,64}")


@dataclass(frozen=True, kw_only=True)
class BucketAccess:
    """
    Where the bucket is and what opens it.

    `endpoint` is the base URL of the store, with `{bucket}` where the bucket's name belongs; without that, it
    goes into the path. None: Amazon S3. `prefix` is what the names of all objects begin with.
    """

    bucket: str
    endpoint: str | None
    region: str
    prefix: str
    key_id: SecretStr
    secret_key: SecretStr
    outbound: Outbound = DIRECT


class Bucket:
    """
    Keeps files under names that nobody can guess.

    An object's name is made of its content and the secret key, so the same file is the same object. Every
    address is signed for one object, one method and a limited time; no key ever leaves this machine.
    """

    def __init__(self, access: BucketAccess) -> None:
        """
        Check what the settings say; nothing is connected.

        Raises:
            ConfigError: one of them cannot be used, or the library that signs is not installed.
        """
        if find_spec("botocore") is None:
            raise ConfigError(
                "SEEDANCE_CARRIER is s3, and what signs its addresses is not installed.",
                hint=f"Run `{extra_command('s3')}`, then start the server again.",
            )
        for setting, value, allowed in (
            ("SEEDANCE_S3_BUCKET", access.bucket, _BUCKET),
            ("SEEDANCE_S3_PREFIX", access.prefix, _PREFIX),
            ("SEEDANCE_S3_REGION", access.region, _REGION),
        ):
            if not allowed.fullmatch(value):
                raise ConfigError(f"{setting} holds a character that cannot be used there, or too many.")
        self._access = access
        self._base, self._trusted = _place(access)

    def __repr__(self) -> str:
        return f"Bucket({self._base!r})"

    @property
    def base(self) -> str:
        """The URL that the addresses of all objects begin with."""
        return self._base

    @property
    def public(self) -> bool:
        """Whether others can reach it, as far as the address tells."""
        try:
            check_url(self._base, trusted=frozenset())
        except UnexpectedResponse:
            return False
        return True

    @property
    def account(self) -> str:
        """Return the fingerprint of the bucket and its key: 8 hex digits."""
        whole = f"{self._base}\n{self._access.prefix}\n{self._access.key_id.get_secret_value()}"
        return hashlib.sha256(whole.encode()).hexdigest()[:8]

    async def upload(self, media: MediaFile) -> Upload:
        """
        Put a checked local file into the bucket, once, and give its address without a signature.

        Raises:
            AuthenticationError: the store refuses the key.
            ConfigError: the store does not know the bucket, or wants it under another address.
            ProviderUnavailable: the store cannot be reached or is busy.
        """
        url = self._base + self._name(media)
        body = raw(media)
        signed = await run_sync(self._signed, "PUT", url, _PUT_SECONDS)
        kept_until = time.time() + READ_SECONDS
        with anyio.move_on_after(_UPLOAD_SECONDS):
            await self._put(signed, body.headers, body.chunks())
            return Upload(url=url, expires_at=kept_until)
        raise ProviderUnavailable(f"The bucket did not take the file within {_UPLOAD_SECONDS:.0f} s.")

    async def link(self, url: str) -> str:
        """Sign the address of an object: whoever has it can read that object for `READ_SECONDS`, and nothing else."""
        return await run_sync(self._signed, "GET", url, READ_SECONDS)

    def _name(self, media: MediaFile) -> str:
        key = self._access.secret_key.get_secret_value().encode()
        digest = hmac.new(key, f"object name:{media.sha256}".encode(), hashlib.sha256).hexdigest()
        return (
            f"{self._access.prefix}{digest[:40]}{mimetypes.guess_extension(media.mime_type or '') or '.bin'}"
        )

    def _signed(self, method: str, url: str, seconds: int) -> str:
        # Heavy, optional, and without type stubs.
        auth: Any = import_module("botocore.auth")
        request: Any = import_module("botocore.awsrequest").AWSRequest(method=method, url=url)
        make: Any = import_module("botocore.credentials").Credentials
        access = self._access
        keys = make(access.key_id.get_secret_value(), access.secret_key.get_secret_value())
        auth.S3SigV4QueryAuth(keys, "s3", access.region, expires=seconds).add_auth(request)
        return str(request.url)

    async def _put(self, url: str, headers: dict[str, str], content: AsyncIterator[bytes]) -> None:
        import httpx2

        host = urlsplit(url).hostname
        try:
            check_url(url, trusted=self._trusted)
            async with (
                client(trusted=self._trusted, outbound=self._access.outbound) as http,
                http.stream("PUT", url, headers=headers, content=content) as response,
            ):
                if response.status_code == 200:
                    return
                raise await _refusal(response, self._access)
        except UnexpectedResponse as error:
            raise ConfigError(f"SEEDANCE_S3_ENDPOINT cannot be used: {error.message}") from error
        except (httpx2.TransportError, OSError) as error:
            # Not the error's own words: they may quote the signed address.
            raise ProviderUnavailable(
                f"The bucket at {host} cannot be reached.",
                hint=with_advice(
                    ProviderUnavailable.default_hint,
                    error,
                    self._access.outbound,
                    address="SEEDANCE_S3_ENDPOINT" if self._access.endpoint else None,
                ),
            ) from error


async def _refusal(response: httpx2.Response, access: BucketAccess) -> SeedanceError:
    body = bytearray()
    async for piece in response.aiter_raw():
        body += piece
        if len(body) > _ANSWER_BYTES:
            break
    said = masked_bytes(bytes(body), access.secret_key.get_secret_value()).decode("utf-8", "replace")
    found, bucket = _CODE.search(said), access.bucket
    code, status = found.group(1) if found else None, response.status_code
    words = f"HTTP {status}, {code}" if code else f"HTTP {status}"
    if status in (401, 403):
        return AuthenticationError(
            f"The bucket {bucket} refuses the file ({words}).",
            hint="Check SEEDANCE_S3_ACCESS_KEY_ID, SEEDANCE_S3_SECRET_ACCESS_KEY and SEEDANCE_S3_REGION, and that the key"
            " may put and get objects there. Nothing was bought.",
            provider_code=code,
        )
    if status == 429 or status >= 500:
        return ProviderUnavailable(f"The bucket {bucket} is busy ({words}).", provider_code=code)
    return ConfigError(
        f"The bucket {bucket} does not take the file ({words}).",
        hint="Check SEEDANCE_S3_BUCKET, SEEDANCE_S3_REGION and SEEDANCE_S3_ENDPOINT; some stores want the bucket in the"
        " host name: https://{bucket}.host. Nothing was bought.",
    )


def _place(access: BucketAccess) -> tuple[str, frozenset[str]]:
    if access.endpoint is None:
        return f"https://{access.bucket}.s3.{access.region}.amazonaws.com/", frozenset()
    base = access.endpoint.rstrip("/").replace("{bucket}", access.bucket)
    if "{bucket}" not in access.endpoint:
        base = f"{base}/{access.bucket}"
    try:
        there = endpoint(base)
        # An endpoint that the user wrote may be on this machine or plain http; nothing else may.
        check_url(base, trusted=frozenset({there}))
    except UnexpectedResponse:
        there = ""
    if not there or re.search(r"[?#{}\s]", base):
        raise ConfigError(
            "SEEDANCE_S3_ENDPOINT has to be https://host[:port] and nothing more, with `{bucket}` where the name belongs."
        )
    return f"{base}/", frozenset({there})
