"""The command `generate`: the price, the wait, the path of the video."""

from __future__ import annotations

import argparse
import sys
from functools import partial

import anyio

from ...app import App
from ...config import Settings, load_settings
from ...errors import ConfirmationRequired
from ...texts import inert
from ...types import PurchaseTerms, VideoRequest
from ..arguments import add_request_arguments, add_variations, allow_named_files, amount, read_request
from ..consent import at_a_terminal, says_yes
from ..opening import opened
from ..text import digits, money
from ..waiting import finish, say_if_hook_failed, wait_with_progress
from ..words import told


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the fields of the request, then what only a purchase needs."""
    add_request_arguments(parser)
    parser.add_argument("--max-usd", type=amount, help="Refuse if it could cost more than this")
    parser.add_argument(
        "--allow-duplicate", action="store_true", help="Make it again although the same is under way"
    )
    parser.add_argument(
        "--request-key",
        metavar="KEY",
        help="Your name for this purchase, 8 to 64 letters, digits and . _ -: the same key never buys twice",
    )
    add_variations(parser)
    parser.add_argument(
        "--yes", action="store_true", help="Agree to a price above the threshold without being asked"
    )
    parser.add_argument("--json", action="store_true", help="Print the job as JSON instead of the path")


def execute(arguments: argparse.Namespace) -> int:
    """Make the video; ask for consent where the settings want it."""
    request = read_request(arguments)
    settings = allow_named_files(load_settings(), request)
    make = partial(_make, settings, request, arguments)
    try:
        return anyio.run(make, None)
    except ConfirmationRequired as error:
        if not _agreed(error, settings):
            print("Not generated; nothing was spent.", file=sys.stderr)
            return 2
        return anyio.run(make, error.approval)


async def _make(
    settings: Settings, request: VideoRequest, arguments: argparse.Namespace, agreed_to: str | None
) -> int:
    """Make it. `agreed_to` is the code of the question that the person has just said yes to."""
    async with opened(settings) as app:
        if agreed_to is None:
            await _say_the_price(app, request, arguments.variations)
        started = await app.generate(
            request,
            PurchaseTerms(
                max_usd=arguments.max_usd,
                allow_duplicate=arguments.allow_duplicate,
                request_key=arguments.request_key,
                variations=arguments.variations,
                agreed_to=agreed_to,
                confirmed=arguments.yes and settings.confirm != "strict",
            ),
        )
        if started.deduplicated:
            from ...presentation import job_views

            another = "--allow-duplicate" if arguments.request_key is None else "a new --request-key"
            found = "job" if started.videos is None else "set"
            print(
                f"This request was made before: this is its {found}; nothing was {job_views.done(app, started.job)} now."
                f" {another} makes another.",
                file=sys.stderr,
            )
        jobs = (started.job,) if started.videos is None else started.videos.jobs
        if started.videos is not None:
            print(f"set {started.videos.id}: {len(jobs)} videos", file=sys.stderr)
        codes = [
            await finish(app, await wait_with_progress(app, job), as_json=arguments.json) for job in jobs
        ]
    for job in jobs:
        await say_if_hook_failed(settings, job.id)
    return max(codes)


async def _say_the_price(app: App, request: VideoRequest, variations: int | None) -> None:
    quote = await app.estimate(request, PurchaseTerms(variations=variations))
    counted = digits(quote.budget.max_per_job_usd)
    price = (
        money(quote.estimate.price) if quote.estimate else f"price unknown, at most {counted} USD is counted"
    )
    if quote.estimate and variations is not None:
        price = f"{variations} videos at {price}, {money(quote.estimate.price.times(variations))} in all"
    print(
        f"{quote.offer.model.title} at {quote.offer.provider.title}: {price}; {quote.reason}", file=sys.stderr
    )
    for line in (*quote.notes, *(one.line for one in quote.advice)):
        print(f"note: {inert(told(line))}", file=sys.stderr)


def _agreed(error: ConfirmationRequired, settings: Settings) -> bool:
    if not at_a_terminal():
        hint = (
            "Run it in a terminal"
            if settings.confirm == "strict"
            else "Run it in a terminal, or again with --yes"
        )
        raise ConfirmationRequired(error.message, token=None, hint=f"{hint}. Nothing was spent.") from None
    return says_yes(f"{error.question}\nGenerate it?")
