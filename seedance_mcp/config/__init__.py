"""What the user has set."""

from __future__ import annotations

from .cleaning import pasted_key
from .commands import command, runnable, way_to_agree
from .durable import flush, flush_folder
from .environment import choose_team, environment_without_keys, has_display
from .installation import extra_command, install_command, server_command
from .keyrings import KEYRING, NoKeyring, store_key
from .names import UnknownName, suspects, unknown_names
from .new_files import NewFile, write_whole
from .outbound import DIRECT, Certificates, Outbound
from .places import default_settings_file
from .private import make_private, open_private
from .proxies import Proxies, Proxy
from .reading import Reading, load_settings, read_settings
from .settings import Confirm, Settings, setting_table
from .team_settings import SCHEMA_OF_A_TEAM
from .urls import is_readable_on_the_way, on_this_machine

__all__ = [
    "DIRECT",
    "KEYRING",
    "SCHEMA_OF_A_TEAM",
    "Certificates",
    "Confirm",
    "NewFile",
    "NoKeyring",
    "Outbound",
    "Proxies",
    "Proxy",
    "Reading",
    "Settings",
    "UnknownName",
    "choose_team",
    "command",
    "default_settings_file",
    "environment_without_keys",
    "extra_command",
    "flush",
    "flush_folder",
    "has_display",
    "install_command",
    "is_readable_on_the_way",
    "load_settings",
    "make_private",
    "on_this_machine",
    "open_private",
    "pasted_key",
    "read_settings",
    "runnable",
    "server_command",
    "setting_table",
    "store_key",
    "suspects",
    "unknown_names",
    "way_to_agree",
    "write_whole",
]
