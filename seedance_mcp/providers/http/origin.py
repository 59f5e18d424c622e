"""Where one API lives: the URLs under its base URL, and the key that goes nowhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from json import dumps
from typing import Any

import httpx2

from ...catalog import ProviderInfo
from ...config import is_readable_on_the_way
from ...errors import ConfigError, UnexpectedResponse
from ..protocol import Access
from .addresses import endpoint
from .certificates import certificates_of


class Origin:
    """Builds the requests to one API."""

    def __init__(self, info: ProviderInfo, access: Access, host: str | None = None) -> None:
        """
        Check what the settings say.

        `host` is the base URL of a further host of the same provider; the origin of a base URL that the user
        replaced serves for all of them.

        Raises:
            ConfigError: the base URL, the key, or the certificates that the environment names cannot be used.
        """
        self._info = info
        self.provider = info.name
        self.key = access.key.get_secret_value() if access.key else ""
        if not self.key.isascii() or any(character <= " " or character == "\x7f" for character in self.key):
            # An HTTP library would quote the header, key and all, when it refuses it.
            raise ConfigError(
                f"The key for {info.title} holds a blank, a line break or a letter that no key has."
            )
        replaced = access.base_url.rstrip("/") != info.base_url.rstrip("/")
        base = _base_url(access.base_url, info.title)
        if host is not None:
            further = _base_url(host, info.title)
            base = base.copy_with(path=further.path) if replaced else further
        self._base = base
        if is_readable_on_the_way(str(base)) and not access.outbound.allow_http:
            raise ConfigError(
                f"The base URL for {info.title} is http:// to another machine: keys and prompts could be read on the way.",
                hint="Use https://, or set SEEDANCE_ALLOW_HTTP=1 to allow that.",
            )
        self.outbound = access.outbound
        if base.scheme == "https":
            certificates_of(self.outbound.certificates)  # told now, before anything is bought
        self.setting = f"SEEDANCE_{info.name.upper()}_BASE_URL" if replaced else None
        # A base URL that the user wrote may be on this machine or plain http; nothing else may.
        self.trusted = frozenset({endpoint(str(base))}) if replaced else frozenset[str]()

    @property
    def base(self) -> str:
        """The base URL."""
        return str(self._base)

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int | list[str]] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        content: AsyncIterator[bytes] | None = None,
    ) -> httpx2.Request:
        """
        Build a request to a path below the base URL, or to an absolute URL on the same origin.

        Raises:
            UnexpectedResponse: the URL is on another origin; the key does not follow where an answer points.
        """
        sent = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "seedance-mcp"}
        if method == "GET":
            sent["Cache-Control"] = "no-cache"  # what a cache kept tells how it was, and decides nothing now
        if self.key:
            sent["Authorization"] = self._info.auth.format(key=self.key)
        body: bytes | AsyncIterator[bytes] | None = content
        if json is not None:
            sent["Content-Type"] = "application/json"
            body = dumps(json, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(
                errors="replace"
            )
        return httpx2.Request(
            method, self._url(path), params=params, headers={**sent, **(headers or {})}, content=body
        )

    def _url(self, path: str) -> httpx2.URL:
        if "://" not in path:
            return httpx2.URL(f"{self.base.rstrip('/')}/{path.lstrip('/')}")
        try:
            url = httpx2.URL(path)
        except httpx2.InvalidURL:
            url = httpx2.URL("")
        if (url.scheme, url.host, url.port, url.userinfo) != (
            self._base.scheme,
            self._base.host,
            self._base.port,
            b"",
        ):
            raise UnexpectedResponse(f"{self._info.title} named an address that is not its own.")
        return url


def _base_url(text: str, title: str) -> httpx2.URL:
    try:
        url = httpx2.URL(text)
    except httpx2.InvalidURL:
        url = httpx2.URL("")
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or url.query or url.fragment:
        raise ConfigError(
            f"The base URL for {title} has to be http(s)://host[:port][/path] and nothing more."
        )
    return url
