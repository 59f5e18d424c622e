"""The command `board`: serves the board on this machine and opens it in the browser."""

from __future__ import annotations

import argparse
import subprocess
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING

from ...config import environment_without_keys, has_display, load_settings
from ...server import run_board
from ..opening import opened

if TYPE_CHECKING:
    from ...presentation.board import BoardAddress


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the port, and the choice to open no browser."""
    parser.add_argument(
        "--port", type=_port, default=0, metavar="N", help="The port on 127.0.0.1; any free one if left away"
    )
    parser.add_argument("--no-browser", action="store_true", help="Only print the address")


def execute(arguments: argparse.Namespace) -> int:
    """Serve until ended; or print the address of the board that runs already."""
    settings = load_settings()
    tell = partial(_tell, browser=not arguments.no_browser and has_display())
    run_board(settings, partial(opened, settings, leave=True), port=arguments.port, tell=tell)
    return 0


def _tell(address: BoardAddress, *, browser: bool) -> None:
    print(address.to_show, flush=True)
    print(
        "This address opens the board once, within a minute; the same command gives another.", file=sys.stderr
    )
    print("It runs already." if address.already else "Ctrl-C ends it.", file=sys.stderr)
    if browser:
        _open(address.to_open)


def _open(url: str) -> None:
    """Open a browser by a program of its own, which is given none of our keys."""
    process = subprocess.Popen(  # noqa: S603  Python itself, with an address of ours
        [sys.executable, "-P", "-m", "webbrowser", url],
        env=environment_without_keys(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    threading.Thread(target=process.wait, daemon=True).start()  # it may last as long as the browser


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise ValueError
    return number
