"""Which IP addresses and host names are public: global unicast with nothing private wrapped in, and names of the internet."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

__all__ = ["is_fake", "is_number", "is_private_name", "is_public"]

# IANA's special-purpose registries. Not `is_global`: its answer differs between Python releases, and it is
# true for multicast and for several ways to wrap a private IPv4 address into an IPv6 one.
_FORBIDDEN_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure answers here with machine secrets, though the range is public
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")
_FORBIDDEN_V6 = tuple(
    IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "2620:4f:8000::/48", "3fff::/20")
)
_NAT64 = IPv6Network("64:ff9b::/96")
_FAKE_IP = IPv4Network("198.18.0.0/15")

_OLD_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_LOCAL_ENDINGS = frozenset({"internal", "lan", "local", "localdomain", "localhost", "onion"})


def is_public(address: str) -> bool:
    """Return whether an address is global unicast, and so is every IPv4 address wrapped into it."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        return not any(parsed in network for network in _FORBIDDEN_V4)
    embedded = _embedded(parsed)
    if embedded:
        return all(is_public(str(inner)) for inner in embedded)
    if parsed.scope_id is not None or parsed not in _GLOBAL_V6:
        return False
    return not any(parsed in network for network in _FORBIDDEN_V6)


def _embedded(address: IPv6Address) -> tuple[IPv4Address, ...]:
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return address.teredo
    if address in _NAT64:
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    return ()


def is_number(host: str) -> bool:
    """Return whether a host is written as an IP address."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_private_name(host: str) -> bool:
    """Return whether a name is an address in a spelling of old, or exists in a local network only."""
    host = host.rstrip(".")
    last = host.rpartition(".")[2]
    return "." not in host or bool(_OLD_NUMBER.fullmatch(last)) or last in _LOCAL_ENDINGS


def is_fake(address: str) -> bool:
    """Return whether an address is one that proxy tools in fake-IP mode make up for every name."""
    return is_number(address) and ip_address(address) in _FAKE_IP
