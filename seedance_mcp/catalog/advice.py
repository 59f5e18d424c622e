"""Advice on prompts: what a model is known to understand. It never blocks."""

from __future__ import annotations

from importlib.resources import files

from .models import Model


def check_prompt(prompt: str, model: Model) -> list[str]:
    """Give advice on a prompt for one model, one sentence each; nothing if there is nothing to say."""
    return []


def guide(model: Model) -> str:
    """Give the short prompting guide for a model, in Markdown."""
    file = files(__package__).joinpath("data", "guide", f"{model.prompting.guide}.md")
    return file.read_text(encoding="utf-8")
