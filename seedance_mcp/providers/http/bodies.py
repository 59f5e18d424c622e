"""Bodies of large answers, read past the HTTP library where that copies every piece."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

from .network import READ_BYTES

if TYPE_CHECKING:
    import httpx2

_MOST_DIGITS = 18


def announced_length(response: httpx2.Response) -> int | None:
    """The length of the body in bytes by its header; None if that says none."""
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


async def body_pieces(response: httpx2.Response, *, read_seconds: float) -> AsyncGenerator[bytes]:
    """
    The body as it is sent, piece by piece; fewer bytes than were announced if the other side closes the connection.

    Of a body with a length, all behind the first piece is read from the connection itself, which carries no further
    request then: the HTTP library makes three copies of each piece. `read_seconds` is how long one may take.

    Raises:
        httpx2.HTTPError: the connection broke, or nothing came for so long.
    """
    import httpcore2
    import httpx2

    connection = response.extensions.get("network_stream")
    length = None if "Transfer-Encoding" in response.headers else announced_length(response)
    async with aclosing(response.aiter_raw()) as pieces:
        if connection is None or length is None:
            async for piece in pieces:
                yield piece
            return
        # All that came together with the headers: the library holds nothing more.
        piece = await anext(pieces, b"")
        while piece:
            yield piece
            length -= len(piece)
            if not length:
                return
            try:
                piece = (await connection.read(READ_BYTES, timeout=read_seconds))[:length]
            except httpcore2.TimeoutException as error:
                raise httpx2.ReadTimeout(str(error)) from error
            except httpcore2.NetworkError as error:
                raise httpx2.ReadError(str(error)) from error
