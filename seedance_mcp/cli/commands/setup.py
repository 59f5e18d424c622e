"""The command `setup`: from nothing to a key that is stored, checked at no cost, and the price of a first video."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, cast

import anyio
from pydantic import SecretStr

from ...config import (
    KEYRING,
    NoKeyring,
    Settings,
    default_settings_file,
    load_settings,
    server_command,
    store_key,
)
from ...errors import AuthenticationError, ConfigError, InvalidRequest, SeedanceError
from ...jobs import ProviderPool
from ...texts import digits, digits_left, inert
from ...types import VideoRequest
from ..consent import asks_for_a_key, asks_for_a_line, at_a_terminal
from ..doctor.providers import ask_balance
from ..opening import opened
from ..text import money
from ..words import told

if TYPE_CHECKING:
    from ...catalog import Catalog, ProviderInfo

_FIRST_PROMPT = "A red fox trots through fresh snow"


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where keys are stored: the settings file, and whether the keyring is tried first."""

    file: Path
    keyring: bool


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the provider, and where the key goes."""
    parser.add_argument("provider", nargs="?", help="Whose key it is; asked for if left away")
    parser.add_argument(
        "--file", action="store_true", help="Store the key in the settings file, although there is a keyring"
    )
    parser.epilog = (
        "The key goes into the system's keyring where there is one (and the library `keyring` beside the server), else into the"
        " settings file, which only you may read then. It is checked before it is stored, which costs nothing."
    )


def execute(arguments: argparse.Namespace) -> int:
    """Ask, check, store, and say what a first video costs."""
    from ...catalog import Catalog

    settings = load_settings()
    if settings.teams:
        raise ConfigError(
            "With SEEDANCE_TEAMS the keys are files of each team, and none is stored by this command.",
            hint="Put the key into a file named like the provider, in the folder of the team: keys/TEAM/PROVIDER.",
        )
    catalog = Catalog.load(settings.catalog)
    sellers = [info for info in catalog.providers.values() if info.key_variables]
    place = _place(no_keyring=arguments.file)
    if arguments.provider is not None and arguments.provider not in {info.name for info in sellers}:
        raise InvalidRequest(
            [f"{arguments.provider} is no provider that takes a key."],
            hint=f"Choose one of {', '.join(info.name for info in sellers)}. Nothing was stored.",
        )
    if not at_a_terminal():
        _say_what_is_left(sellers, place.file)
        return 2
    info = _chosen(arguments.provider, sellers, settings)
    variable = info.key_variables[0]
    print(f"Get a key of {info.title} at {info.key_page}", file=sys.stderr)
    key = asks_for_a_key(f"{variable} (not shown): ")
    if not key:
        raise ConfigError(
            "There is no key.", hint=f"Nothing was stored. `seedance-mcp setup {info.name}` begins anew."
        )
    settings = settings.with_key(variable, SecretStr(key))
    left = anyio.run(_checked, info, catalog, settings)
    print(f"Stored in {_stored(variable, key, place)}.")
    if left is not None:
        print(f"Left on the account: {digits_left(left)} {info.currency}.")
    if load_settings().secret(variable) != SecretStr(key):
        _say(
            f"But the environment of this terminal sets {variable} or SEEDANCE_KEYRING otherwise, and that wins here."
        )
    _say_where_another_wins(variable)
    anyio.run(_first_video, info, settings)
    _say("`seedance-mcp install --list` says into which clients the server can be entered.")
    return 0


def _say_where_another_wins(variable: str) -> None:
    """Say which clients' entries hold a key of their own, which the server gets from there instead."""
    from ...clients import Installed, Machine, clients, find

    try:
        machine = Machine.here()
    except RuntimeError:
        return
    for client in clients().values():
        for place in find(client, machine):
            if isinstance(place, Installed) and variable in place.start.holds:
                _say(
                    f"But the entry in {place.place} holds {variable} itself, and that wins in {client.title}: take it out."
                )


def _place(*, no_keyring: bool) -> _Place:
    file = default_settings_file()
    if file is None:
        raise ConfigError(
            "There is no home folder for the settings file.", hint="Set HOME (on Windows USERPROFILE)."
        )
    _, words = server_command()
    # What `uvx` and `pipx run` install anew each time has no extra, and could not read the keyring.
    return _Place(file=file, keyring=not no_keyring and (not words or "-m" in words))


def _say_what_is_left(sellers: list[ProviderInfo], file: Path) -> None:
    print("error [usage]: This is no terminal, so nobody can be asked for a key.", file=sys.stderr)
    _say(
        f"hint: Run it in a terminal, or write one of these into {file} yourself, which nobody else should be able to read:"
    )
    for info in sellers:
        print(f'{info.key_variables[0]} = "..."    # {info.title}: {info.key_page}', file=sys.stderr)


