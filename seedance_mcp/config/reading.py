"""Reads settings from a settings file and the environment; each value remembers where it came from."""

from __future__ import annotations

import codecs
import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from decimal import InvalidOperation
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from pydantic import SecretStr

from ..errors import ConfigError
from . import cleaning, places, urls
from .cleaning import NotAllowed
from .keyrings import KEYRING, read_key
from .names import ENVIRONMENT, PREFIX, meant_for_us
from .outbound import Certificates, Outbound
from .proxies import proxies_of, variables_set
from .settings import LeftOpen, Settings
from .values import names_of_keys

_BASE_URL = "_BASE_URL"
_FROM_KEYRING = "SEEDANCE_KEYRING"
_APPROVE_ABOVE = "SEEDANCE_APPROVE_ABOVE_USD"
_KEYS = ("_KEY", "_TOKEN")
_NOWHERE = Path(os.devnull) / "unknown"
"""Stands for a folder that is not known, in settings that serve to say so: nothing can be put there."""
_MOST_SHOWN = 200
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
_ALLOW_HTTP = (
    "keys and prompts could be read on the way; use https://, or set SEEDANCE_ALLOW_HTTP=1 to allow that"
)


_QUOTING = (
    "texts stand in quotation marks, and a path of Windows in single ones: SEEDANCE_OUTPUT_DIR = 'C:\\Videos'"
)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The settings, with the default in the place of each that is wrong; and what is wrong, by the setting's name."""

    settings: Settings
    wrong: Mapping[str, str]

    @property
    def error(self) -> ConfigError | None:
        """Everything that is wrong, or None."""
        return ConfigError.of(self.wrong.values()) if self.wrong else None


def load_settings(environ: Mapping[str, str] | None = None, *, settings_file: Path | None = None) -> Settings:
    """
    Read the settings file, then the environment, which wins.

    A blank value, or a literal `${...}` that a client failed to fill in, counts as unset.

    Raises:
        ConfigError: values cannot be used, or the file cannot be read; everything at once.
    """
    reading = read_settings(environ, settings_file=settings_file)
    if reading.error:
        raise reading.error
    return reading.settings


def read_settings(environ: Mapping[str, str] | None = None, *, settings_file: Path | None = None) -> Reading:
    """Read as `load_settings` does, and go on where something is wrong."""
    environ = os.environ if environ is None else environ  # noqa: TID251  the one place that reads it
    path = settings_file or places.default_settings_file()
    of_the_environment = {name: value for name, value in environ.items() if _may_be_ours(name)}

    def read(last: Mapping[str, str] = MappingProxyType({}), origin: str = "") -> Reading:
        found = _Found()
        if path is not None:
            try:
                found.take(read_file(path), str(path))
            except NotAllowed as error:
                found.wrong[str(path)] = f"The settings file {path} cannot be read: {error}."
        found.take(of_the_environment, ENVIRONMENT)
        found.take(last, origin)
        return Reading(settings=found.settings(environ), wrong=found.wrong)

    common = read()
    if not common.settings.teams and common.settings.team is None:
        return common
    from .teams import divided

    return divided(common, read, folder=None if path is None else path.parent)


@dataclass(frozen=True, kw_only=True)
class _Given:
    """A value without what was around it, and where it is from; or why it cannot be used."""

    text: str
    origin: str
    reason: str | None


