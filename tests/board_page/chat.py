"""A chat in the browser that shows the board as an app, with a real `seedance-mcp` behind it on pipes."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, quote, urlsplit

from mcp import Client, StdioServerParameters, stdio_client
from mcp.client import advertise
from playwright.async_api import Frame, Page

T = TypeVar("T")

HOST = Path(__file__).with_name("host")
APPS = "io.modelcontextprotocol/ui"
MIME_TYPE = "text/html;profile=mcp-app"
BOARD = "ui://seedance/board.html"
EVERYTHING: Mapping[str, Any] = {
    "serverTools": {},
    "serverResources": {},
    "openLinks": {},
    "message": {"text": {}},
}
"""What a host can do that lets the app do all there is."""

Alter = Callable[[str, dict[str, Any], dict[str, Any]], dict[str, Any] | None]
"""Changes what the server answered to a method with these parameters, as this host has it; None lets it pass."""


@dataclass(frozen=True)
class Origins:
    """The host's page, and the page on another origin that keeps the app away from it."""

    host: str
    sandbox: str


def policy(resource_domains: list[str]) -> str:
    """The content security policy that the specification of MCP Apps has a host set."""
    more = " ".join(resource_domains)
    return (
        f"default-src 'none'; script-src 'self' 'unsafe-inline' {more}; style-src 'self' 'unsafe-inline' {more};"
        f" img-src 'self' data: {more}; media-src 'self' data: {more}; font-src 'self' {more}; connect-src 'none';"
        " frame-src 'none'; object-src 'none'; base-uri 'self'"
    )


@contextlib.contextmanager
def origins(packages: Path, folder: Path) -> Iterator[Origins]:
    """Serve the host, bundled, and the sandbox, each from an origin of its own."""
    source = folder / "host.js"
    source.write_text((HOST / "host.js").read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "node_modules").symlink_to(packages / "node_modules", target_is_directory=True)
    bundler = packages / "node_modules" / "esbuild" / "bin" / "esbuild"
    (folder / "served").mkdir()
    subprocess.run(
        [bundler, source, "--bundle", "--format=iife", f"--outfile={folder / 'served' / 'host.js'}", "--log-level=error"],
        check=True, timeout=60,
    )  # fmt: skip
    for page in ("host.html", "sandbox.html"):
        (folder / "served" / page).write_bytes((HOST / page).read_bytes())
    with _serving(folder / "served") as host, _serving(folder / "served") as sandbox:
        yield Origins(f"http://127.0.0.1:{host}/host.html", f"http://localhost:{sandbox}/sandbox.html")


class _Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass

    def end_headers(self) -> None:
        for wanted in parse_qs(urlsplit(self.path).query).get("policy", []):
            self.send_header("Content-Security-Policy", wanted)
        super().end_headers()


@contextlib.contextmanager
def _serving(folder: Path) -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=folder))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.asynccontextmanager
async def assistant(environ: Mapping[str, str]) -> AsyncIterator[Client]:
    """A client that shows apps, of a `seedance-mcp` of its own."""
    command = StdioServerParameters(
        command=sys.executable, args=["-m", "seedance_mcp"], env={**os.environ, **environ}
    )
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        transport = stdio_client(command, errlog=nowhere)
        async with Client(transport, extensions=[advertise(APPS, {"mimeTypes": [MIME_TYPE]})]) as client:
            yield client


@contextlib.asynccontextmanager
async def in_a_task(opened: contextlib.AbstractAsyncContextManager[T]) -> AsyncIterator[T]:
    """Enter and leave in one task of its own, as task groups want it: a fixture's two halves are not in one."""
    entered: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    wanted = asyncio.Event()

    async def hold() -> None:
        try:
            async with opened as value:
                entered.set_result(value)
                await wanted.wait()
        except BaseException as error:
            if entered.done():
                raise
            entered.set_exception(error)

    task = asyncio.create_task(hold())
    try:
        yield await entered
    finally:
        wanted.set()
        await task


async def show(
    page: Page,
    where: Origins,
    client: Client,
    arguments: dict[str, Any],
    *,
    capabilities: Mapping[str, Any] = EVERYTHING,
    alter: Alter | None = None,
    **context: Any,
) -> Frame:
    """Call `check_status` or `generate_video` in a chat and show the board with its answer; the frame of the board."""
    tool = "generate_video" if "prompt" in arguments else "check_status"
    result = await client.call_tool(tool, arguments)
    read = (await client.read_resource(BOARD)).contents[0].model_dump(mode="json", by_alias=True)
    await page.expose_function("askServer", partial(_ask, client, alter))
    await page.goto(where.host)
    usual = {
        "theme": "light",
        "displayMode": "inline",
        "availableDisplayModes": ["inline", "fullscreen"],
        "locale": "en",
    }
    await page.evaluate(
        "all => showApp(all)",
        {
            "html": read["text"],
            "sandbox": f"{where.sandbox}?policy={quote(policy(read['_meta']['ui']['csp']['resourceDomains']))}",
            "capabilities": dict(capabilities),
            "context": {**usual, **context},
            "said": arguments.get("prompt", "How is my video?"),
            "told": "Here it is.",
            "input": arguments,
            "result": result.model_dump(mode="json", by_alias=True, exclude_none=True),
        },
    )
    return page.frames[-1]


async def _ask(client: Client, alter: Alter | None, method: str, given: dict[str, Any]) -> dict[str, Any]:
    call: Awaitable[Any] = (
        client.call_tool(given["name"], given.get("arguments") or {})
        if method == "tools/call"
        else client.read_resource(given["uri"])
    )
    answer = (await call).model_dump(mode="json", by_alias=True, exclude_none=True)
    return (alter and alter(method, given, answer)) or answer
