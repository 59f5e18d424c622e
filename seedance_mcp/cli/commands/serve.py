"""The command `serve`: the MCP server over HTTP, until a signal ends it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial

from ...config import load_settings
from ...server import ServeOptions, run_http
from ...texts import listed
from ..arguments import whole_number
from ..metrics_flag import add_metrics

_PORT = 8765


def configure(parser: argparse.ArgumentParser) -> None:
    """Add where it listens, and under which names others come."""
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="Default: 127.0.0.1. Any other needs a token (`seedance-mcp tokens add NAME`) or SEEDANCE_OAUTH_ISSUER",
    )
    parser.add_argument(
        "--port",
        type=whole_number(0, 65535),
        default=_PORT,
        metavar="N",
        help=f"Default: {_PORT}; 0: any that is free",
    )
    parser.add_argument(
        "--public-host",
        action="append",
        default=[],
        metavar="NAME",
        help="Name under which others reach it, such as that of a proxy with a certificate; may be repeated. Needs a token",
    )
    parser.add_argument(
        "--no-buy",
        action="store_true",
        help="Only reserve, wait and answer: `seedance-mcp work` buys, here or on other machines. Needs SEEDANCE_DATABASE_URL",
    )
    parser.add_argument(
        "--board",
        action="store_true",
        help="Serve the board at /board as well, to whoever signs in with a token (`seedance-mcp tokens add NAME`)",
    )
    add_metrics(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Serve until ended."""
    settings = load_settings()
    is_for_people = settings.log_format == "text"
    options = ServeOptions(
        host=arguments.host,
        port=arguments.port,
        public=arguments.public_host,
        buys=not arguments.no_buy,
        metrics=arguments.metrics,
        board=arguments.board,
    )
    tell = partial(_tell, teams=settings.served_teams) if is_for_people else _tell_address
    run_http(settings, options, tell=tell)
    return 0


def _tell_address(url: str) -> None:
    print(url, flush=True)


def _tell(url: str, *, teams: Sequence[str]) -> None:
    _tell_address(url)
    what = url.rpartition("/")[2]
    words = _WORDS.get(what, "The proxy hands on to this address, where the server listens.")
    if what == "mcp" and teams:
        words += f" It serves {'the teams ' if len(teams) > 1 else 'the team '}{listed(teams)}."
    print(words, file=sys.stderr, flush=True)


_WORDS = {
    "mcp": "Clients reach the MCP server at this address. Ctrl-C ends it.",
    "board": "People see the board at this address, and sign in with a token.",
    "metrics": "Prometheus reads at this address.",
}
