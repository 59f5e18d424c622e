"""Where metrics are given out: an address of this machine and a port."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

DEFAULT_HOST = "127.0.0.1"
_MOST_PORT = 65535


@dataclass(frozen=True, kw_only=True)
class MetricsPlace:
    """An address to listen on; port 0 is any that is free."""

    port: int
    host: str = DEFAULT_HOST

    @classmethod
    def read(cls, text: str) -> MetricsPlace:
        """Read `PORT` or `ADDRESS:PORT`, `[ADDRESS]:PORT` for IPv6. Raises ValueError: it is neither."""
        host, _, port = text.rpartition(":")
        number = int(port)
        if not port.isascii() or not port.isdigit() or number > _MOST_PORT:
            raise ValueError(text)
        host = host.removeprefix("[").removesuffix("]")
        if host:
            ipaddress.ip_address(host)
        elif text != port:
            raise ValueError(text)
        return cls(port=number, host=host or DEFAULT_HOST)

    @property
    def is_private(self) -> bool:
        """True if programs of this machine alone reach it."""
        return ipaddress.ip_address(self.host).is_loopback

    def url(self, port: int) -> str:
        """Write its address, with the port that it got."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{port}/metrics"
