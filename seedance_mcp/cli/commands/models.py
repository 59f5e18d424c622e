"""The command `models`: what each model can do, who sells it and for how much."""

from __future__ import annotations

import argparse
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import anyio

from ...config import Settings, command, load_settings
from ..opening import opened
from ..text import digits, json_text, table

if TYPE_CHECKING:
    from ...presentation import results


def configure(parser: argparse.ArgumentParser) -> None:
    """Add what narrows the list."""
    parser.add_argument("model", nargs="?", help="Only this model, with its limits")
    parser.add_argument("--provider", help="Only what this provider sells")
    parser.add_argument("--json", action="store_true", help="Print JSON")


def execute(arguments: argparse.Namespace) -> int:
    """Print the models."""
    anyio.run(_models, load_settings(), arguments.model, arguments.provider, arguments.json)
    return 0


async def _models(settings: Settings, model: str | None, provider: str | None, as_json: bool) -> None:
    from ...presentation import catalog_views

    async with opened(settings, watch=False) as app:
        found = catalog_views.models(app, model=model, provider=provider)
    if as_json:
        print(json_text(found.model_dump(mode="json")))
    elif model:
        print("\n\n".join(_details(one) for one in found.models))
    else:
        print(_overview(found))


def _overview(found: results.ModelsShape) -> str:
    head = ("MODEL", "STARTS FROM", "RESOLUTIONS", "SECONDS", "SOUND", "SOLD BY")
    rows = [
        (
            one.model,
            ", ".join(one.modes),
            ", ".join(one.resolutions),
            one.duration_seconds.partition(",")[0],
            "yes" if one.audio else "no",
            ", ".join(offer.provider for offer in one.offers),
        )
        for one in found.models
    ]
    ready = ", ".join(seller.provider for seller in found.providers if seller.ready)
    return f"{table(head, rows)}\n\nReady: {ready}. `{command('models MODEL')}` tells limits and prices."


def _details(model: results.ModelShape) -> str:
    from ...presentation import catalog_views

    lines = [
        f"{model.model}: {model.title}",
        f"starts from:   {', '.join(model.modes)}",
        f"resolutions:   {', '.join(model.resolutions)}",
        f"aspect ratios: {', '.join(model.aspect_ratios)}",
        f"seconds:       {model.duration_seconds}",
        f"sound:         {'yes' if model.audio else 'no'}",
    ]
    inputs: dict[str, Any] = (model.details or {}).get("inputs", {})
    taken = [kind for kind in ("image", "video", "audio") if inputs.get(kind)]
    lines += [f"{f'{kind} in:':<15}{_limits(inputs[kind])}" for kind in taken]
    rows = [
        (offer.provider, "yes" if offer.ready else "no", _price(offer.example_usd)) for offer in model.offers
    ]
    return "\n".join(
        [*lines, "", table(("PROVIDER", "READY", f"USD FOR {catalog_views.EXAMPLE.upper()}"), rows)]
    )


def _limits(limit: dict[str, Any]) -> str:
    words = [f"up to {limit['count']}", " ".join(name.rpartition("/")[2] for name in limit["formats"])]
    words.append(f"{limit['max_bytes'] / 2**20:.0f} MB each")
    for name, unit in (
        ("sides", "pixels a side"),
        ("ratio", "wide by high"),
        ("seconds", "seconds"),
        ("fps", "fps"),
    ):
        if limit.get(name):
            least, most = limit[name]
            words.append(f"{least:g} to {most:g} {unit}")
    return ", ".join(words)


def _price(usd: str | None) -> str:
    return digits(Decimal(usd)) if usd is not None else "unknown"
