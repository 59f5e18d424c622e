"""Reads which proxies are between here and others: from a setting, the environment, or the system."""

from __future__ import annotations

import base64
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import SecretStr

from .cleaning import NotAllowed
from .urls import is_this_machine

__all__ = ["Proxies", "Proxy", "proxies_of", "proxy_setting", "system_proxies", "variables_set"]

ENV = "env"
"""What SEEDANCE_PROXY says when the proxies of the environment, or else of the system, are to be used."""

_OFF = frozenset({"off", "0", "no", "none", "false", "direct"})
_PORTS = {"http": 80, "https": 443}
_VARIABLES = ("https_proxy", "http_proxy", "all_proxy")
_SHAPE = "it must be `env` or http://[user:password@]host:port"


@dataclass(frozen=True, kw_only=True)
class Proxy:
    """An HTTP proxy; it is spoken to in TLS if `tls`. `login` is the user name and password, which are secret."""

    host: str
    port: int
    tls: bool = False
    login: SecretStr | None = None

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def authorization(self) -> SecretStr | None:
        """What its header for the login holds."""
        if self.login is None:
            return None
        return SecretStr("Basic " + base64.b64encode(self.login.get_secret_value().encode()).decode())


@dataclass(frozen=True, kw_only=True)
class Proxies:
    """
    The proxies for https and for plain http, and the hosts that are reached without.

    `system` says that they are the system's, whose own exceptions count as well.
    """

    https: Proxy | None
    http: Proxy | None
    bypass: tuple[str, ...] = ()
    system: bool = False

    def between(self, scheme: str, host: str, port: int) -> Proxy | None:
        """Return the proxy that is between here and a host; this machine is always reached without."""
        proxy = self.https if scheme == "https" else self.http
        if proxy is None or is_this_machine(host) or any(_covers(entry, host, port) for entry in self.bypass):
            return None
        return None if self.system and _excepted_by_the_system(host) else proxy


def proxy_setting(text: str) -> Proxy | str | None:
    """
    Read SEEDANCE_PROXY: `env`, the address of a proxy, or a word for none.

    Raises:
        NotAllowed: it is something else. The message repeats nothing of it, because it may hold a password.
    """
    word = text.lower()
    if word == ENV:
        return ENV
    if word in _OFF:
        return None
    if "://" not in text and not re.search(r":\d+\Z", text):
        raise NotAllowed(_SHAPE)
    return _proxy(text)


def proxies_of(setting: Proxy | str | None, environ: Mapping[str, str]) -> Proxies | None:
    """
    Find the proxies that the setting stands for; None where no proxy is used.

    Raises:
        NotAllowed: a variable with one that is needed cannot be used; the message begins with its name.
    """
    if setting is None:
        return None
    bypass = _entries(_value(environ, "no_proxy")[1])
    if isinstance(setting, Proxy):
        return Proxies(https=setting, http=setting, bypass=bypass)
    found = {scheme: _named(environ, f"{scheme}_proxy") for scheme in _PORTS}
    if any(found.values()):
        return Proxies(https=found["https"], http=found["http"], bypass=bypass)
    system = {scheme: _proxy(text) for scheme, text in system_proxies().items()}
    return Proxies(https=system.get("https"), http=system.get("http"), bypass=bypass, system=True)


def variables_set(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Name the variables that hold a proxy, as they are spelled."""
    found = (_value(environ, name) for name in _VARIABLES)
    return tuple(name for name, text in found if text)


def _value(environ: Mapping[str, str], name: str) -> tuple[str, str]:
    """The spelling of a variable that counts, and its value: programs look for small letters first."""
    for spelling in (name, name.upper()):
        if text := environ.get(spelling, "").strip():
            return spelling, text
    return name, ""


def _named(environ: Mapping[str, str], name: str) -> Proxy | None:
    for variable, text in (_value(environ, name), _value(environ, "all_proxy")):
        if text:
            try:
                return _proxy(text)
            except NotAllowed as error:
                raise NotAllowed(f"{variable} (from environment) is wrong: {error}") from None
    return None


def _proxy(text: str) -> Proxy:
    parts = _parts(text if "://" in text else f"http://{text}")
    if parts is None or "${" in text:
        raise NotAllowed(_SHAPE)
    if parts.scheme.startswith("socks"):
        raise NotAllowed(f"SOCKS proxies cannot be used, and most have a port for HTTP as well: {_SHAPE}")
    if parts.scheme not in _PORTS or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise NotAllowed(_SHAPE)
    login = None
    if "@" in parts.netloc:
        login = SecretStr(f"{unquote(parts.username or '')}:{unquote(parts.password or '')}")
    return Proxy(
        host=parts.hostname or "",
        port=parts.port or _PORTS[parts.scheme],
        tls=parts.scheme == "https",
        login=login,
    )


def _parts(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        good = parts.hostname and re.fullmatch(r"[\w.:-]+", parts.hostname, re.ASCII) and parts.port != 0
    except ValueError:
        return None
    return parts if good and not re.search(r"[\s\"']", text) else None


def _entries(text: str) -> tuple[str, ...]:
    return tuple(entry.lower() for entry in re.split(r"[,;\s]+", text) if entry)


def _covers(entry: str, host: str, port: int) -> bool:
    """Return whether an entry of NO_PROXY stands for a host: a name and all below it, an address, a network, `*`."""
    host = host.lower().rstrip(".")
    if entry == "*":
        return True
    if entry == "<local>":
        return "." not in host and ":" not in host
    if match := re.fullmatch(r"(\[.*\]|[^:]*):(\d{1,5})", entry):
        if int(match[2]) != port:
            return False
        entry = match[1]
    entry = entry.strip("[]").removeprefix("*").strip(".")
    try:
        return ip_address(host) in ip_network(entry, strict=False)
    except ValueError:
        return bool(entry) and (host == entry or host.endswith(f".{entry}"))


def system_proxies() -> dict[str, str]:
    """Return the proxies in the settings of the system, by scheme; only macOS and Windows have them in one place."""
    if sys.platform not in ("darwin", "win32"):
        return {}
    from urllib.request import getproxies

    return {scheme: text for scheme, text in getproxies().items() if scheme in _PORTS and text}


def _excepted_by_the_system(host: str) -> bool:
    from urllib.request import proxy_bypass

    return bool(proxy_bypass(host))
