"""Edits that turn a file into the copy that leaves: ranges that are dropped, zeroed or replaced, all else untouched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO

_BLOCK_BYTES = 1 << 18


@dataclass(frozen=True)
class Cut:
    """The bytes from `start` up to `end` give way to `put`, or to as many zeros. `start == end` inserts."""

    start: int
    end: int
    put: bytes = b""
    zeros: bool = False


def written(cuts: Sequence[Cut]) -> list[list[int | str | bool]]:
    """As JSON carries it."""
    return [[cut.start, cut.end, cut.put.hex(), cut.zeros] for cut in cuts]


def read(rows: Sequence[Sequence[int | str | bool]]) -> tuple[Cut, ...]:
    """Read what `written` wrote."""
    return tuple(
        Cut(int(start), int(end), bytes.fromhex(str(put)), bool(zeros)) for start, end, put, zeros in rows
    )


def pieces(source: IO[bytes], cuts: Sequence[Cut]) -> Iterator[bytes]:
    """
    The edited file, piece by piece. Cuts may come in any order; of two that overlap, the later one begins late.

    Where the ranges of two cuts touch the same bytes, those bytes are gone or zeros in any case.
    """
    at = 0
    for cut in sorted(cuts, key=lambda cut: (cut.start, cut.end)):
        yield from _blocks(source, at, max(at, cut.start))
        if cut.zeros:
            yield from _zeros(cut.end - max(at, cut.start))
        elif cut.start >= at:
            yield cut.put
        at = max(at, cut.start, cut.end)
    yield from _blocks(source, at, source.seek(0, 2))


def put_in_place(file: IO[bytes], cuts: Sequence[Cut]) -> None:
    """
    Edit an open file where it stands. Of two cuts that overlap, zeros win.

    Raises:
        ValueError: a cut would change the file's length.
    """
    for cut in sorted(cuts, key=lambda cut: cut.zeros):
        if not cut.zeros and len(cut.put) != cut.end - cut.start:
            raise ValueError(f"{len(cut.put)} bytes do not fit from {cut.start} to {cut.end}")
        file.seek(cut.start)
        for piece in _zeros(cut.end - cut.start) if cut.zeros else (cut.put,):
            file.write(piece)
    file.flush()


def _blocks(source: IO[bytes], start: int, end: int) -> Iterator[bytes]:
    source.seek(start)
    while start < end and (block := source.read(min(_BLOCK_BYTES, end - start))):
        start += len(block)
        yield block


def _zeros(count: int) -> Iterator[bytes]:
    while count > 0:
        yield bytes(min(count, _BLOCK_BYTES))
        count -= _BLOCK_BYTES
