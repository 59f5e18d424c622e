"""The certificate authorities that count: this machine's, or those that a variable of the environment names."""

from __future__ import annotations

import functools
import os
import re
import ssl
from pathlib import Path

from ...config import Certificates
from ...errors import ConfigError

_HASHED = re.compile(r"[0-9a-f]{8}\.\d+")
"""How the files in a folder of certificates are named; OpenSSL looks at no other."""


@functools.cache
def certificates_of(named: Certificates | None) -> ssl.SSLContext:
    """
    Make the context by which other machines are recognised: read once, because that takes 30 ms.

    Raises:
        ConfigError: there are no certificates where the variable says.
    """
    if named is None:
        import httpcore2

        return httpcore2.default_ssl_context()
    try:
        reason = _why_unusable(named)
        if reason is None:
            folder = named.path if named.variable == "SSL_CERT_DIR" else None
            return ssl.create_default_context(cafile=None if folder else named.path, capath=folder)
    except OSError as error:  # also a file that is no PEM, or has a broken certificate in it
        reason = f"cannot be read as certificates in PEM ({error.strerror or type(error).__name__})"
    raise ConfigError(
        f"{named.variable} (from environment) is wrong: {named.path[:200]!r} {reason}.",
        hint=f"Correct {named.variable}, or remove it so that the system's certificates count; then start the server again.",
    )


def _why_unusable(named: Certificates) -> str | None:
    """Explain why there can be no certificate there, as far as it shows without reading any."""
    if named.variable == "SSL_CERT_DIR":
        folders = [Path(part) for part in named.path.split(os.pathsep) if part]
        there = [folder for folder in folders if folder.is_dir()]
        if not there:
            return "is no folder"
        files = [file for folder in there for file in folder.iterdir() if _HASHED.fullmatch(file.name)]
        if not any(_is_pem(file) for file in files):
            return "holds no certificates under the names by which they are looked up (`openssl rehash` makes them)"
        return None
    file = Path(named.path)
    if not file.is_file():
        return "is no file"
    return None if file.stat().st_size else "is empty"


def _is_pem(file: Path) -> bool:
    try:
        ssl.create_default_context(cafile=file)
    except OSError:
        return False
    return True
