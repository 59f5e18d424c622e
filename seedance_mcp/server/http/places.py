"""Where the server listens, under which names it may be asked for, and whether only this machine reaches it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.datastructures import Headers

from ...errors import ConfigError
from .refusals import Refused

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:[0-9]{1,5})?")


@dataclass(frozen=True, kw_only=True)
class Place:
    """An address to listen on. `public` are the names, with a port where they have one, that others reach it by."""

    host: str
    port: int
    public: tuple[str, ...] = ()

    @classmethod
    def named(cls, host: str, port: int, public: Sequence[str] = ()) -> Place:
        """
        Check what a person has typed.

        Raises:
            ConfigError: it is no address, or a name cannot be one.
        """
        host = "127.0.0.1" if host.casefold() == "localhost" else host.strip("[]")
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            raise ConfigError(
                f"{host[:100]!r} is no address of a machine.",
                hint="Give --host a number such as 127.0.0.1, and the name that others use as --public-host.",
            ) from None
        names = tuple(name.casefold() for name in public)
        for name in names:
            if not _NAME.fullmatch(name):
                raise ConfigError(
                    f"{name[:100]!r} is no name of a host.",
                    hint="Write it without https://, as videos.example.com or videos.example.com:8443.",
                )
        place = cls(host=str(address), port=port, public=names)
        if address.is_unspecified and not names:
            raise ConfigError(
                f"{host} stands for every address of this machine, and under which name others come is not known.",
                hint="Say it with --public-host, such as --public-host videos.example.com.",
            )
        return place

    @property
    def is_private(self) -> bool:
        """True if only programs on this machine reach it: no other address, and no proxy that has a name."""
        return ipaddress.ip_address(self.host).is_loopback and not self.public

    def own_names(self, port: int) -> frozenset[str]:
        """What a `Host` may say where the server listens on this port."""
        number = f"[{self.host}]" if ":" in self.host else self.host
        names = (number, *_LOOPBACK) if self._is_loopback else (number,)
        ports = (f":{port}", "") if port == _UNSAID_PORT else (f":{port}",)
        return frozenset({*(name + end for name in names for end in ports), *self.public})

    def own_origins(self, port: int) -> frozenset[str]:
        """What an `Origin` may say."""
        local = {f"http://{name}" for name in self.own_names(port) - set(self.public)}
        return frozenset(local | {f"https://{name}" for name in self.public})

    def url(self, port: int) -> str:
        """Where clients on this machine, or by the first public name, find the server."""
        if self.public:
            return f"https://{self.public[0]}/mcp"
        return f"http://{self.listens_at(port)}/mcp"

    def listens_at(self, port: int) -> str:
        """The number of the address and the port, as the settings of a proxy say where it hands requests on to."""
        number = f"[{self.host}]" if ":" in self.host else self.host
        return f"{number}:{port}"

    @property
    def _is_loopback(self) -> bool:
        return ipaddress.ip_address(self.host).is_loopback


_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_UNSAID_PORT = 80
"""The port of HTTP, which a client leaves away."""


_OF_PROXIES = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "cf-connecting-ip", "via")
"""What proxies and tunnels add: one that runs for the same user would make everybody who comes through it that user."""


class Doorplate:
    """
    Refuses what was not meant for this server.

    A name that leads here without being ours (DNS rebinding) has another `Host`; a page in a browser, another `Origin` or
    `Sec-Fetch-Site`.
    """

    def __init__(self, place: Place, port: int) -> None:
        self._hosts, self._origins = place.own_names(port), place.own_origins(port)
        self._private = place.is_private

    def check(self, headers: Headers, *, linked: bool = False) -> None:
        """Raise Refused for a request to another host, or of another page; where `linked` is true, a link may lead here."""
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            raise Refused(
                421,
                "This server is not asked for under its own name (Host). The person who runs it names the others under which"
                " it is reached with --public-host NAME.",
            )
        origins = headers.getlist("origin")
        if any(origin not in self._origins for origin in origins):
            raise Refused(403, "Pages of other sites may not call this server (Origin).")
        if not linked and headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            raise Refused(403, "Pages of other sites may not call this server (Sec-Fetch-Site).")
        if self._private and any(name in headers for name in _OF_PROXIES):
            raise Refused(
                403,
                "The request came through a proxy or tunnel, and this server serves its machine alone. The person who runs"
                " it can start it with --public-host NAME.",
            )
