"""What a request will cost before it is bought, at most, and what was really charged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, ROUND_UP, Decimal
from typing import Any, Literal

from ..types import MediaFile, Price, VideoRequest
from .canvas import nearest_ratio
from .conditions import facts, holds
from .models import Model, Size
from .offers import Factor, Offer, Rate
from .values import duration_limits

_MICRO = Decimal("0.000001")
_MILLION = Decimal(1_000_000)
_PIXELS_PER_TOKEN = Decimal(1024)


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """
    What a request is expected to cost, and the most it can cost, which is what gets reserved.

    `tokens` where the price is per token; `seconds` is the length of the output. `basis` says in words how
    the price comes about; `verified` when it was last read, and `confidence` how good its source is.
    """

    price: Price
    maximum: Price
    tokens: int | None
    basis: str
    verified: date
    confidence: Literal["high", "medium", "low"]
    seconds: Decimal


@dataclass(frozen=True)
class _Amounts:
    """What is billed: seconds out and in, the pixels of a frame, the least seconds that count."""

    out: Decimal
    into: Decimal
    size: Size
    least: Decimal

    @property
    def seconds(self) -> Decimal:
        return max(self.out + self.into, self.least)

    def tokens(self, fps: int) -> Decimal:
        return self.seconds * self.size[0] * self.size[1] * fps / _PIXELS_PER_TOKEN


def estimate(
    request: VideoRequest, offer: Offer, media: Mapping[str, MediaFile], *, cny_per_usd: Decimal
) -> Estimate | None:
    """
    Price a resolved request; None if nobody published a price for it.

    The maximum also covers the extra frame that videos have, the largest picture where the ratio is left to
    the model, and the longest inputs where their length is not known. A length left to the
    model counts in full.
    """
    known = facts(request)
    rate = _rate(offer, known)
    if rate is None:
        return None
    factors = [factor for factor in offer.factors if holds(factor.when, known)]
    expected, most, notes = _amounts(request, offer, media, rate)
    currency = offer.provider.currency
    fps = offer.model.fps
    amount = _cost(expected, rate, factors, fps)
    maximum = _cost(most, rate, factors, fps)
    tokens = expected.tokens(fps) * _product(factors, "tokens") if rate.per == "million_tokens" else None
    return Estimate(
        price=_price(amount.quantize(_MICRO, ROUND_HALF_UP), currency, cny_per_usd),
        maximum=_price(maximum.quantize(_MICRO, ROUND_UP), currency, cny_per_usd),
        tokens=None if tokens is None else int(tokens.quantize(Decimal(1), ROUND_HALF_UP)),
        basis=_basis(expected, tokens, rate, factors, notes, currency),
        verified=rate.verified or offer.provider.verified,
        confidence=rate.confidence,
        seconds=expected.out,
    )


def quoted(
    known: Estimate | None,
    request: VideoRequest,
    offer: Offer,
    amount: Decimal,
    *,
    on: date,
    cny_per_usd: Decimal,
) -> Estimate:
    """
    Take the provider's own price over the catalogue's, which may be None; `amount` in the provider's currency.

    The maximum is the higher of both: a quote is what is expected, and may be for less than the longest output.
    """
    currency = offer.provider.currency
    price = _price(amount.quantize(_MICRO, ROUND_UP), currency, cny_per_usd)
    basis = f"{offer.provider.title} itself says {amount.normalize():f} {currency}"
    if known is None:
        seconds = _output_seconds(request, offer, [])
        return Estimate(
            price=price,
            maximum=price,
            tokens=None,
            basis=f"{basis}.",
            verified=on,
            confidence="medium",
            seconds=seconds,
        )
    listed = f"{known.price.amount.normalize():f} {known.price.currency}"
    return replace(
        known,
        price=price,
        maximum=max(price, known.maximum, key=lambda each: each.usd),
        basis=f"{basis}; the catalogue of {known.verified} says {listed}: {known.basis}",
        verified=on,
        confidence="high",
    )


def settle(
    request: VideoRequest, offer: Offer, usage: Mapping[str, Decimal], *, cny_per_usd: Decimal
) -> Price | None:
    """
    Return what was charged, from what the provider said was used; None if that does not tell.

    Understood are `price_usd`, `completion_tokens` and, where only the output is billed, `output_seconds`.
    """
    if "price_usd" in usage:
        return _price(usage["price_usd"].quantize(_MICRO, ROUND_UP), "USD", cny_per_usd)
    known = facts(request)
    rate = _rate(offer, known)
    if rate is None:
        return None
    currency = offer.provider.currency
    factors = [factor for factor in offer.factors if holds(factor.when, known)]
    if not rate.amount:
        return _price(Decimal(0), currency, cny_per_usd)
    if rate.per == "million_tokens":
        billed = usage.get("completion_tokens")
        cost = None if billed is None else billed * rate.amount / _MILLION
    elif rate.input_seconds and request.has_video_input:
        return None
    else:
        billed = usage.get("output_seconds")
        cost = None if billed is None else billed * rate.amount
    if cost is None:
        return None
    charged = (cost * _product(factors, "price")).quantize(_MICRO, ROUND_UP)
    return _price(charged, currency, cny_per_usd)


def _rate(offer: Offer, known: Mapping[str, Any]) -> Rate | None:
    return next((rate for rate in offer.prices if holds(rate.when, known)), None)


def _product(factors: list[Factor], on: Literal["tokens", "price"]) -> Decimal:
    product = Decimal(1)
    for factor in factors:
        product *= factor.factor if factor.on == on else 1
    return product


def _cost(amounts: _Amounts, rate: Rate, factors: list[Factor], fps: int) -> Decimal:
    product = _product(factors, "tokens") * _product(factors, "price")
    if rate.per == "million_tokens":
        return amounts.tokens(fps) * rate.amount * product / _MILLION
    return amounts.seconds * rate.amount * product


def _price(amount: Decimal, currency: str, cny_per_usd: Decimal) -> Price:
    usd = amount / cny_per_usd if currency == "CNY" else amount
    return Price(amount=amount, currency=currency, usd=usd.quantize(_MICRO, ROUND_UP))


def _amounts(
    request: VideoRequest, offer: Offer, media: Mapping[str, MediaFile], rate: Rate
) -> tuple[_Amounts, _Amounts, list[str]]:
    """What is expected and the most it can be, with the reasons why these differ."""
    notes: list[str] = []
    model = offer.model
    out = _output_seconds(request, offer, notes)
    into, most_into = (
        _input_seconds(request, model, media, notes) if rate.input_seconds else (Decimal(0), Decimal(0))
    )
    least = _least(out, model) if request.has_video_input else Decimal(0)
    expected_least = least if rate.minimum else Decimal(0)
    size, largest = _sizes(request, model, media, notes if rate.per == "million_tokens" else [])
    if expected_least > out + into:
        notes.append(f"{expected_least} s are the least that counts with a video going in")
    one_frame = Decimal(1) / model.fps if rate.per == "million_tokens" else Decimal(0)
    most_least = least if rate.input_seconds else Decimal(0)
    most = _Amounts(out + one_frame, most_into, largest, most_least + one_frame if most_least else Decimal(0))
    return _Amounts(out, into, size, expected_least), most, notes


def _output_seconds(request: VideoRequest, offer: Offer, notes: list[str]) -> Decimal:
    frames = request.provider_options.get("frames")
    if isinstance(frames, int):
        return Decimal(frames) / offer.model.fps
    if request.duration is not None and request.duration > 0:
        return Decimal(request.duration)
    longest = duration_limits(offer)[1]
    notes.append(f"the model chooses the length, counted as its longest, {longest} s")
    return Decimal(longest)


def _input_seconds(
    request: VideoRequest, model: Model, media: Mapping[str, MediaFile], notes: list[str]
) -> tuple[Decimal, Decimal]:
    lengths = [
        media[source].duration_seconds if source in media else None for source in request.reference_videos
    ]
    known = sum((Decimal(str(length)) for length in lengths if length is not None), Decimal(0))
    rounded = sum(
        (Decimal(str(length)).quantize(Decimal(1), ROUND_UP) for length in lengths if length), Decimal(0)
    )
    if None not in lengths:
        return known, rounded
    limits = model.inputs.video
    longest = Decimal(str(limits.total_seconds)) if limits and limits.total_seconds else Decimal(0)
    notes.append(
        f"the length of an input video is not known, so all of them count as {longest:g} s, the longest taken"
    )
    return max(known, longest), max(rounded, longest)


def _least(out: Decimal, model: Model) -> Decimal:
    if model.video_input_minimum is None:
        return Decimal(0)
    numerator, denominator = model.video_input_minimum
    return (out * numerator / denominator).quantize(Decimal(1), ROUND_UP)


def _sizes(
    request: VideoRequest, model: Model, media: Mapping[str, MediaFile], notes: list[str]
) -> tuple[Size, Size]:
    """The frame that is expected, and the largest that it can be."""
    table = model.sizes[request.resolution or model.default_resolution]
    exact = table.get(request.aspect_ratio or "")
    if exact is not None:
        return exact, exact
    largest = max(table.values(), key=lambda size: size[0] * size[1])
    seen = media.get(request.first_frame or next(iter(request.reference_videos), ""))
    if seen is None or not seen.width or not seen.height:
        notes.append("the ratio is left to the model, counted as 16:9")
        return table["16:9"], largest
    return table[nearest_ratio((seen.width, seen.height), table)], largest


def _basis(
    amounts: _Amounts,
    tokens: Decimal | None,
    rate: Rate,
    factors: list[Factor],
    notes: list[str],
    currency: str,
) -> str:
    if not rate.amount:
        return f"free: {rate.source}."
    length = f"{_number(amounts.out)} s"
    if amounts.into:
        length = f"({_number(amounts.into)} s in + {length} out)"
    if tokens is None:
        words = [f"{length} at {rate.amount.normalize():f} {currency} per second"]
    else:
        size = f"{amounts.size[0]}x{amounts.size[1]}"
        words = [
            f"{length} of {size} at 24 frames per second are {tokens:,.0f} tokens,"
            f" at {rate.amount.normalize():f} {currency} per million"
        ]
    words += [factor.label for factor in factors]
    words += notes
    return f"{'; '.join(words)}. Source: {rate.source}."


def _number(value: Decimal) -> str:
    return f"{value.quantize(Decimal('0.001')).normalize():f}"
