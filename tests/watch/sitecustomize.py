"""
Stops and notes every connection and name lookup that would leave this machine.

The test run puts this folder on PYTHONPATH, so that Python imports it at the start of every process of the run. It
is imported before everything else: only the bare necessities, and the hook does next to nothing for other events.
"""

from __future__ import annotations

import os
import sys

LOG = "CONNECTIONS_LOG"
"""The variable that names the file in which attempts are noted, one a line."""

_FOLDER = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  pathlib takes longer than all of this
_CONNECTING = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_ASKING = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})


class LeftLoopback(ConnectionError):
    """A test tried to reach something outside this machine."""


def is_local(host: object) -> bool:
    """Tell whether a host of a socket address is this machine; not a string: no address of the internet."""
    if isinstance(host, bytes | bytearray):
        host = bytes(host).decode("ascii", "replace")
    if not isinstance(host, str):
        return True
    return host in ("", "localhost", "::1") or _is_loopback(host)


def _is_loopback(host: str) -> bool:
    import ipaddress

    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _is_number(host: object) -> bool:
    """Tell whether looking this host up asks nobody, because it is an address in some spelling."""
    import ipaddress
    import socket

    if isinstance(host, bytes | bytearray):
        host = bytes(host).decode("ascii", "replace")
    try:
        ipaddress.ip_address(str(host).partition("%")[0])
    except ValueError:
        try:
            socket.inet_aton(str(host))
        except (OSError, UnicodeError):
            return False
    return True


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if event == "subprocess.Popen":
        _hand_on(arguments[3])
    elif event in _CONNECTING:
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) and address else None
        if not is_local(host):
            _stop(event, host)
    elif event in _ASKING:
        host = arguments[0]
        if not is_local(host) and not _is_number(host):
            _stop(event, host)


def _hand_on(environment: object) -> None:
    """Let a child be watched too when its environment is not ours."""
    if not isinstance(environment, dict) or not (log := os.environ.get(LOG)):
        return
    environment[LOG] = log
    places = str(environment.get("PYTHONPATH") or "").split(os.pathsep)
    if _FOLDER not in places:
        environment["PYTHONPATH"] = os.pathsep.join(place for place in (*places, _FOLDER) if place)


def _stop(event: str, host: object) -> None:
    if log := os.environ.get(LOG):
        told = (
            f"{event} {host!r} by {' '.join(sys.argv)[:200]!r} in {os.environ.get('PYTEST_CURRENT_TEST')}\n"
        )
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(descriptor, told.encode(errors="replace"))
        os.close(descriptor)
    raise LeftLoopback(f"{host!r} is not this machine")


def install() -> None:
    """Watch this process until it ends; once is enough."""
    if not getattr(sys, "_connections_watched", False):
        sys._connections_watched = True  # type: ignore[attr-defined]
        sys.addaudithook(_watch)


if os.environ.get(LOG):
    install()
