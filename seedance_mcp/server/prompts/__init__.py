"""Prompts: what people start from their client's menu to have a video directed."""

from __future__ import annotations

from collections.abc import Sequence

from .serving import Argument, ServedPrompt, add_prompts, named

__all__ = ["Argument", "ServedPrompt", "add_prompts", "all_prompts", "named"]


def all_prompts() -> Sequence[ServedPrompt]:
    """Return every prompt, in the order in which they are listed; nothing of them is read before that."""
    from .directing import PROMPTS  # here, because an assistant waits for the server to start

    return PROMPTS
