"""Reads the data files and lays the user's own file over them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from ..errors import ConfigError
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
    provider, for a relay that speaks its dialect. Example:

        [providers.NAME.offers."seedance-2.0".parameters.duration]
        max = 20

    Raises:
        ConfigError: the overlay cannot be read, or a line of it is not understood.
    """
    tables: Table = {"models": _models_table(), "providers": _provider_tables()}
    origin = "the catalogue"
    if overlay is not None:
        origin = str(overlay)
        tables = _merged(tables, _read_overlay(overlay))
        tables["providers"] = _alike(tables["providers"])
    try:
        return _contents(tables)
    except ValidationError as error:
        raise ConfigError(f"{origin}: {_first_problem(error)}", hint=_OVERLAY_HINT) from None
    except (KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{origin}: something is missing or misplaced: {error}", hint=_OVERLAY_HINT
        ) from None


_OVERLAY_HINT = (
    "Correct the file that SEEDANCE_CATALOG names, or unset it. Keys are those of the built-in data files."
)


def _read_overlay(path: Path) -> Table:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"The catalogue file {path} cannot be read: {error}", hint=_OVERLAY_HINT) from error
    unknown = table.keys() - {"models", "providers"}
    if unknown:
        found = ", ".join(sorted(unknown))
        raise ConfigError(f"{path}: it may hold [models] and [providers], not {found}.", hint=_OVERLAY_HINT)
    return table


def _toml(file: Traversable) -> Table:
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _models_table() -> Table:
    table = _toml(_DATA.joinpath("models.toml"))
    shared: Table = table["shared"]
    return {
        name: _merged({"id": name}, _with_shared(lines, shared)) for name, lines in table["models"].items()
    }


def _provider_tables() -> Table:
    found = sorted(_DATA.joinpath("providers").iterdir(), key=lambda file: file.name)
    tables = [_toml(file) for file in found if file.name.endswith(".toml")]
    return _alike({table["name"]: table for table in tables})


def _alike(providers: Table) -> Table:
    """Fill in what a provider takes from the one that its `like` names."""
    return {
        name: _merged(providers[table["like"]], {"name": name, **table}) if "like" in table else table
        for name, table in providers.items()
    }


def _contents(tables: Table) -> Contents:
    models = [Model.model_validate(_named("id", name, table)) for name, table in tables["models"].items()]
    models.sort(key=lambda model: model.rank)
    by_name = {model.id: model for model in models}
    providers: dict[str, ProviderInfo] = {}
    offers: dict[str, dict[str, Offer]] = {}
    generic: dict[str, OfferLines] = {}
    for name, table in tables["providers"].items():
        info = ProviderInfo.model_validate(
            {
                key: value
                for key, value in _named("name", name, table).items()
                if key not in ("shared", "offers", "like")
            }
        )
        providers[name] = info
        lines: Table = table.get("offers", {})
        shared: Table = table.get("shared", {})
        sold = {model: _offer_lines(own, shared, f"{name}/{model}") for model, own in lines.items()}
        offers[name] = {
            model: offer_from(sold[model], info, by_name[model]) for model in by_name if model in sold
        }
        unknown = sold.keys() - by_name.keys()
        if unknown:
            raise KeyError(f"{name} offers {', '.join(sorted(unknown))}, and no such model is described")
        if info.generic is not None:
            plain: Table = {"use": list(info.generic.use), "endpoints": [{"id": "{model}"}]}
            generic[name] = _offer_lines(plain, shared, f"{name}/generic")
    return Contents(models=by_name, providers=providers, offers=offers, generic=generic)


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
        generic=generic,
        retired=lines.retired,
        retired_note=lines.retired_note,
        replaced_by=lines.replaced_by,
    )


def _offer_lines(own: Table, shared: Table, title: str) -> OfferLines:
    lines = _with_shared(own, shared)
    for table in ("parameters", "options"):
        lines[table] = {key: value for key, value in lines.get(table, {}).items() if value is not False}
    return OfferLines.model_validate({"title": title, **lines})


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


def _named(key: str, name: str, table: Table) -> Table:
    return {key: name, **table}


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in problem["loc"])
    return f"{error.title}: {where}: {problem['msg']} ({error.error_count()} problem(s) in all)"
