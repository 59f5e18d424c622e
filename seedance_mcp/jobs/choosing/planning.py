"""Which offer a request goes to, with what it will cost there and elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from ...config import Settings
from ...errors import InvalidRequest, SeedanceError
from ...remarks import Advice
from ...types import MediaFile, VideoRequest
from ..inputs.fitting import FIT_HINT, fitted
from ..inputs.resolved_request import ResolvedRequest
from ..pool.carriers import way
from ..pool.provider_keys import not_by_name
from ..pool.provider_pool import ProviderPool
from . import ladder
from .defaults import check_defaults
from .plans import OtherOffer, Plan
from .quotes import Quotes, priced

if TYPE_CHECKING:
    from ...catalog import Offer


_Refusal = tuple["Offer", InvalidRequest]
"""An offer that cannot do a request, and why."""


class Planner:
    """Chooses the offer for a request, fills in what was not given, and prices it there and elsewhere."""

    def __init__(self, pool: ProviderPool, settings: Settings) -> None:
        self._pool = pool
        self._settings = settings
        self._quotes = Quotes()

    def plan(self, asked: ResolvedRequest) -> Plan:
        """
        Choose where a request goes, and say how its files get there.

        The provider and model of the request win, then the settings. Without either: the newest model within the
        limit for one job, at the cheapest provider that is ready; the sandbox where no key is set. A provider whose
        key is malformed is left out, and the reason says so.

        Raises:
            InvalidRequest: it cannot be made: all problems at once, those of the media first, then those of the
                offer that comes nearest, which is named, and who else could.
            ConfigError: the provider or the model that the settings name cannot be used, or the carrier that a file
                needs; or the key is malformed of the provider that is named, or of the only one that could do it.
        """
        try:
            chosen = self._planned(asked)
        except InvalidRequest as error:
            if asked.trouble is None:
                raise
            hints = " ".join(filter(None, (asked.trouble.hint, error.hint)))
            raise InvalidRequest((*asked.trouble.problems, *error.problems), hint=hints) from None
        if asked.trouble is not None:
            raise asked.trouble
        info = chosen.offer.provider
        ways = [way(file, info, self._settings, self._pool.carrier) for file in asked.media.values()]
        return replace(chosen, notes=(*chosen.notes, *dict.fromkeys(filter(None, ways))))

    async def quoted(self, plan: Plan) -> Plan:
        """Ask the provider for its own price, where it gives one; takes 3 seconds at most and never raises for it."""
        info = plan.offer.provider
        if info.placeholder or "quote" not in info.supports or not self._pool.is_ready(info):
            return plan
        provider = self._pool.open(info)
        answer = await self._quotes.ask(provider, plan.request, plan.offer, self._pool.account(info))
        return priced(plan, answer, cny_per_usd=self._settings.cny_per_usd)

    def elsewhere(self, asked: ResolvedRequest, chosen: Plan) -> tuple[OtherOffer, ...]:
        """
        Price the same request at every other offer of a real video that can do it, cheapest first, unknown prices last.

        A draft is compared with takes of its size. Its own take in full is to be had nowhere else.
        """
        if asked.finishes is not None:
            return ()
        found: list[OtherOffer] = []
        ready = self._pool.ready()
        free = asked.request.model_copy(update={"provider": None, "model": None, "quality": None})
        if chosen.ladder is not None:
            free = free.model_copy(update={"resolution": chosen.request.resolution})
        for offer in self._pool.catalog.offers():
            if (offer.provider.name, offer.model.id) == (chosen.offer.provider.name, chosen.offer.model.id):
                continue
            if offer.provider.placeholder:
                continue
            try:
                other = self._at(offer, free, asked.media)
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
            sorted(
                found, key=lambda other: other.estimate.price.usd if other.estimate else Decimal("Infinity")
            )
        )

    def advice(self, plan: Plan, asked: ResolvedRequest) -> tuple[Advice, ...]:
        """Tell what to know about a request before it is bought: about its prompt, and about its files."""
        from ...catalog import advise  # read on first use, not when the server starts

        if asked.finishes is not None:  # that was said of the draft
            return ()
        return advise(plan.request, plan.offer, plan.media, asked=asked.request)

    def notes(self, plan: Plan, asked: ResolvedRequest) -> tuple[str, ...]:
        """Tell what its basis means for a request, and what a draft leads to."""
        return (*asked.notes, *([] if plan.ladder is None else [plan.ladder.words(plan)]))

    def _planned(self, asked: ResolvedRequest) -> Plan:
        """Choose where it goes: to whom has the draft that it finishes; a draft of it, or the thing itself."""
        request, cny_per_usd = asked.request, self._settings.cny_per_usd
        if asked.finishes is not None:
            offer = self._pool.offer(asked.finishes.draft)
            return ladder.finished(asked, offer, cny_per_usd=cny_per_usd)
        if request.quality is None:
            return self._chosen(request, asked.media)
        plain = replace(asked, request=request.model_copy(update={"quality": None}))
        final = self._chosen(plain.request, asked.media)
        pool = (
            [final.offer.provider.name] if request.provider or self._settings.provider else self._ready_pool()
        )
        offers = [offer for name in pool for offer in self._pool.catalog.offers(provider=name)]
        return ladder.draft_of(final, plain, offers, at=self._at, cny_per_usd=cny_per_usd)

    def _chosen(self, request: VideoRequest, media: Mapping[str, MediaFile]) -> Plan:
        catalog, settings = self._pool.catalog, self._settings
        check_defaults(request, settings, catalog)
        malformed = self._pool.malformed_keys
        provider = request.provider or settings.provider
        if provider is not None and provider in malformed:
            raise not_by_name(provider, malformed[provider], setting=request.provider is None)
        model = request.model or settings.model
        if provider is not None and model is not None:
            offer = catalog.offer(provider, model)
            try:
                return replace(self._at(offer, request, media), reason="as asked")
            except InvalidRequest as error:
                raise self._with_hint(error, request, media, [offer]) from None
        pool = [catalog.provider(provider).name] if provider else self._ready_pool()
        if model is not None:
            catalog.model(model)
        offers = [offer for name in pool for offer in catalog.offers(provider=name, model=model)]
        plans, refusals = self._plans(offers, request, media)
        others = (
            () if provider else [o for name in malformed for o in catalog.offers(provider=name, model=model)]
        )
        left_out, _ = self._plans(others, request, media)
        if not plans and left_out:
            name = left_out[0].offer.provider.name
            raise not_by_name(name, malformed[name], setting=False)
        if not plans:
            where = f"{provider} does not sell" if provider else "No provider that is ready sells"
            error, words = _nearest(request, refusals) or (
                InvalidRequest([f"{where} {model or 'any model'}."]),
                "",
            )
            raise self._with_hint(error, request, media, offers, words)
        best = self._best(plans)
        reasons = [] if model is not None else [self._why_this_model(best, plans, refusals)]
        reasons += [] if provider is not None else [_why_this_provider(best, plans, pool)]
        best = replace(best, reason="; ".join(reasons) or "as asked")
        return self._beside(best, [*plans, *left_out])

    def _plans(
        self, offers: Iterable[Offer], request: VideoRequest, media: Mapping[str, MediaFile]
    ) -> tuple[list[Plan], list[_Refusal]]:
        """Make a plan for each offer that can do it; and what is wrong with the request at each that cannot."""
        plans: list[Plan] = []
        refusals: list[_Refusal] = []
        for offer in offers:
            try:
                plans.append(self._at(offer, request, media))
            except InvalidRequest as error:
                refusals.append((offer, error))
        return plans, refusals

    def _beside(self, best: Plan, all_plans: list[Plan]) -> Plan:
        """Add to the chosen plan who was left out for a malformed key, and whether one of those would have been chosen."""
        malformed = self._pool.malformed_keys
        names = dict.fromkeys(name for plan in all_plans if (name := plan.offer.provider.name) in malformed)
        if not names:
            return best
        reasons = "; ".join(f"{name} is left out: {malformed[name].rstrip('.')}" for name in names)
        best = replace(best, reason=f"{best.reason}; {reasons}")
        if best.offer.provider.placeholder:
            return best
        first = self._best(all_plans).offer.provider.name
        return replace(best, preferred=first if first in malformed else None)

    def is_paid(self, request: VideoRequest) -> bool:
        """Return whether a real video would be bought for this request now, not a placeholder drawn."""
        providers, name = self._pool.catalog.providers, request.provider or self._settings.provider
        names = [name] if name else self._ready_pool()
        return any(name in providers and not providers[name].placeholder for name in names)

    def _ready_pool(self) -> list[str]:
        ready, providers = self._pool.ready(), self._pool.catalog.providers
        paid = [name for name, info in providers.items() if ready.get(name) and not info.placeholder]
        return paid or [name for name, info in providers.items() if info.placeholder]

    def _at(self, offer: Offer, request: VideoRequest, media: Mapping[str, MediaFile]) -> Plan:
        """
        Plan a request at one offer.

        Raises:
            InvalidRequest: the offer cannot do it.
        """
        from ...catalog import estimate, resolve  # read on first use, not when the server starts

        settings = self._settings
        sent = fitted(request, offer, media, settings=settings)
        resolved = resolve(request, offer, sent.media, carried=settings.carrier is not None)
        price = estimate(resolved, offer, sent.media, cny_per_usd=settings.cny_per_usd)
        return Plan(
            offer=offer, request=resolved, estimate=price, reason="", notes=sent.notes, media=sent.media
        )

    def _with_hint(
        self,
        error: InvalidRequest,
        request: VideoRequest,
        media: Mapping[str, MediaFile],
        tried: Iterable[Offer],
        nearest: str = "",
    ) -> InvalidRequest:
        """List, for a refused request, which offers could do it as it stands, and whether drawing images anew would help."""
        from ...catalog import able_offers

        carried = self._settings.carrier is not None
        able = able_offers(request, self._pool.catalog, media, carried=carried)
        hint = f"{_also(able) if able else error.hint} {nearest}".rstrip()
        wished = request.model_copy(update={"fit": True})
        if not request.fit and any(self._can(wished, offer, media) for offer in tried):
            hint = f"{FIT_HINT} {hint}"
        return InvalidRequest(error.problems, hint=hint)

    def _can(self, request: VideoRequest, offer: Offer, media: Mapping[str, MediaFile]) -> bool:
        try:
            self._at(offer, request, media)
        except InvalidRequest:
            return False
        return True

    def _best(self, plans: list[Plan]) -> Plan:
        """Return the cheapest plan of the newest model that is within the limit for one job; else the cheapest of all."""
        affordable = [plan for plan in plans if self._is_affordable(plan)] or [
            min(plans, key=lambda plan: (plan.most_usd, self._rank(plan.offer)))
        ]
        newest = min(self._rank(plan.offer) for plan in affordable)
        same_model = [plan for plan in affordable if self._rank(plan.offer) == newest]
        return min(same_model, key=lambda plan: plan.most_usd)

    def _rank(self, offer: Offer) -> int:
        names = list(self._pool.catalog.models)
        return names.index(offer.model.id) if offer.model.id in names else len(names)

    def _is_affordable(self, plan: Plan) -> bool:
        return plan.most_usd <= self._settings.max_usd_per_job

    def _why_this_model(self, best: Plan, plans: list[Plan], refusals: list[_Refusal]) -> str:
        """Explain why this plan's model was chosen, and what is in the way of the newer ones."""
        name = best.offer.model.id
        if best.estimate is None:
            return f"{name} is the newest model that can make this, and no model has a published price here"
        if not self._is_affordable(best):
            return f"{name} is the cheapest model here, and none has a published price that is within the limit for one job"
        newer = [plan for plan in plans if self._rank(plan.offer) < self._rank(best.offer)]
        dear = {
            plan.offer.model.id: "may cost more" if plan.estimate else "has no published price"
            for plan in newer
        }
        unable: dict[str, str] = {}
        for offer, error in refusals:
            if self._rank(offer) < self._rank(best.offer) and offer.model.id not in dear:
                unable.setdefault(offer.model.id, f"does not take this: {error.problems[0]}")
        words = [f"{name} is the newest model"]
        words += ["that can make this"] if unable else []
        if not best.offer.provider.placeholder:
            words += [f"{'and ' if unable else ''}whose published price is within the limit for one job"]
        reasons = [f"{model} {why}" for model, why in (dear | unable).items()]
        return f"{' '.join(words)} ({'; '.join(reasons[:2])})" if reasons else " ".join(words)


