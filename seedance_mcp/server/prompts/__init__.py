"""Prompts: what people start from their client's menu to have a video directed; nothing of them is read before that."""

from __future__ import annotations

from .directing import PROMPTS
from .serving import Argument, ServedPrompt, add_prompts

__all__ = ["PROMPTS", "Argument", "ServedPrompt", "add_prompts"]
