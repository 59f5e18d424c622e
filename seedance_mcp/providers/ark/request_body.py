"""Writes a request the way Ark's create call wants it."""

from __future__ import annotations

import re
from typing import Any

from ...catalog import Offer
from ...types import VideoRequest
from ..wire import wire

_COMMANDS = re.compile(
    r"[-\u2010-\u2015\u2212]{2,}\s*(?=(?:rs|resolution|rt|ratio|dur|duration|frames|seed|cf|camerafixed|wm|watermark"
    r"|fps|framespersecond)\b)",
    re.IGNORECASE,
)
"""Text commands that the service still obeys at the end of a prompt: they would change what was priced."""

_WITH_DRAFT = frozenset(
    {"resolution", "watermark", "return_last_frame", "output_format", "service_tier", "execution_expires_after",
     "priority", "callback_url"}
)  # fmt: skip
"""Fields that may go with a finished draft; all others are taken from it and refused even when equal."""


def create_call(request: VideoRequest, offer: Offer) -> dict[str, Any]:
    """
    Return the body of a create call for a resolved request.

    The option `draft_task_id` makes it the second step of a draft: everything that the draft decides is left out.
    """
    fields = wire(request, offer)
    draft = fields.pop("draft_task_id", None)
    if draft is not None:
        content = [{"type": "draft_task", "draft_task": {"id": str(draft)}}]
        fields = {name: value for name, value in fields.items() if name in _WITH_DRAFT}
    else:
        content = _content(request)
    if fields.get("frames") is not None:
        # Frames win over the duration at the service; sending one keeps the answer from naming the other.
        fields.pop("duration", None)
    return {**fields, "model": offer.endpoint(request), "content": content}


def _content(request: VideoRequest) -> list[dict[str, Any]]:
    """The prompt, then the media in the order in which prompts number them."""
    items: list[dict[str, Any]] = []
    if request.prompt:
        items.append({"type": "text", "text": _COMMANDS.sub("", request.prompt)})
    roles = {"first_frame": "first_frame", "last_frame": "last_frame"}
    for field, kind, source in request.media():
        role = roles.get(field, f"reference_{kind}")
        items.append({"type": f"{kind}_url", f"{kind}_url": {"url": source}, "role": role})
    return items