def _why_this_provider(best: Plan, plans: list[Plan], pool: list[str]) -> str:
    """Explain why this plan's provider was chosen from the pool of providers."""
    name = best.offer.provider.name
    if best.offer.provider.placeholder:
        return "no provider of real videos has a usable key, so the free sandbox makes a placeholder"
    if len(pool) == 1:
        return f"{name} is the only provider that is ready"
    able = {plan.offer.provider.name for plan in plans if plan.offer.model.id == best.offer.model.id}
    if len(able) == 1:
        return f"{name} is the only provider that is ready and can make this with it"
    if best.estimate is None:
        return f"{name} is a provider that is ready"
    return f"{name} is the cheapest provider that is ready"


def _nearest(request: VideoRequest, refusals: list[_Refusal]) -> tuple[InvalidRequest, str] | None:
    """
    Return what is wrong at the offer that comes nearest: that has the fewest problems, and leaves most room to mend them.

    The words name it, and one that comes as near and has other problems, if there is one; they are empty where several
    offers all say the same. None: there are no offers.
    """
    from ...catalog import leeway  # read on first use, not when the server starts

    if not refusals:
        return None
    if len(refusals) > 1 and len({(there.problems, there.hint) for _, there in refusals}) == 1:
        return refusals[0][1], ""
    offer, error = min(refusals, key=lambda each: (len(each[1].problems), -leeway(request, each[0])))
    words = f"{offer.label} comes nearest to what is asked: the problems are those there."
    for other, there in refusals:
        if len(there.problems) == len(error.problems) and _subjects(there) != _subjects(error):
            words = f"{words} With {other.label} it is something else: {'; '.join(there.problems)}."
            break
    return error, words


