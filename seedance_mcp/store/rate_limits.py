"""
When an account may call a provider next, by kind of call: two moments in a small file that all processes share.

Not in the database, where each call would be a transaction that waits for the disk. What a crash loses here is economy.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from .accounts import short_digest
from .machine.process_locks import FileLock

_FORM = struct.Struct("<dd")


@dataclass(frozen=True, kw_only=True)
class RateKey:
    """What is limited together: one kind of call of one account at one provider."""

    provider: str
    account: str
    kind: str


class NextCall(NamedTuple):
    """When the next call may come, and until when none may, in seconds since the epoch; 0: at once."""

    at: float = 0.0
    held_until: float = 0.0


class RateFiles:
    """The files of all keys, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def change(self, key: RateKey, decide: Callable[[NextCall], NextCall]) -> bool:
        """
        Replace both moments by what `decide` makes of them, alone among all processes; False if another is at it now.

        Raises:
            OSError: the file cannot be used.
        """
        with contextlib.closing(self._open(key)) as file:
            if not file.try_take():
                return False
            written = file.read(_FORM.size)
            before = NextCall(*_FORM.unpack(written)) if len(written) == _FORM.size else NextCall()
            after = decide(before)
            if after != before:
                file.write(_FORM.pack(*after))
            return True

    def _open(self, key: RateKey) -> FileLock:
        path = self._folder / short_digest(f"{key.provider} {key.account} {key.kind}")
        try:
            return FileLock(path)
        except FileNotFoundError:
            self._folder.mkdir(
                mode=0o700, exist_ok=True
            )  # and none above it: a state folder that is gone stays gone
            return FileLock(path)
