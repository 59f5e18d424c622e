"""What a provider sells: who it is, what each field is called there, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Literal, cast

from pydantic import Field

from ..errors import InvalidRequest
from ..types import MediaFile, VideoRequest
from .conditions import Line, Rule, When, facts, holds
from .models import Model, Size

AUTOMATIC = (-1, "adaptive")
"""The values by which a request leaves a choice to the model."""


class Parameter(Line):
    """
    One field as one offer takes it. A field without such a line does not exist there.

    `name` is its name there; without one the adapter writes the field itself, or the endpoint's id holds it.
    `type` is how it is written if not as it is: as a `string`, or a list of one as its `single` member. `min`,
    `max` and `allowed` narrow what the model can do; for a list of files `max` counts them. `auto` is how "the
    model chooses" (-1, `adaptive`) is written; without it that is not possible there. `max_length` counts
    characters; `max_bytes` and `formats` narrow what each file may be.
    """

    name: str | None = None
    type: Literal["string", "single"] | None = None
    allowed: tuple[str | int, ...] | None = None
    min: int | None = None
    max: int | None = None
    default: str | int | bool | None = None
    auto: str | int | None = None
    max_length: int | None = None
    max_bytes: int | None = None
    formats: tuple[str, ...] | None = None

    def write(self, value: Any) -> Any:
        """Write a value the way the provider wants it."""
        if self.auto is not None and value in AUTOMATIC:
            return self.auto
        if self.type == "single":
            return value[0]
        if self.type == "string":
            return str(value)
        return list(cast("tuple[Any, ...]", value)) if isinstance(value, tuple) else value


class Option(Line):
    """
    A field of the provider's own that may stand in `provider_options`, as far as it is known.

    `allowed` empty: the provider refuses it for this model. `content`: it says by itself what is to be made,
    so that no prompt is needed.
    """

    type: Literal["string", "integer", "boolean", "list", "any"] = "any"
    allowed: tuple[str | int | bool, ...] | None = None
    min: int | None = None
    max: int | None = None
    content: bool = False


class Endpoint(Line):
    """The provider's name for what is bought. `{resolution}` in it is replaced."""

    id: str
    when: When = Field(default_factory=dict[str, Any])


class Rate(Line):
    """
    One price as the provider publishes it, in its currency; the first whose conditions hold counts.

    `input_seconds`: the length of the input videos is billed like the output. `minimum`: the model's minimum
    for video input is known to be applied. `verified`: when it was last read; the file's date if absent.
    """

    amount: Decimal
    per: Literal["second", "million_tokens"]
    when: When = Field(default_factory=dict[str, Any])
    input_seconds: bool = False
    minimum: bool = False
    confidence: Literal["high", "medium", "low"] = "high"
    verified: date | None = None
    source: str


class Factor(Line):
    """What multiplies the billed tokens or the price, such as a draft or a slower tier."""

    factor: Decimal
    on: Literal["tokens", "price"] = "price"
    when: When
    label: str


class Drafts(Line):
    """
    How an offer makes a cheap take first and then that very take in full.

    `option` is the provider option that asks for a draft, `finish` the one that takes the id of the draft's task, which
    the provider finishes for so many `days`. What else goes with either is said by rules. `verified`: when it was last
    read; the file's date if absent.
    """

    option: str
    finish: str
    days: int
    verified: date | None = None
    source: str


class RateLimit(Line):
    """
    So many calls in so many seconds, for one account. `confidence` low: not documented, a restraint of our own.

    `verified`: when it was last read; the file's date if absent.
    """

    calls: int = Field(ge=1)
    seconds: float = Field(gt=0)
    confidence: Literal["high", "medium", "low"] = "high"
    verified: date | None = None
    source: str


class GenericIds(Line):
    """Which unknown model ids are passed through (a regular expression), and with which shared lines."""

    pattern: str
    use: tuple[str, ...]


