"""RunComfy's Model API."""

from .adapter import RunComfyProvider

__all__ = ["RunComfyProvider"]
