"""Atlas Cloud."""

from .adapter import AtlasProvider

__all__ = ["AtlasProvider"]
