"""The catalogue as an assistant sees it: what each model can do, where it is sold, what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from ..errors import InvalidRequest
from ..types import VideoRequest
from . import results as shape
from .views import decimal

if TYPE_CHECKING:
    from ..app import App
    from ..catalog import Catalog, Model, Offer

_EXAMPLES = tuple(
    VideoRequest.model_validate(
        {"prompt": "A red fox trots through fresh snow.", "duration": 5, "resolution": "720p", **shape}
    )
    for shape in ({"aspect_ratio": "16:9"}, {})
)
"""The second for offers that choose the ratio themselves."""

EXAMPLE = "5 s at 720p from text"
"""What an example price is for, in words."""

_prices: WeakKeyDictionary[Catalog, dict[tuple[str, str, Decimal], str | None]] = WeakKeyDictionary()
"""The price of the example by provider, model and CNY for a dollar: pricing every offer is most of a list's work."""


def models(app: App, *, model: str | None = None, provider: str | None = None) -> shape.ModelsShape:
    """
    The models on sale, newest first; a single one with its limits in detail.

    Raises:
        InvalidRequest: there is no such model or provider.
    """
    catalog, ready = app.catalog, app.providers_ready()
    problems = {**app.misnamed_keys, **app.malformed_keys}
    chosen = catalog.model(model).id if model else None
    seller = catalog.provider(provider).name if provider else None
    offers: dict[str, list[Offer]] = {}
    for offer in catalog.offers(model=chosen, provider=seller):
        offers.setdefault(offer.model.id, []).append(offer)
    return shape.ModelsShape(
        models=tuple(
            _model(app, catalog.models[name], found, ready, detailed=chosen is not None)
            for name, found in offers.items()
        ),
        providers=tuple(
            shape.ProviderShape(
                provider=info.name,
                title=info.title,
                ready=ready[info.name],
                variables=info.key_variables,
                key_page=info.key_page or None,
                problem=problems.get(info.name),
            )
            for info in catalog.providers.values()
            if seller in (None, info.name)
        ),
        next_step=(
            f"{'' if chosen else 'list_models with a model tells its limits; '}estimate_cost prices a request at every"
            f" offer. example_usd is the price of {EXAMPLE}, with sound where the model makes it."
        ),
    )


def _model(
    app: App, model: Model, offers: list[Offer], ready: Mapping[str, bool], *, detailed: bool
) -> shape.ModelShape:
    lengths = model.durations
    return shape.ModelShape(
        model=model.id,
        title=model.title,
        modes=model.modes,
        resolutions=model.resolutions,
        aspect_ratios=model.aspect_ratios,
        duration_seconds=f"{lengths.min}-{lengths.max}"
        + (", or -1: the model chooses" if lengths.auto else ""),
        audio=model.audio,
        offers=tuple(
            shape.OfferShape(
                provider=offer.provider.name,
                ready=ready[offer.provider.name],
                example_usd=_example_price(app, offer),
            )
            for offer in offers
        ),
        details=_details(model) if detailed else None,
    )


def _details(model: Model) -> dict[str, Any]:
    told = model.model_dump(
        mode="json",
        exclude_none=True,
        include={
            "summary", "fps", "default_resolution", "default_aspect_ratio", "durations", "sizes", "seed",
            "camera_fixed", "draft", "inputs", "languages", "prompting",
        },
    )  # fmt: skip
    return told | {"guide": f"seedance://guide/{model.id}"}


def _example_price(app: App, offer: Offer) -> str | None:
    known = _prices.setdefault(app.catalog, {})
    key = (offer.provider.name, offer.model.id, app.settings.cny_per_usd)
    if key not in known:
        known[key] = _priced(app, offer)
    return known[key]


def _priced(app: App, offer: Offer) -> str | None:
    from ..catalog import estimate, resolve  # read on first use, not when the server starts

    for example in _EXAMPLES:
        try:
            request = resolve(example, offer, {})
        except InvalidRequest:
            continue
        found = estimate(request, offer, {}, cny_per_usd=app.settings.cny_per_usd)
        return decimal(found.price.usd) if found else None
    return None
