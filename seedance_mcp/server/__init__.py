"""How assistants reach it: the MCP server and the way to run it on stdio. The only room that imports mcp."""

from __future__ import annotations

import gc
import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcp.server import MCPServer

    from ..config import Settings
    from ..errors import SeedanceError
    from . import catalog_views, logs, results, views

__all__ = ["catalog_views", "create_server", "logs", "results", "run_stdio", "views"]


def __getattr__(name: str) -> Any:
    """Import the modules that are handed out whole when somebody asks for one: the terminal prints the same JSON."""
    if name in __all__:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(name)


def create_server(settings: Settings) -> MCPServer[Any]:
    """Build the server. Its lifespan opens the app; until then nothing is read, written or connected."""
    from .assembly import assemble

    return assemble(settings)


def run_stdio(settings: Settings, wrong: SeedanceError | None = None) -> int:
    """
    Serve one client on stdin and stdout until it leaves or SIGTERM or SIGINT comes; returns the exit code, 0.

    With `wrong`, an error of the settings, every tool answers with that: a server that ends at once tells nobody why.

    Garbage collection is off while modules load and the tools are built: it only costs time there.
    """
    gc.disable()
    import anyio

    from .assembly import assemble
    from .ending import Ending
    from .logs import configure
    from .transport import serve_stdio

    configure(settings)
    if sys.stdin is not None and sys.stdin.isatty():
        from ..config import command

        sys.stderr.write(
            "This is an MCP server; an assistant starts it and speaks to it on stdin. To try it here:"
            f" {command('demo')}. Ctrl-C ends it.\n"
        )
    ending = Ending()
    server = assemble(settings, wrong, ending)
    gc.freeze()
    gc.enable()

    async def serve() -> None:
        await serve_stdio(server, legacy_only=settings.protocol == "legacy", ending=ending)

    try:
        anyio.run(serve)
    except KeyboardInterrupt:  # Windows, or a second Ctrl-C
        sys.stderr.flush()
    return 0
