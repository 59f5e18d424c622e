"""The command `estimate`: the price of a request here and at every other offer that can do it."""

from __future__ import annotations

import argparse

import anyio

from ...app import Quote
from ...config import Settings, load_settings
from ...texts import digits, digits_left, inert
from ...types import PurchaseTerms, VideoRequest
from ..arguments import add_request_arguments, add_variations, allow_named_files, amount, read_request
from ..opening import opened
from ..text import json_text, money, table
from ..words import told


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the fields of the request."""
    add_request_arguments(parser)
    parser.add_argument(
        "--max-usd", type=amount, metavar="USD", help="Say which ready offers cost at most so much"
    )
    add_variations(parser)
    parser.add_argument("--json", action="store_true", help="Print JSON")


def execute(arguments: argparse.Namespace) -> int:
    """Print the estimate; nothing is spent."""
    request = read_request(arguments)
    terms = PurchaseTerms(max_usd=arguments.max_usd, variations=arguments.variations)
    anyio.run(_estimate, allow_named_files(load_settings(), request), request, terms, arguments.json)
    return 0


async def _estimate(settings: Settings, request: VideoRequest, terms: PurchaseTerms, as_json: bool) -> None:
    async with opened(settings, watch=False) as app:
        quote = await app.estimate(request, terms)
        if as_json:
            from ...presentation import views

            print(json_text((await views.estimate(app, quote)).model_dump(mode="json")))
        else:
            print(_lines(quote))


def _lines(quote: Quote) -> str:
    estimate, budget = quote.estimate, quote.budget
    name = f"{quote.offer.model.title} at {quote.offer.provider.title}"
    lines = [f"{name}: {money(estimate.price) if estimate else 'price unknown'}", quote.reason]
    if estimate:
        if estimate.maximum.usd > estimate.price.usd:
            lines.append(f"At most {money(estimate.maximum)}.")
        if quote.variations:
            total = estimate.price.times(quote.variations)
            lines.append(f"{quote.variations} videos: {money(total)}.")
        lines.append(f"{estimate.basis} (prices of {estimate.verified}, confidence {estimate.confidence})")
    else:
        lines.append(f"At most {digits(budget.max_per_job_usd)} USD is counted for it.")
    if quote.usual_seconds:
        lines.append(f"Usually done in {quote.usual_seconds:.0f} s.")
    left, most = digits_left(budget.left_today_usd), digits(budget.max_per_job_usd)
    lines.append(f"Left today: {left} USD; one job may cost {most} USD.")
    if quote.outlook.refused:
        lines.append(f"`generate` would refuse it now: {inert(told(quote.outlook.refused))}")
    elif quote.outlook.asks:
        who = "an administrator" if quote.outlook.by_administrator else "a person"
        lines.append(f"`generate` asks {who} to agree first: {inert(told(quote.outlook.asks))}")
    notes = (*quote.notes, *(one.line for one in quote.advice), *filter(None, [quote.within]))
    lines += [f"note: {inert(told(line))}" for line in notes]
    rows = [
        (
            other.offer.provider.name,
            other.offer.model.id,
            money(other.estimate.price) if other.estimate else "unknown",
            "yes" if other.ready else "no",
            "; ".join(other.differences),
        )
        for other in quote.others
    ]
    if rows:
        head = "The real video:" if quote.offer.provider.placeholder else "Elsewhere:"
        lines += ["", head, table(("PROVIDER", "MODEL", "PRICE", "READY", "DIFFERENT THERE"), rows)]
    return "\n".join(lines)
