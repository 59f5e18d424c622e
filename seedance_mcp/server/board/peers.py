"""Which user of this machine a connection to the board, or to the server over HTTP, comes from, where the system tells."""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_MAPPED = bytes(10) + b"\xff\xff"
"""What stands before an IPv4 address on a socket that takes both."""

_LOOKS = 2
"""A table that changes while it is read may leave out a line."""


def is_this_user(peer: tuple[str, int] | None, own: tuple[str, int] | None) -> bool:
    """
    Return whether a connection between these ends is held by a program of the same user, or nobody can tell.

    A connection that Linux does not list, or lists without a program that holds it, is of somebody who has gone already:
    who sends and hangs up at once is not taken for the same user. Other systems tell nothing.
    """
    if peer is None or own is None:
        return False
    if not sys.platform.startswith("linux"):
        return True
    for _ in range(_LOOKS):
        tables = list(_tables())
        if not tables:
            return True
        for lines in tables:
            for user in holders(lines, peer, own):
                return user == os.geteuid()
    return False


def holders(lines: Sequence[str], peer: tuple[str, int], own: tuple[str, int]) -> list[int]:
    """
    Name the users whose programs hold the end `peer` of a connection to `own`, by a table of the kernel's.

    Both ends count: connections of two users to different places may share an address and port. One that no program holds
    any more has no inode, and stands there as the superuser's.
    """
    theirs, ours = _ends(*peer), _ends(*own)
    fields = [line.split() for line in lines[1:]]
    return [
        int(field[7])
        for field in fields
        if len(field) > 9 and field[1] in theirs and field[2] in ours and field[9] != "0"
    ]


def _tables() -> Iterator[list[str]]:
    for table in _TABLES:
        try:
            yield Path(table).read_text(encoding="ascii").splitlines()
        except (OSError, ValueError):
            continue


def _ends(host: str, port: int) -> set[str]:
    packed = ipaddress.ip_address(host).packed
    forms = [packed] if len(packed) == 16 else [packed, _MAPPED + packed]
    return {f"{_words(form)}:{port:04X}" for form in forms}


def _words(address: bytes) -> str:
    """Write an address as the kernel does: in words of four bytes, the last byte of each first."""
    return "".join(address[start : start + 4][::-1].hex().upper() for start in range(0, len(address), 4))
