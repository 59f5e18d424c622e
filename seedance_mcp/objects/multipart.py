"""A large file in parts: which bytes each has, and the few words of XML that a store and we say about them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from .failures import ObjectStoreError

_MOST_PARTS = 10_000
_UPLOAD_ID = re.compile(rb"<UploadId>([A-Za-z0-9._~+/=-]{1,1024})</UploadId>")


@dataclass(frozen=True, kw_only=True)
class Part:
    """The part with this number, from 1 on: so many bytes from there."""

    number: int
    start: int
    size: int

    def read(self, path: Path) -> bytes:
        """Read it from the file; fewer bytes if the file is shorter now."""
        with path.open("rb") as file:
            file.seek(self.start)
            return file.read(self.size)


def parts_of(size: int, part: int) -> Iterator[Part]:
    """Divide a file; its parts are larger than `part` where there would be more than S3 takes."""
    part = max(part, -(-size // _MOST_PARTS))
    for number, start in enumerate(range(0, size, part), start=1):
        yield Part(number=number, start=start, size=min(part, size - start))


def upload_id(answer: bytes) -> str:
    """
    Read by what name the store wants to be told of the parts.

    Raises:
        ObjectStoreError: it does not say.
    """
    # Not by a parser of XML: it is somebody else's text, and one word of it is wanted.
    found = _UPLOAD_ID.search(answer)
    if found is None:
        raise ObjectStoreError("The object store does not say how it names the upload.")
    return found[1].decode()


def completion(etags: Sequence[str]) -> bytes:
    """Write the list of all parts, which makes one object of them."""
    parts = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(etag)}</ETag></Part>"
        for number, etag in enumerate(etags, start=1)
    )
    return (
        f'<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{parts}</CompleteMultipartUpload>'
    ).encode()
