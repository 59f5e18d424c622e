"""What an object store refuses, in words without a key, a signature or an address."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from ..errors import SeedanceError

if TYPE_CHECKING:
    import httpx2

MOST_ANSWER_BYTES = 64_000
_CODE = re.compile(rb"<Code>([A-Za-z0-9]{1,64})</Code>")

_HINTS = {
    "InvalidAccessKeyId": "Check the key in SEEDANCE_S3_ACCESS_KEY_ID or SEEDANCE_S3_KEY_FILE.",
    "SignatureDoesNotMatch": "Check the secret half of the key, and SEEDANCE_S3_REGION.",
    "RequestTimeTooSkewed": "Set the clock of this machine.",
    "NoSuchBucket": "Check the bucket in SEEDANCE_OBJECT_STORE, and SEEDANCE_S3_ENDPOINT.",
    "PermanentRedirect": "Check SEEDANCE_S3_REGION and SEEDANCE_S3_ENDPOINT.",
    "AuthorizationHeaderMalformed": "Check SEEDANCE_S3_REGION.",
    "AccessDenied": "The key has to be allowed to put, get and delete objects there.",
}


class ObjectStoreError(SeedanceError):
    """
    The object store could not be used; nothing on this machine was lost.

    `status` and `reason` are the store's own, where it answered: an HTTP status and one of S3's error codes.
    """

    code = "object_store"
    retryable: ClassVar[bool] = True

    def __init__(
        self, message: str, *, hint: str | None = None, status: int | None = None, reason: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.reason = reason


async def bounded(response: httpx2.Response) -> bytes:
    """Return the beginning of an answer: no more than any answer of a store without a file has."""
    body = bytearray()
    async for piece in response.aiter_raw():
        body += piece
        if len(body) > MOST_ANSWER_BYTES:
            break
    return bytes(body[:MOST_ANSWER_BYTES])


def refusal(status: int, body: bytes) -> ObjectStoreError:
    """Say why the store did not do it: its status and its code, nothing else that it wrote."""
    found = _CODE.search(body)
    reason = found[1].decode() if found else None
    words = f"HTTP {status}, {reason}" if reason else f"HTTP {status}"
    busy = status == 429 or status >= 500
    said = "is busy" if busy and status != 501 else "refuses"
    return ObjectStoreError(
        f"The object store {said} ({words}).",
        hint=_HINTS.get(reason or "", ""),
        status=status,
        reason=reason,
    )
