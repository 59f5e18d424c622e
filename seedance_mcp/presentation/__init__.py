"""What people and assistants are shown, as data; the server and the command line use it alike, and it knows no MCP."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import (
        amounts,
        board,
        board_films,
        budget_views,
        catalog_views,
        film_views,
        job_links,
        job_views,
        logs,
        results,
        reviews,
        set_views,
        team,
        times,
        upload_shapes,
        views,
    )

__all__ = [
    "amounts",
    "board",
    "board_films",
    "budget_views",
    "catalog_views",
    "film_views",
    "job_links",
    "job_views",
    "logs",
    "results",
    "reviews",
    "set_views",
    "team",
    "times",
    "upload_shapes",
    "views",
]


def __getattr__(name: str) -> Any:
    """Import a module when somebody asks for it: a server that starts needs few of them."""
    if name in __all__:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(name)
