"""Replicate."""

from .adapter import ReplicateProvider

__all__ = ["ReplicateProvider"]
