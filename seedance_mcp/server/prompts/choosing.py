"""What a prompt proposes to make a video with: the model, the provider and the price that `estimate_cost` would name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from ...config import runnable
from ...errors import ConfigError, InvalidRequest, SeedanceError, StoreError
from ...texts import digits, digits_left
from ...types import MediaFile, VideoRequest
from ..opening import Opening

if TYPE_CHECKING:
    from ...catalog import Estimate, Mode, Model, Offer


@dataclass(frozen=True, kw_only=True)
class Choice:
    """
    What a request would be made with, every default filled in. No estimate: the price is unknown.

    `refused` says why this very request would not be bought. `trouble` says why nothing can be bought now; the provider
    and the price are then open.
    """

    offer: Offer
    request: VideoRequest
    estimate: Estimate | None = None
    reason: str = ""
    left_today_usd: Decimal | None = None
    refused: str = ""
    trouble: str = ""

    @property
    def model(self) -> Model:
        """The model."""
        return self.offer.model

    @property
    def is_priced(self) -> bool:
        """True if it would be bought for a price that can be asked for."""
        return not self.trouble and not self.offer.provider.placeholder


async def choose(opening: Opening, request: VideoRequest, mode: Mode) -> Choice:
    """
    Choose for a request whose model can do `mode` what `estimate_cost` would choose.

    While the app cannot be opened, or a setting keeps it from choosing, the catalogue alone decides.

    Raises:
        InvalidRequest, JobNotFound, JobNotFinished, MediaError: it cannot be made as asked.
    """
    await opening.first_try()
    catalog = opening.catalog
    if request.model is not None and request.model in catalog.models:
        _check_mode(opening, catalog.models[request.model], mode)
    try:
        quote = await opening.app.estimate(request)
    except (ConfigError, StoreError) as error:
        return _by_the_catalogue(opening, request, mode, error)
    _check_mode(opening, quote.offer.model, mode)
    return Choice(
        offer=quote.offer,
        request=quote.request,
        estimate=quote.estimate,
        reason=quote.reason,
        left_today_usd=quote.budget.left_today_usd,
        refused=quote.outlook.refused or "",
    )


async def price_of(
    opening: Opening, choice: Choice, seconds: Sequence[int]
) -> tuple[Decimal, Decimal] | None:
    """Return what such videos of these lengths cost together, in USD, and at most; None where that is unknown."""
    if not choice.is_priced:
        return None
    expected = most = Decimal(0)
    for length in sorted(set(seconds)):
        asked = choice.request.model_copy(update={"duration": length})
        try:
            found = (await opening.app.estimate(asked)).estimate
        except SeedanceError:  # a length that this provider does not sell; `estimate_cost` tells why
            return None
        if found is None:
            return None
        expected += seconds.count(length) * found.price.usd
        most += seconds.count(length) * found.maximum.usd
    return expected, most


def longest_within(choice: Choice, most_usd: Decimal) -> int:
    """Return how many seconds one job can have: what the offer makes, and no more than so many USD pay for."""
    from ...catalog import duration_limits

    shortest, longest, _ = duration_limits(choice.offer)
    if not choice.is_priced or choice.estimate is None or not choice.estimate.maximum.usd:
        return longest
    affordable = int(most_usd * choice.estimate.seconds / choice.estimate.maximum.usd)
    return max(shortest, min(longest, affordable))


def settings_in_words(choice: Choice, asked: VideoRequest) -> str:
    """List the settings as arguments of the tools, each with what else it can be."""
    from ...catalog import duration_limits, possible_values

    offer, request = choice.offer, choice.request
    lines = [f"- `model` = {offer.model.id}"]
    if asked.provider:
        lines.append(f"- `provider` = {offer.provider.name}, as asked")
    elif (
        not choice.trouble
    ):  # not to be named: else nobody else could be bought from, whatever happens until then
        lines.append(f"- `provider` left out, which means {offer.provider.name} now")
    if choice.reason:
        lines.append(f"- Why these: {choice.reason.rstrip('.')}.")
    shortest, longest, automatic = duration_limits(offer)
    length = f"{shortest} to {longest}{'; -1: the model chooses' if automatic else ''}"
    possible = {name: ", ".join(values) for name, values in possible_values(request, offer).items()}
    for name, others in {"duration": length, **possible}.items():
        value = getattr(request, name)
        if value is None:
            continue
        if getattr(asked, name) is not None:
            lines.append(f"- `{name}` = {value}, as asked")
        else:
            lines.append(f"- `{name}` = {value}" + (f"; possible: {others}" if others != value else ""))
    return "\n".join(lines)


def cost_in_words(choice: Choice, instead: str | None = None) -> str:
    """Say what it costs; `instead` is said where a price can be had at all, in place of that of these settings."""
    if choice.trouble:
        return (
            f"Nothing can be made now: {choice.trouble} Tell the person; until it is mended only the prompt can be"
            " written."
        )
    if choice.offer.provider.placeholder:
        return "It costs nothing: the sandbox draws a placeholder, no real video."
    if instead is not None:
        return instead
    if choice.estimate is None:
        return "What that costs is unknown."
    price, most = choice.estimate.price.usd, choice.estimate.maximum.usd
    refused = f" It would be refused now: {choice.refused}" if choice.refused else ""
    return f"That costs {digits(price)} USD, at most {digits(most)}; {left_in_words(choice)}.{refused}"


def left_in_words(choice: Choice) -> str:
    """Say how much may be spent today."""
    return f"{digits_left(choice.left_today_usd or Decimal(0))} USD are left for today"


def _check_mode(opening: Opening, model: Model, mode: Mode) -> None:
    if mode in model.modes:
        return
    able = [other.id for other in opening.catalog.models.values() if mode in other.modes]
    raise InvalidRequest(
        [f"model: {model.id} has no mode {mode}, only {', '.join(model.modes)}"],
        hint=f"Models with that mode: {', '.join(able)}.",
    )


def _by_the_catalogue(opening: Opening, request: VideoRequest, mode: Mode, error: SeedanceError) -> Choice:
    """Take the newest model that can do it, of whoever sells it."""
    from ...catalog import resolve

    catalog = opening.catalog
    provider = catalog.provider(request.provider).name if request.provider else None
    model = request.model
    if provider and model:
        offers = (catalog.offer(provider, model),)
    else:
        offers = catalog.offers(model=catalog.model(model).id if model else None, provider=provider)
    media = {source: MediaFile(kind=kind, url=source) for _, kind, source in request.media()}
    refusal = InvalidRequest([f"No model of {provider or 'any provider'} has the mode {mode}"])
    trouble = runnable(" ".join(filter(None, (error.message, error.hint))), opening.settings)
    for offer in offers:
        if mode not in offer.model.modes:
            continue
        try:
            return Choice(offer=offer, request=resolve(request, offer, media, carried=True), trouble=trouble)
        except InvalidRequest as problem:
            refusal = problem
    raise refusal
