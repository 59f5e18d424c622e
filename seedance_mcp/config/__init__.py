"""What the user has set."""

from __future__ import annotations

from .environment import environment_without_keys
from .reading import load_settings
from .settings import Confirm, Settings, setting_table

__all__ = ["Confirm", "Settings", "environment_without_keys", "load_settings", "setting_table"]
