"""What the user has set."""

from __future__ import annotations

from .environment import environment_without_keys
from .names import UnknownName, suspects, unknown_names
from .private import make_private, open_private
from .reading import Reading, load_settings, read_settings
from .settings import Confirm, Settings, setting_table
from .urls import on_this_machine

__all__ = [
    "Confirm",
    "Reading",
    "Settings",
    "UnknownName",
    "environment_without_keys",
    "load_settings",
    "make_private",
    "on_this_machine",
    "open_private",
    "read_settings",
    "setting_table",
    "suspects",
    "unknown_names",
]
