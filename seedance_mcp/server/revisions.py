"""Sends a client only what the revision of the protocol that it negotiated defines, from `revisions.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, cast

from mcp.server import ServerRequestContext
from mcp.server.context import CallNext, HandlerResult
from mcp_types.version import KNOWN_PROTOCOL_VERSIONS, is_version_at_least

from .hosts import takes_links
from .transport import client_of

_LINK = "resource_link"


@dataclass(frozen=True)
class _Unknown:
    """What a client of some revision does not know."""

    fields: tuple[tuple[str, ...], ...]
    blocks: frozenset[str]


async def only_what_was_negotiated(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """
    Take out of each result what its client cannot know; the SDK sends every older revision what is in the newest of them.

    An older client may throw away a whole answer over one block that it does not know, after the video was paid for.
    Links are left out as well for hosts that are known to do that (`hosts.toml`): the text has the same paths.
    """
    result = await call_next(ctx)
    if not isinstance(result, dict):
        return result
    revision = result.get("protocolVersion") if ctx.method == "initialize" else ctx.protocol_version
    return _narrowed(result, str(revision), links=takes_links(client_of(ctx)))


def defines(revision: str, field: str) -> bool:
    """True if a client of this revision knows a field, written as in `revisions.toml`."""
    return tuple(field.split(".")) not in _unknown(revision).fields


def _narrowed(result: dict[str, Any], revision: str, *, links: bool) -> dict[str, Any]:
    unknown = _unknown(revision)
    hidden = unknown.blocks if links else unknown.blocks | {_LINK}
    kept: dict[str, Any] = result
    for path in unknown.fields:
        kept = _without(kept, path)
    if isinstance(kept.get("result"), dict):  # the answer that a task came to
        kept = {**kept, "result": _narrowed(kept["result"], revision, links=links)}
    content = kept.get("content")
    if hidden and isinstance(content, list):
        blocks = cast("list[dict[str, Any]]", content)
        kept = {**kept, "content": [block for block in blocks if block.get("type") not in hidden]}
    return kept


def _without(node: Any, path: Sequence[str]) -> Any:
    """Return the node without the field at the path, and without an object that this leaves empty."""
    if isinstance(node, list):
        return [_without(item, path) for item in cast("list[Any]", node)]
    if not isinstance(node, dict):
        return node
    fields = cast("dict[str, Any]", node)
    first, *rest = path
    if first not in fields:
        return fields
    left = _without(fields[first], rest) if rest else None
    if left or left == fields[first]:
        return {**fields, first: left}
    return {name: value for name, value in fields.items() if name != first}


@cache
def _unknown(revision: str) -> _Unknown:
    """What came after a revision. One that nobody knows is taken for the oldest."""
    text = resources.files(__name__.rpartition(".")[0]).joinpath("revisions.toml").read_text(encoding="utf-8")
    added: list[dict[str, Any]] = tomllib.loads(text)["added"]
    known = revision in KNOWN_PROTOCOL_VERSIONS
    later = [one for one in added if not (known and is_version_at_least(revision, one["revision"]))]
    return _Unknown(
        fields=tuple(tuple(field.split(".")) for one in later for field in one["fields"]),
        blocks=frozenset(block for one in later for block in one.get("blocks", ())),
    )
