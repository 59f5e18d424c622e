"""Tells every open page of the board what has changed, whichever process changed it."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from ...errors import StoreError
from ...types import FILM_PREFIX

if TYPE_CHECKING:
    from ...app import App
    from ...store import changes as looks

_LOOK_SECONDS = 0.5
_ALIVE_SECONDS = 15.0
_MOST_PAGES = 20
_BEHIND = 100
"""So many changes are kept for a page that is slow; then it is only told that something has changed."""

_Change = str | None
"""The id of the job that has changed; None for anything else."""


class Changes:
    """
    Looks into the job database twice a second, for as long as any page is open.

    What this process hears of a job is told at once. What is told is only that something has changed, so it does no harm
    to be told twice.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._pages: set[MemoryObjectSendStream[_Change]] = set()
        self._heard: set[_Change] = set()
        self._bell = anyio.Event()
        self._closed = False
        self._seen: looks.Sight | None = None

    async def run(self) -> None:
        """Look until cancelled."""
        forget = self._app.on_change(self._hear)
        try:
            while True:
                if not self._pages:
                    await self._bell.wait()
                self._bell = anyio.Event()
                changes, self._heard = self._heard, set()
                try:
                    if self._seen is None:
                        self._seen = await self._app.overview.look()
                        changes.add(None)  # whatever changed before this look
                    self._seen, found = await self._app.overview.changed_since(self._seen)
                    changes.update(found)
                except StoreError:  # it passes; what changed meanwhile is found then
                    pass
                for change in changes:
                    self._tell(change)
                with anyio.move_on_after(_LOOK_SECONDS):
                    await self._bell.wait()
        finally:
            forget()

    def listen(self) -> AsyncGenerator[str] | None:
        """Return the stream of events for one more page; None if there are too many."""
        if len(self._pages) >= _MOST_PAGES or self._closed:
            return None
        send, receive = anyio.create_memory_object_stream[_Change](_BEHIND)
        self._pages.add(send)
        if self._seen is not None:
            send.send_nowait(None)  # whatever changed before the page listened
        self._bell.set()
        return self._stream(send, receive)

    def close(self) -> None:
        """End the streams of all pages."""
        self._closed = True
        for page in self._pages:
            page.close()

    def _hear(self, job_id: str) -> None:
        if job_id.startswith(FILM_PREFIX):
            self._heard.add(None)
        elif self._app.scope.sees_all:  # whose job it is, the look finds out
            self._heard.add(job_id)
        self._bell.set()

    def _tell(self, change: _Change) -> None:
        for page in self._pages:
            try:
                page.send_nowait(change)
            except (anyio.WouldBlock, anyio.BrokenResourceError):
                continue  # it reads nothing now; what it missed, it sees when it does

    async def _stream(
        self, send: MemoryObjectSendStream[_Change], receive: MemoryObjectReceiveStream[_Change]
    ) -> AsyncGenerator[str]:
        try:
            with send, receive:
                while True:
                    change: str | None = None
                    with anyio.move_on_after(_ALIVE_SECONDS) as waiting:
                        try:
                            change = await receive.receive()
                        except (anyio.EndOfStream, anyio.ClosedResourceError):
                            return
                    if waiting.cancelled_caught:
                        yield ": still here\n\n"
                    else:
                        yield f"event: changed\ndata: {json.dumps({'job_id': change})}\n\n"
        finally:
            self._pages.discard(send)
