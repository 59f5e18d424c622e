"""Runs the local board until it is ended, or finds the one that runs already."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from ...errors import StoreError
from ...presentation.board import BoardAddress
from .another import ask_for_code
from .sessions import Sessions

if TYPE_CHECKING:
    from ...app import App
    from ...config import Settings
    from ...store import BoardFile, RunningBoard

_STARTING_SECONDS = 10.0
_LAST_ANSWERS_SECONDS = 2
_CONNECTIONS = 200
_TAKEN = "Leave --port away: a free one is taken."


Tell = Callable[[BoardAddress], None]


async def serve_board(
    settings: Settings, opened: Callable[[], AbstractAsyncContextManager[App]], *, port: int, tell: Tell
) -> None:
    """
    Serve the board on 127.0.0.1 until SIGINT, SIGTERM or SIGHUP comes, or the pipe closes that is stdin.

    `opened` opens the app. Where a board runs on this state folder already, only its address is told. Port 0 is any.

    Raises:
        ConfigError: the port is taken, or the state folder cannot be used.
        StoreError: the job database cannot be used.
    """
    from ...store import BoardFile
    from ..http_server import bound

    place = BoardFile(settings.state_dir)
    try:
        claimed = await anyio.to_thread.run_sync(place.claim)
    except OSError as error:
        raise StoreError(
            f"The state folder {settings.state_dir} cannot be used: {error.strerror or error}.",
            hint="Make it writable, or set SEEDANCE_STATE_DIR to another folder.",
        ) from error
    if not claimed:
        tell(await _of_another(place))
        return
    try:
        with contextlib.closing(bound("127.0.0.1", port, hint=_TAKEN)) as listening:
            async with opened() as app:
                await _serve(app, place, listening, tell)
    finally:
        place.release()


async def _serve(app: App, place: BoardFile, listening: socket.socket, tell: Tell) -> None:
    from ..http_server import HttpServer
    from .access import Access
    from .events import Changes
    from .in_process import tools_here
    from .routes import LocalBoard, application

    board = place.write(listening.getsockname()[1])
    sessions, changes = Sessions(board.secret), Changes(app)
    async with tools_here(app) as tools:
        routes = application(LocalBoard(app, sessions, tools=tools, changes=changes))
        server = HttpServer(
            Access(routes, listening.getsockname()[1]),
            listening,
            connections=_CONNECTIONS,
            last_answers_seconds=_LAST_ANSWERS_SECONDS,
        )

        def end() -> None:
            changes.close()
            server.end()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(changes.run)
            tasks.start_soon(_at_a_signal, end)
            tasks.start_soon(_at_the_end_of_stdin, end)
            tell(_address(board, sessions.code(), sessions.code(), already=False))
            await server.run_until_ended()
            tasks.cancel_scope.cancel()


async def _of_another(place: BoardFile) -> BoardAddress:
    """Ask the board that runs already for codes; one that has just been started is waited for."""
    board = None
    with anyio.move_on_after(_STARTING_SECONDS):
        while board is None:
            board = place.running()
            if board is not None:
                to_show, to_open = [await anyio.to_thread.run_sync(ask_for_code, board) for _ in range(2)]
                if to_show is not None and to_open is not None:
                    return _address(board, to_show, to_open, already=True)
            await anyio.sleep(0.1)
    raise StoreError(
        "Another process holds the place of the board of this state folder, and does not answer.",
        hint="End it, then try again.",
    )


def _address(board: RunningBoard, to_show: str, to_open: str, *, already: bool) -> BoardAddress:
    return BoardAddress(
        to_show=f"{board.url}#code={to_show}", to_open=f"{board.url}#code={to_open}", already=already
    )


async def _at_a_signal(end: Callable[[], None]) -> None:
    if sys.platform == "win32":
        return  # no signal handlers on this event loop there: Ctrl-C arrives as KeyboardInterrupt
    # SIGHUP comes when the terminal closes.
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        async for _ in signals:
            end()


async def _at_the_end_of_stdin(end: Callable[[], None]) -> None:
    """End with whoever holds the other end of the pipe that is stdin. A terminal is left alone, and so is the null device."""
    with contextlib.suppress(OSError, ValueError):  # closed, or nothing that can be waited for
        if sys.platform == "win32" or not stat.S_ISFIFO(os.fstat(0).st_mode):
            return
        while True:
            await anyio.wait_readable(0)
            if not os.read(0, 4096):
                end()
                return
