"""What clients are told of each tool: whether it changes or spends anything, and whom it asks."""

from __future__ import annotations

from mcp.types import ToolAnnotations

READ = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
"""Looks at what is on this machine."""

ASK = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=True)
"""Looks at what a provider or an address says."""

SPEND = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True
)
"""May cost money. Destroys nothing."""

KEEP = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=True
)
"""Adds something on this machine. Costs nothing and destroys nothing."""

NOTE = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
"""Writes down what it was told. Costs nothing, and nobody else hears of it."""

CHANGE = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=True
)
"""Ends something that cannot be taken up again."""
