"""Asks every provider that has a key whether it can be reached and takes the key."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

import anyio

from ...config import Settings
from ...errors import AuthenticationError, ConfigError, ProviderUnavailable, RateLimited, SeedanceError
from ...jobs import ProviderPool
from ...providers import certificates_of
from ...texts import digits_left, number_of
from .findings import Finding

if TYPE_CHECKING:
    from ...catalog import Catalog, ProviderInfo

_SECONDS = 20.0
_WAYS = ("SEEDANCE_PROXY", "SEEDANCE_ALLOW_HTTP", "SEEDANCE_CATALOG")
"""Settings that say for every provider where it is or how it is reached."""


async def ask_balance(info: ProviderInfo, pool: ProviderPool) -> Decimal | None:
    """
    Ask a provider at no cost whether it takes the key, for 20 seconds at most; return what is left, where it says that.

    Raises:
        SeedanceError: it does not, or cannot be asked.
        TimeoutError: it gave no answer.
    """
    with anyio.fail_after(_SECONDS):
        return await pool.open(info).balance()


async def ask_providers(
    catalog: Catalog, settings: Settings, *, network: bool, wrong: Mapping[str, str]
) -> list[Finding]:
    """
    Ask them all at once, and no longer than 20 seconds; in the order of the catalogue.

    `wrong` says by name which settings cannot be used. Who could be asked only with a default in the place of one is not
    asked: a relay's key would go to the provider itself, or past the proxy.
    """
    pool = ProviderPool(lambda: catalog, settings)
    unusable = _unusable_ways(settings, wrong)
    answers: dict[str, Finding] = {}

    async def ask(info: ProviderInfo) -> None:
        own = f"SEEDANCE_{info.name.upper()}_BASE_URL"
        missing = None if info.placeholder else own if own in wrong else unusable
        answers[info.name] = await _ask(info, pool, settings, network=network, missing=missing)

    try:
        async with anyio.create_task_group() as group:
            for info in catalog.providers.values():
                group.start_soon(ask, info)
    finally:
        with anyio.CancelScope(shield=True):
            await pool.close()
    return [answers[name] for name in catalog.providers]


def _unusable_ways(settings: Settings, wrong: Mapping[str, str]) -> str | None:
    """Name what would have to be right to ask anybody and is not; None if nothing stands in the way."""
    names = [name for name in wrong if name in _WAYS or not name.startswith("SEEDANCE_")]
    if named := settings.outbound.certificates:
        try:
            certificates_of(named)
        except ConfigError:
            names.append(named.variable)
    return " and ".join(names) or None


def _key_file(info: ProviderInfo, settings: Settings) -> str:
    """Name the file of a team's key; where there is no place for one, the setting that makes one."""
    folder = settings.team_keys_folder
    return (
        f"{settings.team}/{info.name} in SEEDANCE_TEAM_KEYS_DIR"
        if folder is None
        else str(folder / info.name)
    )


async def _ask(
    info: ProviderInfo, pool: ProviderPool, settings: Settings, *, network: bool, missing: str | None
) -> Finding:
    """Ask one. `missing` names what would be needed for that and cannot be used."""
    finding = partial(Finding, area="providers", subject=info.name)
    variable = next((name for name in info.key_variables if name in settings.given), None)
    if settings.team is not None:
        variable = f"a key of the team {settings.team}" if info.name in settings.team_keys else None
    if problem := pool.malformed_keys.get(info.name):
        return finding(verdict="problem", text=f"not ready: {problem}")
    if info.key_variables and variable is None:
        return finding(
            verdict="off",
            text=f"no key ({' or '.join(info.key_variables)})"
            if settings.team is None
            else f"no key (the file {_key_file(info, settings)})",
            hint=pool.misnamed_keys.get(info.name)
            or (
                f"Get one at {info.key_page}; `seedance-mcp setup {info.name}` asks for it and stores it."
                if settings.team is None
                else f"Get one at {info.key_page}, and put it into that file."
            ),
        )
    if missing is not None:
        return finding(
            verdict="problem",
            text=f"not asked: {missing} cannot be used, see above, and {variable} goes nowhere else than was meant",
        )
    if not network and not info.placeholder:
        return finding(verdict="ok", text=f"{variable} is set; not asked")
    place = settings.base_url(info.name) or info.base_url
    try:
        left = await ask_balance(info, pool)
    except AuthenticationError as error:
        return finding(verdict="problem", text=f"does not take {variable}: {error.message}", hint=error.hint)
    except RateLimited as error:
        return finding(verdict="warning", text=f"answers, but limits us: {error.message}", hint=error.hint)
    except ProviderUnavailable as error:
        return finding(verdict="problem", text=f"{place} cannot be used: {error.message}", hint=error.hint)
    except SeedanceError as error:
        return finding(verdict="problem", text=f"[{error.code}] {error.message}", hint=error.hint)
    except TimeoutError:
        return finding(
            verdict="problem",
            text=f"{place} gave no answer in {_SECONDS:g} s",
            hint="Try again; if it stays so, check the connection to the internet.",
        )
    if info.placeholder:
        return finding(verdict="ok", text="ready: free placeholder videos, no key, no network", free=True)
    sold = len(pool.catalog.offers(provider=info.name))
    text = f"{place} takes {variable}; {number_of(sold, 'model')} on sale"
    if left is None:
        return finding(verdict="ok", text=text)
    text += f"; {digits_left(left)} {info.currency} left"
    if left <= 0:
        return finding(verdict="warning", text=text, hint="Top the account up in the provider's console.")
    return finding(verdict="ok", text=text)
