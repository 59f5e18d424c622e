"""How assistants reach it: the MCP server and the way to run it on stdio. The only room that imports mcp."""

from __future__ import annotations

import contextlib
import gc
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from contextlib import AbstractAsyncContextManager
    from types import ModuleType

    from mcp.server import MCPServer

    from ..app import App
    from ..config import Settings
    from ..errors import SeedanceError
    from ..metrics import MetricsPlace
    from ..presentation.board import BoardAddress

__all__ = ["ServeOptions", "create_server", "run_board", "run_http", "run_stdio"]


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
    _defer_message_models()
    with _left_out("python_multipart", "rich", "uvicorn"):
        import anyio

        from ..presentation.logs import configure
        from .sealing import load_without_encryption

        load_without_encryption()
        from .assembly import assemble
        from .ending import Ending
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


def run_board(
    settings: Settings,
    opened: Callable[[], AbstractAsyncContextManager[App]],
    *,
    port: int,
    tell: Callable[[BoardAddress], None],
) -> None:
    """Serve the board in the browser until it is ended, or tell where it runs already; see `serve_board`."""
    import anyio

    from .board.running import serve_board

    async def serve() -> None:
        await serve_board(settings, opened, port=port, tell=tell)

    anyio.run(serve)


@dataclass(frozen=True)
class ServeOptions:
    """
    Where to serve over HTTP, and what: `public` are the names that other machines use, `metrics` where figures are wanted,
    `board` whether people see the board at `/board`.

    Without `buys` workers do that, on this machine or others.
    """

    host: str
    port: int
    public: Sequence[str] = ()
    buys: bool = True
    metrics: MetricsPlace | None = None
    board: bool = False


def run_http(settings: Settings, options: ServeOptions, *, tell: Callable[[str], None]) -> None:
    """
    Serve over HTTP until a signal comes; `tell` is told the address, and those of board and metrics if wanted.

    With public names it is told last where a proxy finds the server, such as `127.0.0.1:8765`.

    Raises:
        ConfigError: an address cannot be used, or more than this machine reaches it and there is no token; or workers are
            to buy, and the job database is a file.
        StoreError: it cannot be told whether there is one.
    """
    import anyio

    from ..presentation.logs import configure
    from .http.places import Place
    from .http.serving import Parts, serve_http

    configure(settings)
    place = Place.named(options.host, options.port, options.public)
    parts = Parts(buys=options.buys, metrics=options.metrics, board=options.board)

    async def serve() -> None:
        await serve_http(settings, place, tell=tell, parts=parts)

    with contextlib.suppress(KeyboardInterrupt):  # Windows, or a second Ctrl-C
        anyio.run(serve)


def _defer_message_models() -> None:
    """
    Have the SDK build what checks a kind of message when the first one comes, and not for all kinds when it is imported.

    It has a model of every message in two revisions of the protocol, of which a client sends a handful in one.
    """
    # The names are the SDK's own affair; where they are others, a start takes a tenth longer.
    with contextlib.suppress(ImportError, AttributeError):
        from mcp_types import _wire_base

        _wire_base.WireModel.model_config["defer_build"] = True


@contextlib.contextmanager
def _left_out(*libraries: str) -> Generator[None]:
    """
    Have these libraries count as not installed, unless they are loaded already.

    The SDK and what it is made of load them where they are there, for HTTP and coloured logs, and go without otherwise.
    """
    absent = [name for name in libraries if name not in sys.modules]
    sys.modules.update(
        dict.fromkeys(absent, cast("ModuleType", None))
    )  # which is how Python marks such a name
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
