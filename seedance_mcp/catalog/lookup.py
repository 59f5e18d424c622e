"""Finds models, providers and offers by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType

from ..errors import InvalidRequest
from .guides import Guide, guide_for
from .loading import Contents, offer_from, read
from .models import Durations, Inputs, Model, Prompting
from .offers import Endpoint, Offer, ProviderInfo


class Catalog:
    """Everything that can be bought. Build with `load`."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    @classmethod
    def load(cls, overlay: Path | None = None) -> Catalog:
        """
        Read the built-in data and, over it, the user's own file.

        Raises:
            ConfigError: the overlay cannot be read or says something that is not understood.
        """
        return cls(read(overlay))

    @property
    def models(self) -> Mapping[str, Model]:
        """Every model by its id, the newest and best first."""
        return self._contents.models

    @property
    def providers(self) -> Mapping[str, ProviderInfo]:
        """Every provider by its name."""
        return self._contents.providers

    def model(self, name: str) -> Model:
        """Return a model. Raises InvalidRequest with the nearest names."""
        if name in self.models:
            return self.models[name]
        raise InvalidRequest([f"There is no model {name!r}{_nearest(name, self.models)}"])

    def provider(self, name: str) -> ProviderInfo:
        """Return a provider. Raises InvalidRequest with the nearest names."""
        if name in self.providers:
            return self.providers[name]
        known = {info.title: info.name for info in self.providers.values()}
        raise InvalidRequest([f"There is no provider {name!r}{_nearest(name, self.providers, known)}"])

    def guide(self, model: str) -> Guide:
        """Return the short prompting guide for a model. Raises InvalidRequest with the nearest names."""
        return guide_for(self.model(model))

    def guides(self) -> Mapping[str, Guide]:
        """Return the guide of every family, by its name, with the limits of the newest model that has it."""
        newest = {model.prompting.guide: model for model in reversed(tuple(self.models.values()))}
        return {name: guide_for(newest[name]) for name in sorted(newest)}

    def offers(
        self, *, model: str | None = None, provider: str | None = None, on_sale: bool = True
    ) -> tuple[Offer, ...]:
        """Return the offers of a model, of a provider or of both, the newest model first."""
        found = [
            offer
            for name, sold in self._contents.offers.items()
            if provider in (None, name)
            for offer in sold.values()
            if model in (None, offer.model.id) and not (on_sale and offer.retired)
        ]
        return tuple(sorted(found, key=lambda offer: offer.model.rank))

    def offer(self, provider: str, model: str, *, retired: bool = False) -> Offer:
        """
        Return what one provider sells under a model's name, or under the provider's own id for it.

        An id that is not in the catalogue, but looks like one of the provider's own, is passed through: the
        offer is then `generic`, with no limits and no known price. `retired`: also what is no longer sold.

        Raises:
            InvalidRequest: no such provider or model, or not sold there (any more); with what to take.
        """
        info = self.provider(provider)
        sold = self._contents.offers[provider]
        found = sold.get(model) or next((offer for offer in sold.values() if _is_id_of(model, offer)), None)
        if found is None:
            return self._generic(info, model)
        if found.retired and not retired:
            raise InvalidRequest([_ended(found)], hint=_instead(found, self.offers(model=found.model.id)))
        return found

    def _generic(self, info: ProviderInfo, model: str) -> Offer:
        if model in self.models:
            sellers = [offer.provider.name for offer in self.offers(model=model)]
            raise InvalidRequest(
                [f"{info.name} does not sell {model}; {_listed(sellers) or 'nobody'} does."],
                hint=f"{info.name} sells {_listed(o.model.id for o in self.offers(provider=info.name))}.",
            )
        if info.generic is None or not re.fullmatch(info.generic.pattern, model):
            self.model(model)
        return offer_from(
            self._contents.generic[info.name].model_copy(update={"endpoints": (Endpoint(id=model),)}),
            info,
            _unknown_model(model),
            generic=True,
        )


def _unknown_model(name: str) -> Model:
    return Model(
        id=name,
        title=name,
        summary="Not in the catalogue: nothing is checked before it is sent, and the price is unknown.",
        family="generic",
        rank=1000,
        modes=("text", "image", "frames", "reference", "edit", "extend"),
        fps=24,
        resolutions=(),
        default_resolution="",
        aspect_ratios=(),
        default_aspect_ratio="",
        sizes={},
        durations=Durations(min=1, max=60, default=5, auto=True),
        audio=True,
        seed=True,
        camera_fixed=True,
        inputs=Inputs(),
        languages=("zh", "en"),
        prompting=Prompting(
            guide="seedance-2.5", dialogue="quotes", shots="shot numbers", negatives="subtitles and audio"
        ),
    )


def _is_id_of(name: str, offer: Offer) -> bool:
    return any(name == endpoint.id for endpoint in offer.endpoints)


def _ended(offer: Offer) -> str:
    note = f" ({offer.retired_note})" if offer.retired_note else ""
    return f"{offer.provider.name} no longer sells {offer.model.id}, since {offer.retired}{note}."


def _instead(offer: Offer, sellers: Iterable[Offer]) -> str:
    elsewhere = _listed(other.provider.name for other in sellers if not other.provider.placeholder)
    words = [f"Use {offer.replaced_by} instead."] if offer.replaced_by else []
    if elsewhere:
        words.append(f"{offer.model.id} is still sold by {elsewhere}.")
    return " ".join(words)


def _nearest(name: str, known: Iterable[str], titles: Mapping[str, str] = MappingProxyType({})) -> str:
    """Name which of the `known` names may be meant; `titles` gives the names of those that people call otherwise."""
    names = list(known)
    plain = {_plain(candidate): candidate for candidate in names}
    written = _plain(name)
    called = [meant for title, meant in titles.items() if len(written) > 2 and written in _plain(title)]
    close = called or [plain[match] for match in get_close_matches(written, plain, n=3, cutoff=0.5)]
    if close:
        return f"; did you mean {' or '.join(close)}? All: {_listed(names)}."
    return f"; there are {_listed(names)}."


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _listed(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))
