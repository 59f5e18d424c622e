"""The settings as the check-up sees them: what is set and from where, what is wrong, what does nothing."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ...config import Settings, default_settings_file, setting_table, unknown_names
from ...errors import ConfigError
from ...jobs import hook_program, malformed_keys, misnamed_keys, wrong_defaults
from ...providers import certificates_of
from ...texts import listed
from .findings import Finding

if TYPE_CHECKING:
    from ...catalog import Catalog, ProviderInfo


def look_at_settings(settings: Settings, wrong: Mapping[str, str], catalog: Catalog | None) -> list[Finding]:
    """List what is given, one finding each; `wrong` says by name what cannot be used. No secret is shown."""
    finding = partial(Finding, area="settings")
    providers: Mapping[str, ProviderInfo] = catalog.providers if catalog else {}
    keys = {name for info in providers.values() for name in info.key_variables}
    urls = {f"SEEDANCE_{name.upper()}_BASE_URL" for name in providers}
    known = {name for name, _, _ in setting_table()}
    bad = dict(wrong)
    malformed: Mapping[str, str] = {}
    misnamed: Mapping[str, str] = {}
    if catalog is not None:
        malformed, misnamed = malformed_keys(settings, catalog), misnamed_keys(settings, catalog)
        bad.update(wrong_defaults(settings, catalog))
    found = [finding(subject=name, verdict="problem", text=_beside(name, text)) for name, text in bad.items()]
    found += [
        finding(
            subject=provider,
            verdict="warning",
            text=text,
            hint="Until it is corrected this provider is left out; the others and the sandbox work.",
        )
        for provider, text in malformed.items()
    ]
    found += [
        finding(subject=provider, verdict="warning", text=text, hint="Set the variable that is read.")
        for provider, text in misnamed.items()
    ]
    found += [
        finding(
            subject=name,
            verdict="warning",
            text=f"it {value.words} (from {_place(value.origin)}): it counts as not set"
            f"{', and its default holds' if name in known else ''}",
            hint="Write the limit, or take its name out."
            if value.blank
            else "Write the value in full, or set the variable that is meant.",
        )
        for name, value in sorted(settings.left_open.items())
        if name in known or name in urls or name in keys
    ]
    for name, origin in sorted(settings.sources.items()):
        place = f"from {_place(origin)}"
        if name in bad or name in settings.unusable_keys:
            continue
        if name in keys:
            found.append(finding(subject=name, verdict="ok", text=f"set, not shown, {place}"))
        elif name in known or name in urls:
            shown = settings.given[name].get_secret_value() if _may_be_shown(name) else "set, not shown"
            found.append(finding(subject=name, verdict="ok", text=f"{shown}, {place}"))
            if name == "SEEDANCE_ON_FINISH" and settings.on_finish:
                found += _hook(settings.on_finish, settings.output_dir)
    if catalog is not None:
        for unknown in unknown_names(settings, providers=providers, keys=keys):
            text = f"there is no such setting; it does nothing (from {unknown.place})"
            if unknown.is_limit:
                text += ", and nothing is bought while it looks like a limit"
            verdict = "problem" if unknown.is_limit else "warning"
            found.append(
                finding(
                    subject=unknown.name,
                    verdict=verdict,
                    text=text,
                    hint=unknown.advice,
                    only_purchases=unknown.is_limit,
                )
            )
    found = found or [finding(subject="settings", verdict="ok", text="none given: all at their defaults")]
    file = default_settings_file()
    if file is not None:
        shown = _below_home(file)
        text = shown if file.exists() else f"{shown}, not there: what is set in it would count here too"
        found.append(
            _open_to_others("settings file", _with_secrets(settings, file))
            or finding(subject="settings file", verdict="ok", text=text)
        )
    return [*found, *_files_of_the_team(settings)]


def _files_of_the_team(settings: Settings) -> list[Finding]:
    """Look at who else may open what is the team's alone."""
    own = _with_secrets(settings, settings.team_file) if settings.team_file else []
    folder = settings.team_keys_folder
    keys = (
        [folder / name for name in sorted({*settings.team_keys, *settings.unusable_team_keys})]
        if folder
        else []
    )
    found = _open_to_others("team's settings file", own), _open_to_others("team's keys", keys)
    return [finding for finding in found if finding is not None]


def _with_secrets(settings: Settings, file: Path) -> list[Path]:
    """Return the settings file if a key is from it."""
    holds = any(origin == str(file) and _is_a_secret(name) for name, origin in settings.sources.items())
    return [file] if holds else []


def _open_to_others(subject: str, files: Sequence[Path]) -> Finding | None:
    """Warn of files with keys in them that others on this machine may read; systems without such modes tell nothing."""
    open_ones = [file for file in files if os.name != "nt" and _others_may_open(file)]
    if not open_ones:
        return None
    them = "it" if len(open_ones) == 1 else "them"
    return Finding(
        area="settings",
        subject=subject,
        verdict="warning",
        text=f"{listed([_below_home(file) for file in open_ones])} {'holds' if them == 'it' else 'hold'} keys, and other users"
        f" of this machine may open {them}",
        hint=f"Run `chmod 600 {shlex.join(str(file) for file in open_ones)}`.",
    )


def _others_may_open(file: Path) -> bool:
    try:
        return file.stat().st_mode & 0o077 != 0
    except OSError:
        return False


def _beside(name: str, sentence: str) -> str:
    """Take the name out of the beginning of a sentence that stands beside it."""
    return sentence.removeprefix("The settings file ").removeprefix(name).lstrip(" =")


def _below_home(file: Path) -> str:
    """Write a path as people pass it on in a report: without the name of the home folder."""
    try:
        return str(Path("~") / file.relative_to(Path.home()))
    except (ValueError, RuntimeError):
        return str(file)


def _place(origin: str) -> str:
    return "the environment" if origin == "environment" else origin


def _hook(command: str, folder: Path) -> list[Finding]:
    """Look for the program, without a word of the command: any may be a password."""
    finding = partial(Finding, area="settings", subject="finish hook", verdict="warning")
    try:
        program = hook_program(command, folder)
    except ValueError as error:
        return [
            finding(
                text=f"SEEDANCE_ON_FINISH cannot be read as a command: {error}",
                hint="Write it as in a shell: a quotation mark that is meant as such needs a backslash before it.",
            )
        ]
    if program is None:
        return [
            finding(
                text="the program that SEEDANCE_ON_FINISH begins with cannot be found",
                hint="Begin it with the whole path of a program: no shell runs it, and a client's PATH is often shorter"
                " than a terminal's.",
            )
        ]
    return []


def _may_be_shown(name: str) -> bool:
    """A command and a proxy's address may hold a password, and so may everything that is named like a secret."""
    return name not in ("SEEDANCE_ON_FINISH", "SEEDANCE_PROXY") and not _is_a_secret(name)


def _is_a_secret(name: str) -> bool:
    """Return whether it is named like one, or is the address of the database, which nearly always has a password in it."""
    if name == "SEEDANCE_KEYRING":  # names of variables
        return False
    return name == "SEEDANCE_DATABASE_URL" or any(word in name for word in ("KEY", "TOKEN", "SECRET"))


def look_at_network(settings: Settings) -> list[Finding]:
    """Report whose certificates count and which proxy is between, if anything is set about that; nothing is connected."""
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
