"""The provider and the model that the settings name for calls that name none: whether there are such."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...config import Settings
from ...errors import ConfigError, InvalidRequest
from ...types import VideoRequest

if TYPE_CHECKING:
    from ...catalog import Catalog

_PROVIDER, _MODEL = "SEEDANCE_PROVIDER", "SEEDANCE_MODEL"


def wrong_defaults(
    settings: Settings, catalog: Catalog, *, provider: str | None = None, model: str | None = None
) -> Mapping[str, str]:
    """
    Describe by the setting's name what is wrong with the defaults; what a call names itself, `provider` or `model`, has none.

    A model counts as wrong if the provider that goes with it does not sell it.
    """
    wrong: dict[str, str] = {}
    if provider is None and settings.provider is not None:
        try:
            catalog.provider(settings.provider)
        except InvalidRequest as error:
            wrong[_PROVIDER] = f"{_PROVIDER} cannot be used: {error.message}"
    if model is None and settings.model is not None:
        seller = None if provider or wrong else settings.provider
        alone = provider is None and settings.provider is None
        if problem := _problem(settings.model, seller, catalog, alone=alone):
            wrong[_MODEL] = f"{_MODEL} cannot be used: {problem}"
    return wrong


def check_defaults(request: VideoRequest, settings: Settings, catalog: Catalog) -> None:
    """
    Refuse a request that leaves open what a wrong setting would fill in.

    Raises:
        ConfigError: names the settings; no argument of the call is to blame.
    """
    if wrong := wrong_defaults(settings, catalog, provider=request.provider, model=request.model):
        arguments = " and ".join(name.removeprefix("SEEDANCE_").lower() for name in wrong)
        raise ConfigError(
            " ".join(wrong.values()),
            hint=f"{' and '.join(wrong)} can be corrected only by the person who runs the server: tell them. Until then"
            f" a call that names {arguments} itself can be made. Nothing was spent.",
            problems=tuple(wrong.values()),
        )


def _problem(model: str, provider: str | None, catalog: Catalog, *, alone: bool) -> str | None:
    """Describe what is wrong with a model, at this provider or at all; `alone`: nothing names a provider for it."""
    try:
        if provider is not None:
            catalog.offer(provider, model)
            return None
        sellers = [name for name in catalog.providers if _sells(name, model, catalog)]
        if not sellers:
            catalog.model(model)
    except InvalidRequest as error:
        return " ".join(filter(None, (error.message, _hint(error))))
    if alone and model not in catalog.models:
        return f"{model!r} is an id of a provider's own, for {' or '.join(sellers)}; set {_PROVIDER} as well."
    return None


def _sells(provider: str, model: str, catalog: Catalog) -> bool:
    try:
        catalog.offer(provider, model)
    except InvalidRequest:
        return False
    return True


def _hint(error: InvalidRequest) -> str:
    """What the catalogue says that is sold instead; not the advice about arguments of a call."""
    return "" if error.hint == error.default_hint else error.hint
