"""How this machine reaches others: whose certificates count, which proxy is between, what may be plain http."""

from __future__ import annotations

from dataclasses import dataclass

from .proxies import Proxies, system_proxies


@dataclass(frozen=True, kw_only=True)
class Certificates:
    """The certificate authorities that count instead of the system's: `variable` names where `path` is from."""

    variable: str
    path: str


@dataclass(frozen=True, kw_only=True)
class Outbound:
    """
    How others are reached.

    `idle` names the proxy variables that are set while no proxy is used; `allow_http` that base URLs may be plain
    http on other machines.
    """

    certificates: Certificates | None = None
    proxies: Proxies | None = None
    idle: tuple[str, ...] = ()
    allow_http: bool = False

    @property
    def advice(self) -> str:
        """What to think of where nothing can be reached; empty if there is nothing to say."""
        if self.proxies is not None:
            return ""
        names = " and ".join(self.idle) or ("A proxy of the system" if system_proxies() else "")
        if not names:
            return ""
        are = "are" if " and " in names else "is"
        return f"{names} {are} set and not used: SEEDANCE_PROXY=env makes the server use it."


DIRECT = Outbound()
"""Without a proxy, with the certificates of this machine."""
