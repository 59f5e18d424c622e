"""A cheap draft of a request before the request in full, and a draft's own take in full."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from ...errors import InvalidRequest
from ...types import MediaFile, VideoRequest
from ..inputs.resolved_request import ResolvedRequest
from .plans import Ladder, Plan

if TYPE_CHECKING:
    from ...catalog import Estimate, Offer

At = Callable[["Offer", VideoRequest, Mapping[str, MediaFile]], Plan]
"""Plans a request at one offer. Raises InvalidRequest: the offer cannot do it."""

_TASK = "task"
"""Stands for the id of a draft that is not made yet: no price depends on it."""


def draft_of(
    final: Plan, asked: ResolvedRequest, offers: Iterable[Offer], *, at: At, cny_per_usd: Decimal
) -> Plan:
    """
    Plan a draft of what is asked for, which would be bought by the plan `final` without one.

    Where that offer makes drafts, it is one of those. Else it is the cheapest of the `offers` that are of the same
    family and cheaper (of free ones: smaller), each in its smallest resolution.

    Raises:
        InvalidRequest: there is no draft of it.
    """
    own = _own_draft(final, asked, at=at, cny_per_usd=cny_per_usd)
    if own is not None:
        return own
    found: list[Plan] = []
    for offer in offers:
        smallest = _smallest(offer)
        if offer.model.family != final.offer.model.family or smallest is None:
            continue
        named = {"provider": offer.provider.name, "model": offer.model.id, "resolution": smallest}
        try:
            plan = at(offer, asked.request.model_copy(update=named), asked.media)
        except InvalidRequest:
            continue
        if _is_cheaper(plan, final):
            found.append(plan)
    if not found:
        raise InvalidRequest(
            [f"quality: nothing of its family is a cheaper draft than {final.offer.label} itself"],
            hint="Leave quality out: this is the cheapest take of it already. Nothing was spent.",
        )
    best = min(found, key=lambda plan: (plan.most_usd, _pixels(plan), plan.offer.model.rank))
    ladder = Ladder(
        final=final.request, offer=final.offer, estimate=final.estimate, resolution=final.request.resolution
    )
    return replace(best, reason=final.reason, preferred=final.preferred, ladder=ladder)


def finished(asked: ResolvedRequest, offer: Offer, *, cny_per_usd: Decimal) -> Plan:
    """
    Plan the take of a draft in full.

    Raises:
        InvalidRequest: the offer refuses something of what the call gives beside the draft.
    """
    assert asked.finishes is not None
    draft = asked.finishes.draft
    whole, price = _second_step(asked.finishes.given, asked.request, offer, {}, cny_per_usd)
    reason = f"{draft.provider} has the draft {draft.id} and finishes it: the same take"
    return Plan(offer=offer, request=whole, estimate=price, reason=reason)


def _own_draft(final: Plan, asked: ResolvedRequest, *, at: At, cny_per_usd: Decimal) -> Plan | None:
    """Plan a draft as the offer itself makes it; None if it makes none, or none of this."""
    from ...catalog import as_draft, to_finish  # read on first use, not when the server starts

    offer, drafts = final.offer, final.offer.drafts
    if drafts is None:
        return None
    named = {"provider": offer.provider.name, "model": offer.model.id}
    try:
        draft = at(offer, as_draft(asked.request.model_copy(update=named), offer, drafts), asked.media)
        given = to_finish(final.request, offer, drafts, _TASK)
        whole, price = _second_step(given, final.request, offer, asked.media, cny_per_usd)
    except InvalidRequest:
        return None
    ladder = Ladder(
        final=final.request, offer=offer, estimate=price, resolution=whole.resolution, days=drafts.days
    )
    return replace(draft, reason=final.reason, preferred=final.preferred, ladder=ladder)


def _second_step(
    given: VideoRequest,
    draft: VideoRequest,
    offer: Offer,
    media: Mapping[str, MediaFile],
    cny_per_usd: Decimal,
) -> tuple[VideoRequest, Estimate | None]:
    """Return what comes of finishing a draft with these settings, and its price. Raises InvalidRequest."""
    from ...catalog import estimate, in_full, resolve

    assert offer.drafts is not None
    whole = in_full(resolve(given, offer, {}), draft, offer, offer.drafts)
    return whole, estimate(whole, offer, media, cny_per_usd=cny_per_usd)


def _smallest(offer: Offer) -> str | None:
    """The resolution of an offer with the fewest pixels; None where nothing is known of them."""
    known = [name for name in offer.model.resolutions if offer.model.sizes.get(name)]
    parameter = offer.parameters.get("resolution")
    if parameter is not None and parameter.allowed is not None:
        known = [name for name in known if name in parameter.allowed]
    return min(known, key=lambda name: _area(offer, name), default=None)


def _area(offer: Offer, resolution: str | None) -> int:
    return max(
        (width * height for width, height in offer.model.sizes.get(resolution or "", {}).values()), default=0
    )


def _pixels(plan: Plan) -> int:
    return _area(plan.offer, plan.request.resolution)


def _is_cheaper(plan: Plan, final: Plan) -> bool:
    if plan.estimate is None or final.estimate is None:
        return False
    draft, whole = plan.estimate.price, final.estimate.price
    return draft.usd < whole.usd or (whole.is_free and _pixels(plan) < _pixels(final))
