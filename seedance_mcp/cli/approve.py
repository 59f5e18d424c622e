"""The command `approve`: a person agrees to a price that an assistant was asked to confirm."""

from __future__ import annotations

import argparse

import anyio

from ..config import Settings, load_settings
from ..errors import InvalidRequest
from .opening import opened


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the code."""
    parser.add_argument("code", help="The code that the assistant shows")


def execute(arguments: argparse.Namespace) -> int:
    """Note the agreement."""
    return anyio.run(_approve, load_settings(), arguments.code)


async def _approve(settings: Settings, code: str) -> int:
    async with opened(settings, watch=False) as app:
        usd = await app.approve(code)
    if usd is None:
        raise InvalidRequest(
            ["This code is unknown, used already, or older than 15 minutes."],
            hint="Let the assistant ask again: it gets a new code.",
        )
    print(f"Agreed: up to {usd:.2f} USD, once. Tell the assistant to go on.")
    return 0
