"""Which user of this machine a connection to the board comes from, where the system tells."""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Sequence
from pathlib import Path

_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_MAPPED = bytes(10) + b"\xff\xff"
"""What stands before an IPv4 address on a socket that takes both."""


def is_another_user(host: str, port: int) -> bool:
    """
    Return whether the program at this end of a connection certainly runs for another user of this machine.

    Linux lists the owner of every connection. Elsewhere, and where the connection is not listed, nothing is certain.
    """
    if not sys.platform.startswith("linux"):
        return False
    for table in _TABLES:
        try:
            lines = Path(table).read_text(encoding="ascii").splitlines()
        except (OSError, ValueError):
            continue
        for owner in owners(lines, host, port):
            return owner != os.geteuid()
    return False


def owners(lines: Sequence[str], host: str, port: int) -> list[int]:
    """Name the users that own a connection whose own end is this address and port, by a table of the kernel's."""
    packed = ipaddress.ip_address(host).packed
    forms = [packed] if len(packed) == 16 else [packed, _MAPPED + packed]
    ends = {f"{_words(form)}:{port:04X}" for form in forms}
    fields = [line.split() for line in lines[1:]]
    return [int(field[7]) for field in fields if len(field) > 7 and field[1] in ends]


def _words(address: bytes) -> str:
    """Write an address as the kernel does: in words of four bytes, the last byte of each first."""
    return "".join(address[start : start + 4][::-1].hex().upper() for start in range(0, len(address), 4))
