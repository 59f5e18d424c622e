"""The board as an MCP App: what tells a client of it, and the page as a resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mcp.server.extension import Extension
from mcp.server.mcpserver.tools import Tool

if TYPE_CHECKING:
    from ...app import App

BOARD_URI = "ui://seedance/board.html"
APP_MIME_TYPE = "text/html;profile=mcp-app"

ADDRESS_KEY = "seedance/board"
"""Where in the `_meta` of an answer the address of the board in the browser stands."""

_LOOKED_AT = 50


class AppsExtension(Extension):
    """Declares that tools have a page; the page itself is a resource."""

    identifier = "io.modelcontextprotocol/ui"


def on_the_board(tool: Tool) -> Tool:
    """Have clients that can show the board show it with the answers of a tool. Older hosts look for it under flat names."""
    names = {
        "ui": {"resourceUri": BOARD_URI},
        "ui/resourceUri": BOARD_URI,
        "openai/outputTemplate": BOARD_URI,
    }
    return tool.model_copy(update={"meta": names})


def page_meta(hosts: list[str]) -> dict[str, Any]:
    """The `_meta` of the page: from these addresses it may play videos, from no others may it load anything."""
    return {
        "ui": {"csp": {"resourceDomains": hosts}, "prefersBorder": True},
        "openai/widgetCSP": {"resource_domains": hosts, "connect_domains": []},
        "openai/widgetPrefersBorder": True,
    }


async def video_hosts(app: App) -> list[str]:
    """List where the newest videos can still be fetched from their providers."""
    from ...presentation import job_views

    found: set[str] = set()
    for job in await app.recent(_LOOKED_AT):
        parts = urlsplit(job_views.address(job.video_url) or "")
        if parts.scheme == "https" and parts.hostname:
            found.add(f"https://{parts.netloc.rpartition('@')[2]}")
    return sorted(found)
