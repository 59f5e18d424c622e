"""What the dialects of the hosts share: who sells what for how much, and what an order comes to."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from .ark_models import MODELS, Sold, size
from .ledger import Task
from .wire import Request
from .world import World

MODEL = dict(
    zip(
        (
            "2.5",
            "2.0",
            "2.0-fast",
            "2.0-mini",
            "1.5-pro",
            "1.0-pro",
            "1.0-pro-fast",
            "1.0-lite",
            "1.0-lite-i2v",
        ),
        MODELS,
        strict=True,
    )
)
"""The models by a short name."""

SECONDS_IN = 5
"""How long every video that goes in is taken to be."""

TRIGGERS = {
    "[refused]": "refused", "[moderated]": "moderated", "[silenced]": "silenced", "[fails]": "failed",
    "[mismatch]": "failed",
}  # fmt: skip
"""Words in a prompt that decide a task's fate: for tests that can say nothing else to the service."""


SILENCED = "The request failed because the output audio may contain sensitive information."
"""What the model's maker says where moderation holds back the sound; most hosts pass it on."""


class Refused(Exception):
    """The service says no: an HTTP status, a text, and a code where the service has codes."""

    def __init__(self, status: int, message: str, code: str | int = "") -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code


def call_of(request: Request, *routes: tuple[str, str, str]) -> str | None:
    """The name of the first route (method, pattern of the path, name) that the request takes."""
    for method, pattern, name in routes:
        if request.method == method and re.fullmatch(pattern, request.path):
            return name
    return None


@dataclass(frozen=True, kw_only=True)
class Item:
    """
    One model as a host sells it: USD a second by resolution, `silent` without sound, `fed` with a video going in.

    `input_seconds`: the seconds that go in are billed too. `tokens`: USD for a million, instead of seconds;
    `fed_tokens`: the same with a video going in, whose seconds count too.
    """

    sold: Sold
    seconds: Mapping[str, str] = field(default_factory=dict[str, str])
    silent: Mapping[str, str] = field(default_factory=dict[str, str])
    fed: Mapping[str, str] = field(default_factory=dict[str, str])
    input_seconds: bool = False
    tokens: str = ""
    fed_tokens: str = ""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What was ordered, after the host's defaults; `duration` in seconds, -1: the model decides."""

    item: Item
    prompt: str
    resolution: str
    ratio: str
    duration: int
    sound: bool = False
    videos: int = 0

    def facts(self) -> dict[str, Any]:
        """What the result will be like."""
        seconds = self.item.sold.durations[1] if self.duration == -1 else self.duration
        width, height = size(self.item.sold, self.resolution, self.ratio)
        return {
            "audio": self.sound, "width": width, "height": height, "seconds": float(seconds), "ratio": self.ratio,
            "resolution": self.resolution, "tokens": math.floor(width * height * (24 * seconds + 1) / 1024),
        }  # fmt: skip

    def price(self) -> Decimal:
        """What it costs, in USD."""
        facts, item = self.facts(), self.item
        if item.fed_tokens and self.videos:
            longer = 1 + self.videos * SECONDS_IN / Decimal(str(facts["seconds"]))
            return Decimal(item.fed_tokens) * facts["tokens"] * longer / 1_000_000
        if item.tokens:
            return Decimal(item.tokens) * facts["tokens"] / 1_000_000
        table = item.fed if self.videos else item.seconds if self.sound or not item.silent else item.silent
        if self.resolution not in table:
            raise Refused(422, f"resolution {self.resolution} is not sold here")
        seconds = Decimal(str(facts["seconds"]))
        if self.videos and item.input_seconds:
            seconds += self.videos * SECONDS_IN
        return Decimal(table[self.resolution]) * seconds

    def accepted(
        self, world: World, *, dialect: str, model: str, body: dict[str, Any], task_id: str, broke: Refused
    ) -> Task:
        """Take the order. Raises `broke` when the account cannot pay."""
        fate = next((fate for word, fate in TRIGGERS.items() if word in self.prompt), world.behaviour.outcome)
        price = self.price()
        if not world.can_pay(price):
            raise broke
        return world.accept(
            dialect=dialect,
            model=model,
            body=body,
            price=price,
            currency="USD",
            facts=self.facts(),
            task_id=task_id,
            error=(fate, "") if fate in ("moderated", "silenced", "failed") else None,
            outcome="failed" if fate in ("moderated", "silenced") else fate,
        )


def one_of(fields: Mapping[str, Any], name: str, allowed: tuple[Any, ...], usual: Any) -> Any:
    """The value of a field, refused if it is another type or not allowed."""
    value = fields.get(name, usual)
    if not any(type(value) is type(known) and value == known for known in allowed):
        raise Refused(422, f"{name} must be one of {', '.join(map(str, allowed))}", "one_of")
    return value


def flag(fields: Mapping[str, Any], name: str, usual: bool) -> bool:
    """A field that is true or false."""
    value: bool = one_of(fields, name, (True, False), usual)
    return value


def links(fields: Mapping[str, Any], name: str, most: int) -> int:
    """How many files a field names: one URL, or a list where `most` is above 1."""
    value = fields.get(name)
    if value is None:
        return 0
    urls = value if isinstance(value, list) else [value]
    if isinstance(value, list) != (most > 1) or len(urls) > most:
        raise Refused(422, f"{name} takes {'a list of ' if most > 1 else ''}at most {most}", "too_many")
    for url in urls:
        if not isinstance(url, str) or not re.match(
            r"https?://|data:(image|video|audio)/[\w.+-]+;base64,", url
        ):
            raise Refused(422, f"{name}: the file could not be downloaded", "file_download_error")
    return len(urls)


def only(fields: Mapping[str, Any], *names: str) -> None:
    """Refuse a field that the model does not have."""
    unknown = set(fields) - set(names)
    if unknown:
        raise Refused(422, f"unknown field: {', '.join(sorted(unknown))}", "extra_forbidden")


def text_of(fields: Mapping[str, Any], name: str = "prompt", *, needed: bool = True) -> str:
    """The prompt."""
    value = fields.get(name, "")
    if not isinstance(value, str) or (needed and not value):
        raise Refused(422, f"{name} is required", "missing")
    if "[refused]" in value:
        raise Refused(422, "The input was flagged as sensitive.", "content_policy_violation")
    return value


def upload_of(body: bytes, content_type: str, name: str) -> tuple[str, bytes]:
    """The kind and the bytes of a file in a multipart form."""
    found = re.search(r"boundary=([\w-]+)", content_type)
    if not found:
        raise Refused(400, "The form has no boundary.")
    for part in body.split(b"--" + found[1].encode())[1:-1]:
        head, _, data = part.partition(b"\r\n\r\n")
        if f'name="{name}"'.encode() in head and b"filename=" in head:
            kind = re.search(rb"Content-Type: ([\w./+-]+)", head)
            return (kind[1].decode() if kind else "application/octet-stream"), data.removesuffix(b"\r\n")
    raise Refused(400, f"The form has no file {name!r}.")


def stamp(seconds: float) -> str:
    """A time as the hosts write it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
