"""What has to be done first when the client has left."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Generator


class Ending:
    """
    Notifies the app that the end has begun, before calls that are under way are ended and the lifespan closes.

    The SDKs' clients send SIGTERM two seconds after they have closed the server's input, and SIGKILL two seconds
    later; a call that cannot be cancelled at once may take all of that.
    """

    def __init__(self) -> None:
        self._work: list[Callable[[], Awaitable[None]]] = []

    @contextlib.contextmanager
    def first(self, work: Callable[[], Awaitable[None]]) -> Generator[None]:
        """Let `work` be done first at the end, for as long as the context is open. It must not raise."""
        self._work.append(work)
        try:
            yield
        finally:
            self._work.remove(work)

    async def begin(self) -> None:
        """Do it now: the client has left, or a signal came."""
        for work in list(self._work):
            await work()
