"""The mark in a sheet that says whose it is, so that one that nobody has changed may be replaced."""

from __future__ import annotations

import hashlib

_COMMENT = b"seedance-mcp contact sheet, sha256 of the rest: "
_HEADER = b"\xff\xfe" + (2 + len(_COMMENT) + 64).to_bytes(2) + _COMMENT
MARK_BYTES = len(_HEADER) + 64
"""How many bytes `mark` adds."""


def mark(jpeg: bytes) -> bytes:
    """Put a comment into a sheet that says whose it is and, as a hash, that nobody has changed it since."""
    # A JPEG begins with its start (2 bytes) and the segment JFIF (2 bytes, then a length that counts itself).
    place = 4 + int.from_bytes(jpeg[4:6]) if jpeg[2:4] == b"\xff\xe0" else 2
    digest = hashlib.sha256(jpeg).hexdigest().encode()
    return jpeg[:place] + _HEADER + digest + jpeg[place:]


def is_marked(content: bytes) -> bool:
    """Return whether this is a sheet of ours, unchanged."""
    before, _, after = content.partition(_HEADER)
    return hashlib.sha256(before + after[64:]).hexdigest().encode() == after[:64]
