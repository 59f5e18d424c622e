"""Builds the adapter of a provider."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, cast

from ..errors import ConfigError
from .protocol import Access, Provider

if TYPE_CHECKING:
    from ..catalog import ProviderInfo


def create(info: ProviderInfo, access: Access) -> Provider:
    """
    Import the adapter that `info` names and build it.

    Raises:
        ConfigError: the provider needs a key and `access` has none, or the adapter cannot be imported.
    """
    if info.key_variables and access.key is None:
        raise ConfigError(
            f"{info.title} needs a key: set {' or '.join(info.key_variables)}.",
            hint=f"Get a key at {info.key_page}; `seedance-mcp setup {info.name}` in a terminal asks for it and stores it."
            " Without any key, provider 'sandbox' works.",
        )
    module_name, _, class_name = info.adapter.partition(":")
    try:
        adapter = cast("type[Provider]", getattr(importlib.import_module(module_name), class_name))
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"The adapter {info.adapter!r} of {info.name!r} cannot be imported: {error}"
        ) from error
    return adapter(info, access)
