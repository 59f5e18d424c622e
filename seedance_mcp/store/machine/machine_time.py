"""How long the machine has been running, asleep or awake, and which of its starts that is counted from."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def running() -> float:
    """
    Count the seconds since the machine was started, its sleep included.

    `time.monotonic` leaves sleep out on Linux and macOS. On Windows it counts it.
    """
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if sys.platform == "darwin":
        return time.clock_gettime(time.CLOCK_MONOTONIC)
    return time.monotonic()


def start() -> str | None:
    """Name this start of the machine, like no other start of any machine; None where the system does not tell."""
    with contextlib.suppress(OSError, AttributeError, ValueError):
        if sys.platform == "linux":
            return _BOOT_ID.read_text(encoding="ascii").strip() or None
        if sys.platform == "darwin":
            return _boot_session()
    return None


def _boot_session() -> str | None:
    """Ask macOS for `kern.bootsessionuuid`."""
    import ctypes

    found, size = ctypes.create_string_buffer(64), ctypes.c_size_t(64)
    asked = ctypes.CDLL(None).sysctlbyname(b"kern.bootsessionuuid", found, ctypes.byref(size), None, 0)
    return found.value.decode("ascii") or None if asked == 0 else None
