"""The settings files of other programs that start this server: where they are, what the entry says, how it gets there."""

from __future__ import annotations

from . import settings_files
from .entries import Entry, Start
from .installation import CannotChange, Change, Installed, find, install, uninstall
from .known import Client, Machine, clients
from .shapes import Unusable
from .snippets import Piece, pieces, snippet
from .toml_text import Toml

__all__ = [
    "CannotChange",
    "Change",
    "Client",
    "Entry",
    "Installed",
    "Machine",
    "Piece",
    "Start",
    "Toml",
    "Unusable",
    "clients",
    "find",
    "install",
    "pieces",
    "settings_files",
    "snippet",
    "uninstall",
]
