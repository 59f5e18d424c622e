"""Which offer a request goes to, with what it will cost there and elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from ..config import Settings
from ..errors import InvalidRequest, SeedanceError
from ..types import MediaFile, VideoRequest
from .defaults import check_defaults
from .fitting import FIT_HINT, Fitted, fitted
from .keys import not_by_name

if TYPE_CHECKING:
    from ..catalog import Catalog, Estimate, Offer


@dataclass(frozen=True, kw_only=True)
class Plan:
    """
    A request as it would be bought: where, in full, for how much, and why there. No estimate: price unknown.

    `notes` say what the person should know about the price, and about what is sent in place of a file. `preferred` is
    the provider that would have been chosen instead of this paid one, if its key was not malformed.
    """

    offer: Offer
    request: VideoRequest
    estimate: Estimate | None
    reason: str
    notes: tuple[str, ...] = ()
    preferred: str | None = None


@dataclass(frozen=True, kw_only=True)
class OtherOffer:
    """The same request elsewhere. `differences` says in words what would not be the same."""

    offer: Offer
    ready: bool
    estimate: Estimate | None
    differences: tuple[str, ...]


def plan(
    request: VideoRequest,
    *,
    catalog: Catalog,
    settings: Settings,
    ready: Mapping[str, bool],
    malformed: Mapping[str, str],
    media: Mapping[str, MediaFile],
) -> Plan:
    """
    Choose the offer for a request and fill in what was not given.

    The provider and model of the request win, then the settings. Without either: the newest model within the
    limit for one job, at the cheapest provider that is ready; the sandbox where no key is set. `malformed` says by
    provider what is wrong with its key: it is left out, and the reason says so.

    Raises:
        InvalidRequest: no offer can do it; all problems of the closest offer, and who else could.
        ConfigError: the settings name a provider or a model for it that cannot be used; or the key is malformed of the
            provider that is named, or of the only one that could do it.
    """
    check_defaults(request, settings, catalog)
    provider = request.provider or settings.provider
    if provider is not None and provider in malformed:
        raise not_by_name(provider, malformed[provider], setting=request.provider is None)
    model = request.model or settings.model
    if provider is not None and model is not None:
        offer = catalog.offer(provider, model)
        try:
            return _made(request, offer, settings, media, "as asked")
        except InvalidRequest as error:
            raise _with_hint(error, request, catalog, settings, media, [offer]) from None
    pool = [catalog.provider(provider).name] if provider else _ready_pool(catalog, ready)
    if model is not None:
        catalog.model(model)
    offers = [offer for name in pool for offer in catalog.offers(provider=name, model=model)]
    plans, problems = _plans(request, offers, settings, media)
    others = () if provider else [o for name in malformed for o in catalog.offers(provider=name, model=model)]
    left_out, _ = _plans(request, others, settings, media)
    if not plans and left_out:
        name = left_out[0].offer.provider.name
        raise not_by_name(name, malformed[name], setting=False)
    if not plans:
        if problems is None:
            where = f"{provider} does not sell" if provider else "No provider that is ready sells"
            problems = InvalidRequest([f"{where} {model or 'any model'}."])
        raise _with_hint(problems, request, catalog, settings, media, offers)
    best = _best(plans, catalog, settings, named=provider is not None, pool=pool, model=model)
    return _beside(best, [*plans, *left_out], catalog, settings, malformed)


def _plans(
    request: VideoRequest, offers: Iterable[Offer], settings: Settings, media: Mapping[str, MediaFile]
) -> tuple[list[Plan], InvalidRequest | None]:
    """Make a plan for each offer that can do it; and what is wrong with the request at the first that cannot."""
    plans: list[Plan] = []
    problems: InvalidRequest | None = None
    for offer in offers:
        try:
            plans.append(_made(request, offer, settings, media, ""))
        except InvalidRequest as error:
            problems = problems or error
    return plans, problems


def _beside(
    best: Plan, all_plans: list[Plan], catalog: Catalog, settings: Settings, malformed: Mapping[str, str]
) -> Plan:
    """Say of the chosen plan who was left out for a malformed key, and whether one of those would have been chosen."""
    names = dict.fromkeys(name for plan in all_plans if (name := plan.offer.provider.name) in malformed)
    if not names:
        return best
    reasons = "; ".join(f"{name} is left out: {malformed[name].rstrip('.')}" for name in names)
    best = replace(best, reason=f"{best.reason}; {reasons}")
    if best.offer.provider.placeholder:
        return best
    first = _first(all_plans, catalog, settings).offer.provider.name
    return replace(best, preferred=first if first in malformed else None)


def _ready_pool(catalog: Catalog, ready: Mapping[str, bool]) -> list[str]:
    paid = [name for name, info in catalog.providers.items() if ready.get(name) and not info.placeholder]
    return paid or [name for name, info in catalog.providers.items() if info.placeholder]


def _made(
    request: VideoRequest, offer: Offer, settings: Settings, media: Mapping[str, MediaFile], reason: str
) -> Plan:
    from ..catalog import estimate, resolve  # read on first use, not when the server starts

    sent = fitted(request, offer, media) if settings.fit else Fitted(media=media)
    resolved = resolve(request, offer, sent.media, carried=settings.carrier is not None)
    price = estimate(resolved, offer, sent.media, cny_per_usd=settings.cny_per_usd)
    return Plan(offer=offer, request=resolved, estimate=price, reason=reason, notes=sent.notes)


def _with_hint(
    error: InvalidRequest,
    request: VideoRequest,
    catalog: Catalog,
    settings: Settings,
    media: Mapping[str, MediaFile],
    asked: Iterable[Offer],
) -> InvalidRequest:
    """Say of a refused request which offers could do it as it stands, and whether drawing images anew would help."""
    from ..catalog import able_offers

    able = able_offers(request, catalog, media, carried=settings.carrier is not None)
    hint = _also(able) if able else error.hint
    if not settings.fit and any(_would_fit(request, offer, settings, media) for offer in asked):
        hint = f"{FIT_HINT} {hint}"
    return InvalidRequest(error.problems, hint=hint)


def _would_fit(
    request: VideoRequest, offer: Offer, settings: Settings, media: Mapping[str, MediaFile]
) -> bool:
    try:
        _made(request, offer, replace(settings, fit=True), media, "")
    except InvalidRequest:
        return False
    return True


def _also(able: Iterable[Offer]) -> str:
    names: dict[str, list[str]] = {}
    for offer in able:
        names.setdefault(offer.model.id, []).append(offer.provider.name)
    if not names:
        return "No offer in the catalogue can do this request; change the named arguments. Nothing was spent."
    shown = "; ".join(f"{model} ({', '.join(providers)})" for model, providers in list(names.items())[:4])
    return f"Change the named arguments, or use an offer that can do this as it stands: {shown}. Nothing was spent."


def _best(
    plans: list[Plan],
    catalog: Catalog,
    settings: Settings,
    *,
    named: bool,
    pool: list[str],
    model: str | None,
) -> Plan:
    best = _first(plans, catalog, settings)
    words: list[str] = []
    if model is None:
        words.append(
            f"{best.offer.model.id} is the newest model whose published price is within the limit for one job"
            if _most(best) <= settings.max_usd_per_job
            else f"{best.offer.model.id} is the cheapest model here, and none has a published price that is within the"
            " limit for one job"
        )
    if best.offer.provider.placeholder and not named:
        words.append("no provider of real videos has a usable key, so the free sandbox makes a placeholder")
    elif not named:
        words.append(
            f"{best.offer.provider.name} is the only provider that is ready"
            if len(pool) == 1
            else f"{best.offer.provider.name} is the cheapest provider that is ready"
        )
    return replace(best, reason="; ".join(words) or "as asked")


def _first(plans: list[Plan], catalog: Catalog, settings: Settings) -> Plan:
    """Give the cheapest plan of the newest model that is within the limit for one job; else the cheapest of all."""
    affordable = [plan for plan in plans if _most(plan) <= settings.max_usd_per_job] or [
        min(plans, key=_most)
    ]
    rank = {name: place for place, name in enumerate(catalog.models)}
    newest = min(rank.get(plan.offer.model.id, len(rank)) for plan in affordable)
    same_model = [plan for plan in affordable if rank.get(plan.offer.model.id, len(rank)) == newest]
    return min(same_model, key=_most)


def _most(plan: Plan) -> Decimal:
    return plan.estimate.maximum.usd if plan.estimate else Decimal("Infinity")


def elsewhere(
    asked: VideoRequest,
    chosen: Plan,
    *,
    catalog: Catalog,
    settings: Settings,
    ready: Mapping[str, bool],
    media: Mapping[str, MediaFile],
) -> tuple[OtherOffer, ...]:
    """Price the same request at every other offer that can do it, cheapest first, unknown prices last."""
    found: list[OtherOffer] = []
    free = asked.model_copy(update={"provider": None, "model": None})
    for offer in catalog.offers():
        if (offer.provider.name, offer.model.id) == (chosen.offer.provider.name, chosen.offer.model.id):
            continue
        if offer.provider.placeholder and not chosen.offer.provider.placeholder:
            continue
        try:
            other = _made(free, offer, settings, media, "")
        except SeedanceError:
            continue
        found.append(
            OtherOffer(
                offer=offer,
                ready=ready.get(offer.provider.name, False),
                estimate=other.estimate,
                differences=_differences(chosen, other),
            )
        )
    return tuple(
        sorted(found, key=lambda other: other.estimate.price.usd if other.estimate else Decimal("Infinity"))
    )


_COMPARED = ("duration", "resolution", "aspect_ratio", "generate_audio", "watermark")


def _differences(chosen: Plan, other: Plan) -> tuple[str, ...]:
    words: list[str] = []
    if other.offer.model.id != chosen.offer.model.id:
        words.append(f"model {other.offer.model.id}")
    if other.offer.provider.placeholder:
        words.append("placeholder only")
    if len(other.notes) > len(chosen.notes):
        words.append("an image made to fit")
    for field in _COMPARED:
        here, there = getattr(chosen.request, field), getattr(other.request, field)
        if here != there:
            words.append(f"{field} {'not settable' if there is None else there}")
    here_size, there_size = chosen.offer.size(chosen.request), other.offer.size(other.request)
    if here_size and there_size and here_size != there_size:
        words.append(f"{there_size[0]}x{there_size[1]} pixels")
    return tuple(words)
