"""
What the object store's client needs a store to do: played against the emulator, against moto, and against a real bucket.

`python -m tests.objects` plays it against the bucket that four variables name.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from seedance_mcp.objects import ObjectFacts, ObjectStore, ObjectStoreError, UploadTerms

CONTENT = secrets.token_bytes(300_000)


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A store, and the same with parts of 5 MiB. `judges`: it refuses what is not signed, which moto does not."""

    store: ObjectStore
    in_parts: ObjectStore
    judges: bool = True


def terms(content: bytes) -> UploadTerms:
    """What a file with this content has to be like."""
    digest = hashlib.sha256(content).hexdigest()
    return UploadTerms(content_type="video/mp4", bytes=len(content), sha256=digest)


async def play(tested: Opened, folder: Path) -> list[str]:
    """Play every call; the names of what went as it should. Raises AssertionError at the first that did not."""
    name = f"out/contract/{secrets.token_hex(8)}.mp4"
    played: list[str] = []
    try:
        for step in (_whole, _nothing_overwritten, _read, _by_others, _from_others, _in_parts, _deleted):
            await step(tested, name, folder)
            played.append(step.__name__.strip("_").replace("_", " "))
    finally:
        for left in (name, f"{name}.large", f"{name}.in"):
            await tested.store.delete(left)
    return played


async def _whole(tested: Opened, name: str, folder: Path) -> None:
    (folder / "whole").write_bytes(CONTENT)
    assert await tested.store.head(name) is None
    assert await tested.store.put(name, folder / "whole", terms(CONTENT))
    assert await tested.store.head(name) == ObjectFacts(bytes=len(CONTENT), content_type="video/mp4")
    if tested.judges:
        wrong = UploadTerms(
            content_type="video/mp4", bytes=len(CONTENT), sha256=hashlib.sha256(b"").hexdigest()
        )
        with pytest.raises(ObjectStoreError) as refused:
            await tested.store.put(f"{name}.in", folder / "whole", wrong)
        assert refused.value.status == 400, refused.value.message


async def _nothing_overwritten(tested: Opened, name: str, folder: Path) -> None:
    (folder / "other").write_bytes(b"other")
    assert not await tested.store.put(name, folder / "other", terms(b"other"))


async def _read(tested: Opened, name: str, _folder: Path) -> None:
    assert await tested.store.digest(name) == (len(CONTENT), terms(CONTENT).sha256)
    assert b"".join([piece async for piece in tested.store.read(name, 5, 104)]) == CONTENT[5:105]


async def _by_others(tested: Opened, name: str, _folder: Path) -> None:
    url = tested.store.download_address(name, seconds=60, file_name="job_1.mp4")
    async with httpx2.AsyncClient(trust_env=False, timeout=30) as anyone:
        answer = await anyone.get(url)
        assert answer.content == CONTENT
        assert answer.headers["Content-Disposition"] == 'attachment; filename="job_1.mp4"'
        if tested.judges:
            assert (await anyone.get(url.partition("?")[0])).status_code == 403
            assert (await anyone.get(f"{url[:-4]}0000")).status_code == 403


async def _from_others(tested: Opened, name: str, _folder: Path) -> None:
    announced = terms(CONTENT)
    url = tested.store.upload_address(f"{name}.in", announced, seconds=60)
    async with httpx2.AsyncClient(trust_env=False, timeout=30) as anyone:
        if tested.judges:
            other = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
            assert (await anyone.put(url, content=other, headers=announced.headers)).status_code == 400
            page = {**announced.headers, "Content-Type": "text/html"}
            assert (await anyone.put(url, content=CONTENT, headers=page)).status_code == 403
            bare = {"Content-Type": "video/mp4"}
            assert (await anyone.put(url, content=CONTENT, headers=bare)).status_code == 403
        assert (await anyone.put(url, content=CONTENT, headers=announced.headers)).status_code == 200
    assert await tested.store.digest(f"{name}.in") == (len(CONTENT), announced.sha256)


async def _in_parts(tested: Opened, name: str, folder: Path) -> None:
    large = CONTENT * 20
    (folder / "large").write_bytes(large)
    assert await tested.in_parts.put(f"{name}.large", folder / "large", terms(large))
    assert await tested.store.digest(f"{name}.large") == (len(large), terms(large).sha256)


async def _deleted(tested: Opened, name: str, _folder: Path) -> None:
    await tested.store.delete(name)
    assert await tested.store.head(name) is None
    await tested.store.delete(name)