def _chosen(name: str | None, sellers: list[ProviderInfo], settings: Settings) -> ProviderInfo:
    """Return the provider that was named, or ask for one. Raises InvalidRequest."""
    if name is None:
        for number, info in enumerate(sellers, 1):
            has = ", has a key" if settings.secret(*info.key_variables) else ""
            print(f"  {number}  {info.name:<10} {info.title}{has}", file=sys.stderr)
        name = asks_for_a_line("Whose key? Number or name: ").lower()
    for number, info in enumerate(sellers, 1):
        if name in (info.name, str(number)):
            return info
    raise InvalidRequest(
        [f"{name!r} is none of them." if name else "No provider was chosen."], hint="Nothing was stored."
    )


async def _checked(info: ProviderInfo, catalog: Catalog, settings: Settings) -> Decimal | None:
    """
    Ask the provider whether it takes the key; return what is left on the account where it says that.

    Raises:
        AuthenticationError: it does not.
        ConfigError: it cannot say so now.
    """
    pool = ProviderPool(lambda: catalog, settings)
    try:
        return await ask_balance(info, pool)
    except AuthenticationError as error:
        raise AuthenticationError(
            f"{info.title} does not take this key: {error.message.rstrip('.')}. Nothing was stored.",
            hint=error.hint,
        ) from None
    except (SeedanceError, TimeoutError) as error:
        words = error.message if isinstance(error, SeedanceError) else "it gave no answer in time"
        trouble = f"{info.title} cannot be asked whether it takes the key: {words}"
    finally:
        with anyio.CancelScope(shield=True):
            await pool.close()
    raise ConfigError(trouble, hint="Nothing was stored. Try again later; `seedance-mcp doctor` says more.")


def _stored(variable: str, key: str, place: _Place) -> str:
    """
    Store the key and return where.

    Raises:
        ConfigError: it cannot be stored.
    """
    from ...clients import Toml, Unusable, settings_files

    editor, kept_in = Toml(), None
    try:
        file = settings_files.read(place.file)
        # First of all: a file that cannot be edited is refused before the keyring has the key.
        by_keyring = _reading_the_keyring(editor.drop(file.text, (variable,)), variable)
        changed, where = editor.put(file.text, (variable,), key), str(place.file)
        if place.keyring:
            try:
                where, changed = store_key(variable, key), by_keyring
                kept_in = where
            except NoKeyring as error:
                _say(f"Not in {KEYRING}: {error}.")
        settings_files.replace(file, changed, keep_backup=False, private=True)
    except Unusable as error:
        hint = "Correct that first. The key was not written into it."
        if kept_in is not None:
            hint += f" {inert(kept_in)} holds it, and is not asked until SEEDANCE_KEYRING names {variable}."
        raise ConfigError(f"The settings file {place.file} was left as it is: {error}.", hint=hint) from None
    return inert(where)


def _reading_the_keyring(text: str, variable: str) -> str:
    from ...clients import Toml

    there: object = Toml().value(text, ("SEEDANCE_KEYRING",))
    written = (
        cast("list[object]", there) if isinstance(there, list) else str(there or "").replace(",", " ").split()
    )
    names = [str(name) for name in written]
    if variable in names:
        return text
    return Toml().put(text, ("SEEDANCE_KEYRING",), " ".join([*names, variable]))


async def _first_video(info: ProviderInfo, settings: Settings) -> None:
    """Say what a first video costs there, and what it may cost at most. Trouble is told and ends nothing."""
    try:
        async with opened(settings, watch=False) as app:
            quote = await app.estimate(VideoRequest(prompt=_FIRST_PROMPT, provider=info.name, duration=5))
            budget = quote.budget
    except SeedanceError as error:
        _say(f"What a first video costs is not known: {error.message}")
        return
    price = (
        money(quote.estimate.price)
        if quote.estimate
        else f"unknown, at most {digits(budget.max_per_job_usd)} USD"
    )
    print(f"A first video, 5 seconds with {quote.offer.model.title}: {price}.")
    print(
        f"Caps: {digits(budget.max_per_job_usd)} USD a job, {digits(budget.max_per_day_usd)} USD a day;"
        f" above {digits(settings.confirm_above_usd)} USD you are asked first."
    )
    _say(f'To make it: `seedance-mcp generate "{_FIRST_PROMPT}" --duration 5 --provider {info.name}`')


def _say(text: str) -> None:
    print(inert(told(text)), file=sys.stderr)