class ProviderInfo(Line):
    """
    A company's API, as its data file describes it.

    `key_near_misses` are names under which people set the key although nobody reads it there.
    `public_uploads`: whoever has the URL of an upload can read it, without the key, so that other providers can.
    `reserved` are fields of the body that the adapter writes and nobody else may. `request_bytes`: the
    largest body it takes. `failed_is_billed` is false only where a failure is said to cost nothing.
    `result_hours`: how long a finished video can be fetched. A lost purchase is looked for until
    `horizon_hours`; a task that the list does not show `net_max_seconds` + `list_lag_seconds` after the last
    possible byte was not bought, if `absence_is_proof`. `limits` hold for purchases (`submit`), for looks at
    lists of tasks (`list`) and for every other free call (`read`).
    """

    name: str
    title: str
    adapter: str
    base_url: str
    key_variables: tuple[str, ...]
    key_near_misses: tuple[str, ...] = ()
    key_page: str
    auth: str = "Bearer {key}"
    currency: Literal["USD", "CNY"]
    supports: frozenset[Literal["cancel", "upload", "quote", "recover", "balance"]]
    media_in: frozenset[Literal["url", "data", "upload", "path"]]
    public_uploads: bool = False
    request_bytes: int | None = None
    reserved: frozenset[str] = frozenset()
    placeholder: bool = False
    failed_is_billed: bool
    result_hours: float
    asks_seconds: float
    net_max_seconds: float
    list_lag_seconds: float
    horizon_hours: float
    absence_is_proof: bool
    verified: date
    sources: tuple[str, ...]
    generic: GenericIds | None = None
    limits: Mapping[Literal["submit", "read", "list"], RateLimit] = Field(
        default_factory=dict[Any, RateLimit]
    )

    @property
    def lists_tasks(self) -> bool:
        """Whether it can be asked which tasks it took. Where not, only a person can find out about a lost answer."""
        return "recover" in self.supports

    def reads(self, file: MediaFile) -> bool:
        """Return whether a file gets there without help: by a URL of its own, or in a form that the provider takes."""
        if file.path is None or file.job_id is not None or self.media_in & {"path", "upload"}:
            return True
        return self.embeds(file)

    def embeds(self, file: MediaFile) -> bool:
        """Return whether a local file can travel inside the request, as text."""
        return "data" in self.media_in and file.path is not None and file.kind != "video"


class OfferLines(Line):
    """
    The lines of one offer in a data file, with what it shares with others filled in.

    `assets`: media may be `asset://` ids of the account's own library at the provider.
    """

    endpoints: tuple[Endpoint, ...]
    parameters: Mapping[str, Parameter]
    options: Mapping[str, Option] = Field(default_factory=dict[str, Option])
    rules: tuple[Rule, ...] = ()
    prices: tuple[Rate, ...] = ()
    factors: tuple[Factor, ...] = ()
    drafts: Drafts | None = None
    assets: bool = False
    retired: date | None = None
    retired_note: str = ""
    replaced_by: str | None = None


@dataclass(frozen=True, kw_only=True)
class Offer:
    """
    One model as one provider sells it.

    `generic`: the id is not in the catalogue, so that nothing is known about its limits and price. `retired`:
    since when it is no longer sold there; `replaced_by` is the model to take instead. `strangers`: the options that
    are known of other offers and not of this one, each with the `provider/model` that take it.
    """

    provider: ProviderInfo
    model: Model
    endpoints: tuple[Endpoint, ...]
    parameters: Mapping[str, Parameter]
    options: Mapping[str, Option]
    rules: tuple[Rule, ...]
    prices: tuple[Rate, ...]
    factors: tuple[Factor, ...]
    drafts: Drafts | None = None
    generic: bool = False
    assets: bool = False
    retired: date | None = None
    retired_note: str = ""
    replaced_by: str | None = None
    strangers: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    @property
    def label(self) -> str:
        """The offer in words: model and provider."""
        return f"{self.model.id} at {self.provider.name}"

    def endpoint(self, request: VideoRequest) -> str:
        """
        Return the provider's name for what a resolved request buys.

        Raises:
            InvalidRequest: nothing it sells fits.
        """
        known = facts(request)
        for endpoint in self.endpoints:
            if holds(endpoint.when, known):
                return endpoint.id.replace("{resolution}", request.resolution or "")
        raise InvalidRequest([f"{self.label} has nothing for mode {request.mode}."])

    def size(self, request: VideoRequest) -> Size | None:
        """Return the exact pixels of a resolved request; None when the input or the model decides."""
        ratios = self.model.sizes.get(request.resolution or "", {})
        return ratios.get(request.aspect_ratio or "")
