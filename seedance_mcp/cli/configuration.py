"""The settings as the check-up sees them: what is set and from where, what is wrong, what does nothing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from ..app import unusable_keys
from ..config import Settings, setting_table, unknown_names
from ..errors import ConfigError
from ..jobs import split_hook
from ..providers import certificates_of
from .findings import Finding

if TYPE_CHECKING:
    from ..catalog import Catalog, ProviderInfo


def look_at_settings(settings: Settings, wrong: Mapping[str, str], catalog: Catalog | None) -> list[Finding]:
    """List what is given, one finding each; `wrong` says by name what cannot be used. No secret is shown."""
    finding = partial(Finding, area="settings")
    providers: Mapping[str, ProviderInfo] = catalog.providers if catalog else {}
    keys = {name for info in providers.values() for name in info.key_variables}
    urls = {f"SEEDANCE_{name.upper()}_BASE_URL" for name in providers}
    known = {name for name, _, _ in setting_table()}
    bad = {**wrong, **(unusable_keys(settings, catalog) if catalog else {})}
    found = [finding(subject=name, verdict="problem", text=text) for name, text in bad.items()]
    for name, origin in sorted(settings.sources.items()):
        place = "from the environment" if origin == "environment" else f"from {origin}"
        if name in bad:
            continue
        if name in keys:
            found.append(finding(subject=name, verdict="ok", text=f"set, not shown, {place}"))
        elif name in known or name in urls:
            shown = settings.given[name].get_secret_value() if _may_be_shown(name) else "set, not shown"
            found.append(finding(subject=name, verdict="ok", text=f"{shown}, {place}"))
            if name == "SEEDANCE_ON_FINISH" and settings.on_finish:
                found += _hook(settings.on_finish)
    if catalog is not None:
        for unknown in unknown_names(settings, providers=providers, keys=keys):
            text = f"there is no such setting; it does nothing (from {unknown.place})"
            if unknown.is_limit:
                text += ", and nothing is bought while it looks like a limit"
            verdict = "problem" if unknown.is_limit else "warning"
            found.append(finding(subject=unknown.name, verdict=verdict, text=text, hint=unknown.advice))
    return found or [finding(subject="settings", verdict="ok", text="none given: all at their defaults")]


def _hook(command: str) -> list[Finding]:
    try:
        split_hook(command)
    except ValueError as error:
        return [
            Finding(
                area="settings",
                subject="finish hook",
                verdict="warning",
                text=f"SEEDANCE_ON_FINISH cannot be read as a command: {error}",
                hint="Write it as in a shell: a quotation mark that is meant as such needs a backslash before it.",
            )
        ]
    return []


def _may_be_shown(name: str) -> bool:
    """A command and a proxy's address may hold a password, and so may everything that is named like a secret."""
    return name not in ("SEEDANCE_ON_FINISH", "SEEDANCE_PROXY") and not any(
        word in name for word in ("KEY", "TOKEN", "SECRET")
    )


def look_at_network(settings: Settings) -> list[Finding]:
    """Say whose certificates count and which proxy is between, if anything is set about that; nothing is connected."""
    finding = partial(Finding, area="settings")
    found: list[Finding] = []
    outbound = settings.outbound
    if named := outbound.certificates:
        try:
            certificates_of(named)
        except ConfigError as error:
            found.append(
                finding(subject=named.variable, verdict="warning", text=error.message, hint=error.hint)
            )
        else:
            text = f"its certificates count instead of the system's: {named.path}"
            found.append(finding(subject=named.variable, verdict="ok", text=text))
    proxies = outbound.proxies
    if proxies is not None and (proxies.https or proxies.http):
        ways = ", ".join(
            f"{scheme} by way of {proxy}"
            for scheme, proxy in (("https", proxies.https), ("http", proxies.http))
            if proxy
        )
        without = ", ".join(("this machine", *proxies.bypass))
        found.append(
            finding(
                subject="proxy",
                verdict="ok",
                text=f"{ways}; without it: {without}. It looks names up itself: whether one leads to a private"
                " address cannot be judged here",
            )
        )
    elif settings.proxy is not None:
        text = "SEEDANCE_PROXY is env, and neither the environment nor the system has a proxy"
        found.append(finding(subject="proxy", verdict="warning", text=text))
    elif outbound.advice:
        found.append(finding(subject="proxy", verdict="off", text="none is used", hint=outbound.advice))
    return found
