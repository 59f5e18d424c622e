"""What the user has set."""

from __future__ import annotations

from .environment import environment_without_keys
from .reading import Reading, load_settings, read_settings
from .settings import Confirm, Settings, setting_table
from .urls import on_this_machine

__all__ = [
    "Confirm",
    "Reading",
    "Settings",
    "environment_without_keys",
    "load_settings",
    "on_this_machine",
    "read_settings",
    "setting_table",
]
