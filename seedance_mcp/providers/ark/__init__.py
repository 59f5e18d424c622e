"""Volcengine Ark, and BytePlus ModelArk, which speaks the same."""

from .adapter import ArkProvider

__all__ = ["ArkProvider"]
