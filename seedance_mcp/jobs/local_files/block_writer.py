"""Writes what arrives in small pieces to a file in large blocks."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import BinaryIO

import anyio
from anyio.to_thread import run_sync

_BLOCK_BYTES = 1024 * 1024
"""So many bytes at once make up for handing them to another thread."""
_LONGEST_SECONDS = 0.25
"""What has been waiting for so long is written with the next piece: a process that is killed loses no more."""


class BlockWriter:
    """
    Writes to an open file what it is given, many pieces at once where they come fast, while the next ones arrive.

    Leaving the context writes what is left, whatever the context ends with.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._pieces: list[bytes] = []
        self._bytes = 0
        self._due = 0.0
        self._beside = ThreadPoolExecutor(max_workers=1)
        self._writing: Future[None] | None = None

    async def write(self, piece: bytes) -> None:
        """Take a piece, and begin to write all that there is when it is time. Raises `OSError`, also that of the last block."""
        self._pieces.append(piece)
        self._bytes += len(piece)
        if self._bytes >= _BLOCK_BYTES or anyio.current_time() >= self._due:
            await self._flush()

    async def __aenter__(self) -> BlockWriter:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._flush()
            await self._written()
        finally:
            self._beside.shutdown(wait=False)

    async def _flush(self) -> None:
        await self._written()
        # Taken out first: what could be written only in part must not be written again.
        pieces, self._pieces, self._bytes = self._pieces, [], 0
        self._writing = self._beside.submit(self._file.writelines, pieces)
        self._due = anyio.current_time() + _LONGEST_SECONDS

    async def _written(self) -> None:
        """Wait for the block that is being written: never more than one is."""
        writing, self._writing = self._writing, None
        if writing is not None:
            with anyio.CancelScope(shield=True):
                await run_sync(writing.result)
