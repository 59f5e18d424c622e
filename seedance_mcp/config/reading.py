"""Reads settings from a settings file and the environment; each value remembers where it came from."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from decimal import InvalidOperation
from pathlib import Path
from typing import Any, cast

import platformdirs
from pydantic import SecretStr

from ..errors import ConfigError
from .settings import Settings
from .values import NotAllowed


def load_settings(environ: Mapping[str, str] | None = None, *, settings_file: Path | None = None) -> Settings:
    """
    Read the settings file, then the environment, which wins.

    A blank value, or a literal `${...}` that a client failed to fill in, counts as unset.

    Raises:
        ConfigError: a value cannot be used, or the file is not TOML.
    """
    environ = os.environ if environ is None else environ  # noqa: TID251  the one place that reads it
    path = settings_file or _default_settings_file()
    given: dict[str, str] = {}
    sources: dict[str, str] = {}
    for origin, values in ((str(path), _read_file(path)), ("environment", environ)):
        for name, value in values.items():
            text = value.strip()
            if not name.startswith("SEEDANCE_") and not name.endswith(("_KEY", "_TOKEN")):
                continue
            if text and not (text.startswith("${") and text.endswith("}")):
                given[name] = text
                sources[name] = origin

    parsed: dict[str, Any] = {"output_dir": _default_output_dir(), "state_dir": _default_state_dir()}
    for entry in fields(Settings):
        name = entry.metadata.get("name")
        if name not in given:
            continue
        try:
            parsed[entry.name] = entry.metadata["parse"](given[name])
        except (ValueError, InvalidOperation) as error:
            reason = str(error) if isinstance(error, NotAllowed) else "it cannot be read"
            raise ConfigError(f"{name}={given[name]!r} (from {sources[name]}) is wrong: {reason}.") from None
    secrets = {name: SecretStr(value) for name, value in given.items()}
    return Settings(**parsed, sources=sources, given=secrets)


def _read_file(path: Path) -> dict[str, str]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"The settings file {path} cannot be read: {error}") from error
    return {name: _written(value) for name, value in content.items()}


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, list):
        return os.pathsep.join(str(item) for item in cast("list[object]", value))
    return str(value)


def _default_output_dir() -> Path:
    """The user's Videos folder, `Seedance` in it."""
    return Path(platformdirs.user_videos_dir()) / "Seedance"


def _default_state_dir() -> Path:
    """The platform's data folder for this program."""
    return Path(platformdirs.user_data_dir("seedance-mcp", appauthor=False))


def _default_settings_file() -> Path:
    """`config.toml` in the platform's config folder for this program."""
    return Path(platformdirs.user_config_dir("seedance-mcp", appauthor=False)) / "config.toml"