def _subjects(error: InvalidRequest) -> set[str]:
    """The arguments that the problems are about."""
    return {re.split(r"[ :]", problem, maxsplit=1)[0] for problem in error.problems}


def _also(able: Iterable[Offer]) -> str:
    names: dict[str, list[str]] = {}
    for offer in able:
        names.setdefault(offer.model.id, []).append(offer.provider.name)
    if not names:
        return "No offer in the catalogue can do this request; change the named arguments. Nothing was spent."
    shown = "; ".join(f"{model} ({', '.join(providers)})" for model, providers in list(names.items())[:4])
    return f"Change the named arguments, or use an offer that can do this as it stands: {shown}. Nothing was spent."


_COMPARED = ("duration", "resolution", "aspect_ratio", "generate_audio", "watermark")


def _differences(chosen: Plan, other: Plan) -> tuple[str, ...]:
    words: list[str] = []
    if other.offer.model.id != chosen.offer.model.id:
        words.append(f"model {other.offer.model.id}")
    if len(other.notes) > len(chosen.notes):
        words.append("an image made to fit")
    for field in _COMPARED:
        here, there = getattr(chosen.request, field), getattr(other.request, field)
        if field == "generate_audio" and not other.offer.model.audio:
            words += ["no sound"] if chosen.offer.model.audio else []
        elif here != there:
            words.append(f"{field} {_spoken(there)}")
    here_size, there_size = chosen.offer.size(chosen.request), other.offer.size(other.request)
    if here_size and there_size and here_size != there_size:
        words.append(f"{there_size[0]}x{there_size[1]} pixels")
    return tuple(words)


def _spoken(value: str | int | bool | None) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "not settable" if value is None else str(value)
