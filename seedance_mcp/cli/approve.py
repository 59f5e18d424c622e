"""The command `approve`: shows a person what an assistant was told to ask, and takes the answer."""

from __future__ import annotations

import argparse
import sys

import anyio

from ..config import Settings, load_settings
from ..errors import ConfirmationRequired, InvalidRequest
from .consent import at_a_terminal, says_yes
from .opening import opened


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the code, and the answer for where nobody can be asked."""
    parser.add_argument("code", help="The code that the assistant shows")
    parser.add_argument(
        "--yes", action="store_true", help="Agree without being asked: for scripts of your own"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Show the question and note the answer."""
    return anyio.run(_approve, load_settings(), arguments.code, arguments.yes)


async def _approve(settings: Settings, code: str, yes: bool) -> int:
    async with opened(settings, watch=False) as app:
        question = await app.question(code)
        if question is None:
            raise _closed()
        if not yes and not at_a_terminal():
            raise ConfirmationRequired(
                f"This is no terminal, so nobody can be asked: {question.sentence}",
                token=None,
                hint="Run it in a terminal, or add --yes if you have read the question and agree. Nothing was bought.",
            )
        print(question.text, file=sys.stderr)
        if not yes and not await anyio.to_thread.run_sync(says_yes, "Agree?"):
            await app.decline(code)
            print("Not agreed. Nothing was bought.", file=sys.stderr)
            return 2
        if not await app.approve(code):
            raise _closed()
    print("Agreed, once. Tell the assistant to go on.")
    return 0


def _closed() -> InvalidRequest:
    return InvalidRequest(
        ["This code is unknown, used already, or older than 15 minutes."],
        hint="Let the assistant ask again: it gets a new code.",
    )
