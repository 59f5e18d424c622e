"""What the user has set."""

from __future__ import annotations

from .reading import load_settings
from .settings import Confirm, Settings, setting_table

__all__ = ["Confirm", "Settings", "load_settings", "setting_table"]
