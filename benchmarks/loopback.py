"""A server on this machine, in a process of its own, that hands out one file and takes in any."""

from __future__ import annotations

import json
import multiprocessing
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from io import BufferedReader
from multiprocessing.connection import Connection
from pathlib import Path

_BLOCK_BYTES = 1024 * 1024
_ANSWER = json.dumps({"data": {"download_url": "https://example.com/kept.mp4"}}).encode()
"""What an upload is answered with, in the words of the provider `atlas`."""


@contextmanager
def serving(file: Path) -> Generator[str]:
    """Serve as long as the context is open; gives the URL that hands out the file. It takes in posts at any path."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(file, theirs), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}/{file.name}"
    finally:
        process.kill()
        process.join()


def _serve(file: Path, port_to: Connection) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port_to.send(server.getsockname()[1])
        while True:
            client, _ = server.accept()
            threading.Thread(target=_talk, args=(client, file), daemon=True).start()


def _talk(client: socket.socket, file: Path) -> None:
    """Answer one request after the other, as long as the other side goes on."""
    with client, BufferedReader(socket.SocketIO(client, "r"), _BLOCK_BYTES) as reader:
        while request := reader.readline():
            headers = dict(_headers(reader))
            if request.startswith(b"GET"):
                size = file.stat().st_size
                client.sendall(_head("video/mp4", size))
                with file.open("rb") as content:
                    client.sendfile(content)
                continue
            if "expect" in headers:
                client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            left = int(headers["content-length"])
            while left:
                left -= len(reader.read1(min(left, _BLOCK_BYTES)))
            client.sendall(_head("application/json", len(_ANSWER)) + _ANSWER)


def _headers(reader: BufferedReader[socket.SocketIO]) -> Generator[tuple[str, str]]:
    while (line := reader.readline().strip()) != b"":
        name, _, value = line.decode("latin-1").partition(":")
        yield name.lower(), value.strip()


def _head(kind: str, size: int) -> bytes:
    return (
        f'HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\nETag: "one"\r\n\r\n'.encode()
    )