class _Found:
    """What was found, by the names of variables."""

    def __init__(self) -> None:
        self.wrong: dict[str, str] = {}
        self._given: dict[str, _Given] = {}
        self._open: dict[str, LeftOpen] = {}
        self._declared = {
            entry.metadata["name"]: entry.metadata for entry in fields(Settings) if entry.metadata
        }

    def take(self, values: Mapping[str, str], origin: str) -> None:
        """Take what is set; it replaces what was taken before."""
        for name, value in values.items():
            reason = None
            try:
                text = self._cleaner(name)(value)
            except NotAllowed as error:
                text, reason = value, str(error)
            if text:
                self._given[name] = _Given(text=text, origin=origin, reason=reason)
            elif self._was_to_be_filled_in(name, value):
                self._open[name] = LeftOpen(origin=origin, blank=False)
            elif name in self._declared and self._declared[name]["limits"]:
                self._open[name] = LeftOpen(origin=origin, blank=True)

    def _was_to_be_filled_in(self, name: str, value: str) -> bool:
        if cleaning.is_open_field(value):
            return False
        return cleaning.is_unfilled(value) or (name.endswith(_KEYS) and "${" in value)

    def settings(self, environ: Mapping[str, str]) -> Settings:
        """Make settings of it, and note what is wrong; `environ` also has what other programs go by."""
        read: dict[str, Any] = {"output_dir": _NOWHERE, "state_dir": _NOWHERE}
        self._take_from_keyring()
        for entry in fields(Settings):
            name = entry.metadata.get("name")
            if name in self._given:
                value = self._read(name, entry.metadata["parse"])
                if name not in self.wrong:
                    read[entry.name] = value
        for field, name, default in (
            ("output_dir", "SEEDANCE_OUTPUT_DIR", places.default_output_dir),
            ("state_dir", "SEEDANCE_STATE_DIR", places.default_state_dir),
        ):
            if name not in self._given:
                try:
                    read[field] = default()
                except NotAllowed as error:
                    self.wrong[name] = f"{name} cannot be used: {error}."
        self._check_addresses(allow_http=read.get("allow_http", False))
        self._check_thresholds(read)
        usable = {name: given for name, given in self._given.items() if given.reason is None}
        return Settings(
            **read,
            outbound=self._outbound(environ, read),
            sources={name: given.origin for name, given in self._given.items()},
            given={name: SecretStr(given.text) for name, given in usable.items() if name not in self.wrong},
            left_open={name: value for name, value in self._open.items() if name not in self._given},
            unusable_keys={
                name: self._sentence(name, given.reason)
                for name, given in self._given.items()
                if given.reason is not None and name not in self._declared and name.endswith(_KEYS)
            },
        )

    def _take_from_keyring(self) -> None:
        """Take the keys that the settings say are there; what stands elsewhere wins. Without such a setting it is not asked."""
        if _FROM_KEYRING not in self._given:
            return
        try:
            names = names_of_keys(self._given[_FROM_KEYRING].text)
        except NotAllowed:
            return  # told with the other settings
        for name in names:
            if name in self._given:
                continue
            text, reason = "", None
            try:
                text = self._cleaner(name)(read_key(name))
            except NotAllowed as error:
                reason = str(error)
            self._given[name] = _Given(text=text, origin=KEYRING, reason=reason)

    def _cleaner(self, name: str) -> Callable[[str], str]:
        if name in self._declared:
            return self._declared[name]["clean"]
        if name.endswith(_KEYS):
            return cleaning.key
        return cleaning.address if name.endswith(_BASE_URL) else cleaning.as_it_is

    def _read(self, name: str, parse: Callable[[str], Any]) -> Any:
        given = self._given[name]
        try:
            if given.reason is not None:
                raise NotAllowed(given.reason)
            return parse(given.text)
        except (ValueError, InvalidOperation) as error:
            self.wrong[name] = self._sentence(
                name, str(error) if isinstance(error, NotAllowed) else "it cannot be read"
            )

    def _check_addresses(self, *, allow_http: bool) -> None:
        for name in list(self._given):
            if name.startswith(PREFIX) and name.endswith(_BASE_URL):
                self._read(name, urls.web_address)
            elif name not in ("SEEDANCE_S3_ENDPOINT", "SEEDANCE_S3_PUBLIC_ENDPOINT"):
                continue
            if (
                name not in self.wrong
                and not allow_http
                and urls.is_readable_on_the_way(self._given[name].text)
            ):
                self.wrong[name] = self._sentence(name, f"it is http:// to another machine: {_ALLOW_HTTP}")

    def _check_thresholds(self, read: Mapping[str, Any]) -> None:
        """Note a threshold for administrators below the one for everybody: of two answers one would be asked for nothing."""
        name, approve = _APPROVE_ABOVE, read.get("approve_above_usd")
        confirm = read.get("confirm_above_usd", Settings.confirm_above_usd)
        if approve is None or read.get("confirm") == "off" or approve >= confirm:
            return
        self.wrong[name] = self._sentence(
            name,
            f"it is below SEEDANCE_CONFIRM_ABOVE_USD, {confirm}, above which a person has to agree at all",
        )

    def _outbound(self, environ: Mapping[str, str], read: Mapping[str, Any]) -> Outbound:
        proxies = None
        try:
            proxies = proxies_of(read.get("proxy"), environ)
        except NotAllowed as error:
            self.wrong["SEEDANCE_PROXY"] = f"SEEDANCE_PROXY is env, and {error}."
        return Outbound(
            certificates=_certificates(environ),
            proxies=proxies,
            idle=() if read.get("proxy") else variables_set(environ),
            allow_http=read.get("allow_http", False),
        )

    def _sentence(self, name: str, reason: str) -> str:
        given = self._given[name]
        secret = name not in self._declared or self._declared[name]["secret"]
        shown = name if secret else f"{name}={given.text[:_MOST_SHOWN]!r}"
        return f"{shown} (from {given.origin}) is wrong: {reason}."


def _certificates(environ: Mapping[str, str]) -> Certificates | None:
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"):  # the second counts only without the first
        if path := environ.get(variable):
            return Certificates(variable=variable, path=path)
    return None


def _may_be_ours(name: str) -> bool:
    return name.endswith(_KEYS) or meant_for_us(name)


def read_file(path: Path) -> dict[str, str]:
    """Read a settings file; empty if there is none. Raises NotAllowed."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise NotAllowed(error.strerror or str(error)) from None
    if raw.startswith(_WIDE):
        raise NotAllowed("it is written in UTF-16; save it as UTF-8")
    try:
        content = tomllib.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise NotAllowed("it is not written in UTF-8; save it as UTF-8") from None
    except (ValueError, RecursionError) as error:  # also for a number of more digits than are read
        raise NotAllowed(f"it is not TOML: {error}; {_QUOTING}") from None
    return dict(_flat(content))


def _flat(table: Mapping[str, object], before: str = "") -> Iterator[tuple[str, str]]:
    """Every value with its name; `table.name` inside a table, where nothing is a setting and has to be told as that."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(cast("dict[str, object]", value), f"{before}{name}.")
        else:
            yield f"{before}{name}", _written(value)


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, list):
        return os.pathsep.join(str(item) for item in cast("list[object]", value))
    return str(value)
