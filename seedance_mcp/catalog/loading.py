"""Reads the data files and lays the user's own file over them."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from ..errors import ConfigError
from .conditions import Line
from .models import Model
from .offers import Offer, OfferLines, ProviderInfo

Table = dict[str, Any]

_DATA: Traversable = files("seedance_mcp.catalog").joinpath("data")


@dataclass(frozen=True, kw_only=True)
class Contents:
    """Everything the files say; `generic` holds, per provider, the lines for ids that are not in it."""

    models: Mapping[str, Model]
    providers: Mapping[str, ProviderInfo]
    offers: Mapping[str, Mapping[str, Offer]]
    generic: Mapping[str, OfferLines]


def read(overlay: Path | None) -> Contents:
    """
    Read models and providers, then the overlay.

    The overlay is one TOML file with two tables. `[models."seedance-2.0"]` has the keys of a model in
    `data/models.toml`; `[providers.NAME]` has the keys of that provider's file, offers included. A table is
    merged key by key, anything else (a number, a text, a list) replaces what stood there. A new name adds a
    model or a provider, which then has to be complete; `like = "NAME"` takes what is not said from another
    provider, for a relay that speaks its dialect. Prices are numbers in the currency of whose they are: with
    another `currency` each offer has to say its own. Example:

        [providers.NAME.offers."seedance-2.0".parameters.duration]
        max = 20

    Raises:
        ConfigError: the overlay cannot be read, or a line of it is not understood.
    """
    if overlay is None:
        return _built_in()
    added, built_in = _read_overlay(overlay), _built_in_tables()
    return _understood(lambda: _contents(_laid_over(built_in, added)), origin=str(overlay))


def advice_codes() -> dict[str, str]:
    """Return every code that advice on a request can have with what it means, in the order of the documentation."""
    return _toml(_DATA.joinpath("advice.toml"))


@cache
def _built_in() -> Contents:
    """Read what came with the package: once, because it takes 0.1 s and a catalogue is opened in many places."""
    return _understood(lambda: _contents(_built_in_tables()), origin="the catalogue")


def _built_in_tables() -> Table:
    return {**_toml(_DATA.joinpath("models.toml")), "providers": _provider_tables()}


def _understood(reading: Callable[[], Contents], origin: str) -> Contents:
    try:
        return reading()
    except _Wrong as error:
        raise ConfigError(f"{origin}: {error}", hint=_OVERLAY_HINT) from None
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"{origin}: something is missing or misplaced: {error}", hint=_OVERLAY_HINT
        ) from None


class _Wrong(Exception):
    """A table does not fit; the text names the table and the line."""


_OVERLAY_HINT = (
    "Correct the file that SEEDANCE_CATALOG names, or unset it. Keys are those of the built-in data files."
)


def _read_overlay(path: Path) -> Table:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"The catalogue file {path} cannot be read: {error}", hint=_OVERLAY_HINT) from error
    wrong = [
        key
        for key, value in table.items()
        if key not in ("models", "providers") or not isinstance(value, dict)
    ]
    if wrong:
        found = ", ".join(wrong)
        raise ConfigError(
            f"{path}: it holds the tables [models] and [providers]; see {found}.", hint=_OVERLAY_HINT
        )
    return table


def _toml(file: Traversable) -> Table:
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _provider_tables() -> Table:
    found = sorted(_DATA.joinpath("providers").iterdir(), key=lambda file: file.name)
    tables = [_toml(file) for file in found if file.name.endswith(".toml")]
    return _alike({table["name"]: table for table in tables})


def _laid_over(built_in: Table, added: Table) -> Table:
    for name, table in added.get("providers", {}).items():
        if name in built_in["providers"]:
            _check_currency(name, table, built_in["providers"][name])
    return _merged(built_in, added)


def _alike(providers: Table) -> Table:
    """Fill in what a provider takes from the one that its `like` names; how its key is misspelt is its own."""
    filled: Table = {}
    for name, table in providers.items():
        taken: Table = {}
        if "like" in table:
            taken = _taken(providers[table["like"]])
            _check_currency(name, table, taken)
        filled[name] = _plain(_merged(taken, {"name": name, **table}))
    return filled


def _check_currency(name: str, table: Table, below: Table) -> None:
    """Refuse a table that changes the currency of prices that it only takes along: their numbers would mean other money."""
    currency, was = table.get("currency"), below.get("currency")
    if currency is None or was is None or currency == was:
        return
    own: Table = table.get("offers", {})
    left = [
        model
        for model, lines in below.get("offers", {}).items()
        if lines.get("prices") and "prices" not in own.get(model, {})
    ]
    if left:
        raise _Wrong(
            f"providers.{name}: currency is {currency}, and the prices of {', '.join(left)} are taken along, which are"
            f" in {was}. Write `prices` for each of these offers, in {currency} (`prices = []` where none is known),"
            " or leave `currency` out."
        )


def _taken(table: Table) -> Table:
    return {key: value for key, value in table.items() if key != "key_near_misses"}


def _plain(table: Table) -> Table:
    return {key: value for key, value in table.items() if key != "like"}


def _contents(tables: Table) -> Contents:
    shared: Table = tables["shared"]
    models = [
        _checked(Model, f"models.{name}", {"id": name, **_with_shared(lines, shared)})
        for name, lines in tables["models"].items()
    ]
    models.sort(key=lambda model: model.rank)
    by_name = {model.id: model for model in models}
    providers: dict[str, ProviderInfo] = {}
    offers: dict[str, dict[str, Offer]] = {}
    generic: dict[str, OfferLines] = {}
    for name, table in _alike(tables["providers"]).items():
        lines, shared = table.pop("offers", {}), table.pop("shared", {})
        info = _checked(ProviderInfo, f"providers.{name}", {"name": name, **table})
        unknown = lines.keys() - by_name.keys()
        if unknown:
            raise _Wrong(
                f"providers.{name} offers {', '.join(sorted(unknown))}, and no such model is described"
            )
        providers[name] = info
        offers[name] = {
            model: offer_from(
                _offer_lines(own, shared, f"providers.{name}.offers.{model}"), info, by_name[model]
            )
            for model, own in lines.items()
        }
        if info.generic is not None:
            plain: Table = {"use": list(info.generic.use), "endpoints": []}
            generic[name] = _offer_lines(plain, shared, f"providers.{name}.generic")
    return Contents(models=by_name, providers=providers, offers=_with_strangers(offers), generic=generic)


def _with_strangers(offers: dict[str, dict[str, Offer]]) -> dict[str, dict[str, Offer]]:
    """Note with every offer which options are known of others and not of it."""
    takers: dict[str, list[str]] = {}
    for sold in offers.values():
        for offer in sold.values():
            for option in offer.options if not offer.retired and not offer.provider.placeholder else ():
                takers.setdefault(option, []).append(f"{offer.provider.name}/{offer.model.id}")
    return {
        provider: {
            model: replace(offer, strangers=_strangers(offer, takers)) for model, offer in sold.items()
        }
        for provider, sold in offers.items()
    }


def _strangers(offer: Offer, takers: Mapping[str, list[str]]) -> Mapping[str, tuple[str, ...]]:
    if offer.provider.placeholder:
        return {}
    return {name: tuple(others) for name, others in takers.items() if name not in offer.options}


def offer_from(lines: OfferLines, provider: ProviderInfo, model: Model, *, generic: bool = False) -> Offer:
    """Put an offer together from its lines."""
    return Offer(
        provider=provider,
        model=model,
        endpoints=lines.endpoints,
        parameters=lines.parameters,
        options=lines.options,
        rules=lines.rules,
        prices=lines.prices,
        factors=lines.factors,
        drafts=lines.drafts,
        generic=generic,
        assets=lines.assets,
        retired=lines.retired,
        retired_note=lines.retired_note,
        replaced_by=lines.replaced_by,
    )


def _offer_lines(own: Table, shared: Table, where: str) -> OfferLines:
    lines = _with_shared(own, shared)
    for table in ("parameters", "options"):
        lines[table] = {key: value for key, value in lines.get(table, {}).items() if value is not False}
    return _checked(OfferLines, where, lines)


def _with_shared(own: Table, shared: Table) -> Table:
    """Fill in the tables that `use` names, later ones over earlier ones, own lines last."""
    used: str | list[str] = own.get("use", [])
    lines: Table = {}
    for name in [used] if isinstance(used, str) else used:
        lines = _merged(lines, shared[name])
    return _merged(lines, {key: value for key, value in own.items() if key != "use"})


def _merged(below: Table, above: Table) -> Table:
    result = dict(below)
    for key, value in above.items():
        under = result.get(key)
        if isinstance(under, dict) and isinstance(value, dict):
            result[key] = _merged(cast("Table", under), cast("Table", value))
        else:
            result[key] = value
    return result


_Lines = TypeVar("_Lines", bound=Line)


def _checked(kind: type[_Lines], where: str, table: Table) -> _Lines:
    try:
        return kind.model_validate(table)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = ".".join([where, *(str(part) for part in problem["loc"])])
        raise _Wrong(f"{place}: {problem['msg']}") from None
