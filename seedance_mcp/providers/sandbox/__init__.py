"""The embedded provider: free and offline."""

from .adapter import SandboxProvider

__all__ = ["SandboxProvider"]
