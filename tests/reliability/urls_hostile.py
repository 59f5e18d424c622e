"""URLs that must never be fetched, and addresses that no name may lead to."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

INSIDE = tuple(
    IPv4Address(text)
    for text in (
        "127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
        "169.254.170.2", "100.100.100.200", "168.63.129.16", "0.0.0.0", "192.0.0.192",
    )
)  # fmt: skip
"""This machine, private networks, and where clouds hand out their machines' secrets."""

_IPV6 = (
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
)


def _wrapped(v4: IPv4Address) -> list[str]:
    number = int(v4)
    high, low = number >> 16, number & 0xFFFF
    teredo = IPv6Address((0x20010000 << 96) | (0x08080808 << 64) | (number ^ 0xFFFFFFFF))
    return [
        f"::ffff:{v4}",
        f"::ffff:{high:x}:{low:x}",
        f"::{v4}",
        f"::ffff:0:{v4}",
        f"64:ff9b::{v4}",
        f"64:ff9b:1::{v4}",
        f"2002:{high:x}:{low:x}::1",
        str(teredo),
    ]


def _spelled(v4: IPv4Address) -> list[str]:
    a, b, c, d = v4.packed
    number = int(v4)
    return [
        str(v4),
        f"{v4}.",
        str(number),
        f"0x{number:x}",
        f"0x{number:X}".replace("0x", "0X"),
        f"0{number:o}",
        f"{a:#x}.{b:#x}.{c:#x}.{d:#x}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"{a}.{number & 0xFFFFFF}",
        f"{a}.{b}.{number & 0xFFFF}",
    ]


_OTHER = """
http://example.com/a.png
http://8.8.8.8/a.png
ftp://example.com/a.png
gopher://127.0.0.1:70/_x
dict://127.0.0.1:11211/stat
ldap://127.0.0.1/
ws://example.com/
unix:///var/run/docker.sock
javascript:alert(1)
https://localhost/a.png
https://LOCALHOST/a.png
https://localhost./a.png
https://app.localhost/a.png
https://printer.local/a.png
https://metadata.google.internal/computeMetadata/v1/a.png
https://METADATA.google.INTERNAL./a.png
https://instance-data.ec2.internal/a.png
https://metadata/a.png
https://kubernetes.default.svc.cluster.local/a.png
https://router.lan/a.png
https://user@example.com/a.png
https://user:secret@example.com/a.png
https://8.8.8.8@127.0.0.1/a.png
https://example.com:0/a.png
https://example.com:65536/a.png
https://example.com:99999/a.png
https://[fe80::1%25eth0]/a.png
https://[::1/a.png
https://[v1.x]/a.png
https://[]/a.png
https:///a.png
https://./a.png
https://.example.com/a.png
https://exa..mple.com/a.png
"""

ADDRESSES = [*map(str, INSIDE), *_IPV6, *(address for v4 in INSIDE for address in _wrapped(v4))]
"""What a name must never lead to."""

URLS = list(
    dict.fromkeys(
        [
            *(f"https://{host}/a.png" for v4 in INSIDE for host in _spelled(v4)),
            *(f"https://[{address}]/a.png" for address in ADDRESSES if ":" in address),
            *_OTHER.split(),
        ]
    )
)
