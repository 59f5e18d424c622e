"""Lets requests pass that come from the board's own page in a browser on this machine, and says so in every answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders

from .answers import refusal
from .page import script_hash

_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_App = Callable[[_Scope, _Receive, _Send], Awaitable[None]]

MOST_BODY_BYTES = 64_000


class Access:
    """
    The guard in front of everything that is served.

    A name that leads to this machine (DNS rebinding) has another `Host`; a page of another site, or of another port of
    this machine, another `Origin` or `Sec-Fetch-Site`. The page itself holds nothing of anybody, so a link may lead to
    it from anywhere.
    """

    def __init__(self, inner: _App, port: int) -> None:
        self._inner = inner
        self._host = f"127.0.0.1:{port}"

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """Answer one request of HTTP."""
        if scope["type"] != "http":
            return

        async def answer(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=list(message["headers"]))
                headers.update(page_headers())
                message = {**message, "headers": headers.raw}
            await send(message)

        refused = self._refused(scope)
        await (self._inner if refused is None else refused)(scope, receive, answer)

    def _refused(self, scope: _Scope) -> _App | None:
        headers = Headers(scope=scope)
        if headers.getlist("host") != [self._host]:
            return refusal(
                421,
                "wrong_host",
                "This address is served under its number alone.",
                f"Open http://{self._host}/",
            )
        origins, site = headers.getlist("origin"), headers.get("sec-fetch-site", "none")
        if any(origin != f"http://{self._host}" for origin in origins):
            return refusal(403, "foreign", "The request comes from another page.")
        if site not in ("same-origin", "none") and not _is_a_link_to_the_page(scope, headers):
            return refusal(403, "foreign", "The request comes from another page.")
        if not _length(headers) <= MOST_BODY_BYTES:
            return refusal(413, "too_large", f"A request may have {MOST_BODY_BYTES} bytes.")
        return None


def _is_a_link_to_the_page(scope: _Scope, headers: Headers) -> bool:
    return (
        scope["method"] == "GET"
        and scope["path"] == "/"
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )


def _length(headers: Headers) -> int:
    length = headers.get("content-length", "0")
    return int(length) if length.isdecimal() else 0


def page_headers() -> dict[str, str]:
    """Return what every answer of the board says to the browser: what its page may do, and that it is nobody else's."""
    policy = (
        "default-src 'none'",
        f"script-src '{script_hash()}'",
        "style-src 'unsafe-inline'",
        "img-src 'self' data:",
        "media-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    return {
        "Content-Security-Policy": "; ".join(policy),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
