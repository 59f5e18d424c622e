"""Signature Version 4 of requests to an S3-compatible store: in a header for calls of ours, in the address for others'."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from pydantic import SecretStr

EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
"""Of a request without a body."""

_ALGORITHM = "AWS4-HMAC-SHA256"
_UNSIGNED = "UNSIGNED-PAYLOAD"


@dataclass(frozen=True, kw_only=True)
class Keys:
    """The two halves of a key of the store."""

    key_id: SecretStr
    secret: SecretStr


class Signer:
    """
    Signs for one region.

    `keys` is asked at each signature, so that a key can be changed while the server runs. A URL has its path encoded and
    no query; what belongs into the query is given apart, as it is meant.
    """

    def __init__(
        self, keys: Callable[[], Keys], region: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._keys = keys
        self._region = region
        self._clock = clock

    def headers(
        self, method: str, url: str, *, query: Mapping[str, str], headers: Mapping[str, str], sha256: str
    ) -> dict[str, str]:
        """
        Return the headers of a call with this body: those given, all signed, and the signature.

        The store refuses a body that has another hash.
        """
        keys, at, day = self._keys(), *self._now()
        signed = {**headers, "x-amz-content-sha256": sha256, "x-amz-date": at}
        names, signature = self._signature(keys, method, url, query, signed, sha256, at)
        credential = f"{keys.key_id.get_secret_value()}/{self._scope(day)}"
        words = f"{_ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
        return {**signed, "Authorization": words}

    def address(
        self,
        method: str,
        url: str,
        *,
        seconds: int,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Return an address that opens this one object, by this one method, with exactly these headers, for so long."""
        keys, at, day = self._keys(), *self._now()
        names = ";".join(sorted({"host", *(name.lower() for name in headers or {})}))
        whole = {
            **(query or {}),
            "X-Amz-Algorithm": _ALGORITHM,
            "X-Amz-Credential": f"{keys.key_id.get_secret_value()}/{self._scope(day)}",
            "X-Amz-Date": at,
            "X-Amz-Expires": str(seconds),
            "X-Amz-SignedHeaders": names,
        }
        _, signature = self._signature(keys, method, url, whole, headers or {}, _UNSIGNED, at)
        return f"{url}?{query_text(whole)}&X-Amz-Signature={signature}"

    def _now(self) -> tuple[str, str]:
        at = datetime.fromtimestamp(self._clock(), UTC).strftime("%Y%m%dT%H%M%SZ")
        return at, at[:8]

    def _scope(self, day: str) -> str:
        return f"{day}/{self._region}/s3/aws4_request"

    def _signature(  # noqa: PLR0913  the parts of what is signed
        self,
        keys: Keys,
        method: str,
        url: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        sha256: str,
        at: str,
    ) -> tuple[str, str]:
        """Return the names of the signed headers, and the signature."""
        parts = urlsplit(url)
        lines = {"host": parts.netloc, **{name.lower(): " ".join(headers[name].split()) for name in headers}}
        names = ";".join(sorted(lines))
        signed = "".join(f"{name}:{lines[name]}\n" for name in sorted(lines))
        request = "\n".join((method, parts.path or "/", query_text(query), signed, names, sha256))
        scope = self._scope(at[:8])
        text = "\n".join((_ALGORITHM, at, scope, hashlib.sha256(request.encode()).hexdigest()))
        key = f"AWS4{keys.secret.get_secret_value()}".encode()
        for part in scope.split("/"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return names, hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def query_text(query: Mapping[str, str]) -> str:
    """Write a query as it is signed, which is also how it is sent: sorted, all but letters, digits and `-_.~` encoded."""
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query.items())
    return "&".join(f"{name}={value}" for name, value in pairs)
