"""Reads the wire files: what is asked of an adapter, and the words in them that stand for something."""

from __future__ import annotations

import hashlib
import time
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from seedance_mcp.catalog import Catalog, Offer
from seedance_mcp.types import VideoRequest

KEY = "canary-key-51c2"
FILE = b"\x89PNG the bytes of a picture"
TAG = "0123456789abcdef01234567-tag"
CATALOG = Catalog.load()


@cache
def wires() -> dict[str, dict[str, Any]]:
    """The wire file of each provider that has one."""
    found: dict[str, dict[str, Any]] = {}
    for file in sorted(Path(__file__).parent.glob("*.toml")):
        wire = tomllib.loads(file.read_text(encoding="utf-8"))
        found |= dict.fromkeys(wire.get("providers", [file.stem]), wire)
    return found


@dataclass
class Buyer:
    """Someone who buys: remembers whether and what was answered."""

    tag: str = TAG
    sent: int = 0
    answers: list[int] = field(default_factory=list)

    async def sending(self) -> None:
        self.sent += 1

    def answered(self, status: int, body: bytes) -> None:
        self.answers.append(status)


def offer_and_request(name: str, case: dict[str, Any]) -> tuple[Offer, VideoRequest]:
    """What a case buys. Retired offers are spoken like the others."""
    offer = CATALOG.offer(name, case["model"], retired=True)
    fields: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in case["request"].items()
    }
    return offer, VideoRequest(provider=name, model=case["model"], **fields)


def filled(value: Any, **words: str) -> Any:
    """The value with `$now` and `$seed` as numbers and every other `$word` replaced."""
    if isinstance(value, dict):
        return {key: filled(inner, **words) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, **words) for inner in value]
    if value == "$now":
        return int(time.time())
    if value == "$seed":
        return int.from_bytes(hashlib.sha256(TAG.encode()).digest()[:4]) >> 1
    if isinstance(value, str):
        stamp = datetime.now(UTC).isoformat()
        for word, text in {"tag": TAG, "key": KEY, "stamp": stamp, **words}.items():
            value = value.replace(f"${word}", text)
    return value


def base_path(name: str) -> str:
    return urlsplit(CATALOG.provider(name).base_url).path.rstrip("/")
