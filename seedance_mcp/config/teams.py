"""Divides settings by teams: what all have in common, what a team's own file says instead, and keys that are a team's alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from . import cleaning
from .cleaning import NotAllowed
from .names import is_declared, meant_for_us, nearest
from .settings import Settings

if TYPE_CHECKING:
    from .reading import Reading

_MOST_KEY_BYTES = 4_096
_STATE = "teams"
"""The folder of the state folder that has a state folder for each team."""

_OF_THE_PROCESS = re.compile(
    r"SEEDANCE_(TEAM.*|OAUTH_.*|HTTP_.*|LOG_.*|STATE_DIR|OUTPUT_DIR|KEYRING|PROXY|ALLOW_HTTP|PROTOCOL|DETACH)"
)
"""Settings that are the same for all teams of a process, or come from a team's name."""

_BASE_URL = re.compile(r"SEEDANCE_[A-Z0-9_]+_BASE_URL")

ReadWith = Callable[[Mapping[str, str], str], "Reading"]
"""Reads all settings anew, with values that count more than what stands elsewhere, and where those are from."""


def divided(common: Reading, read_with: ReadWith, *, folder: Path | None) -> Reading:
    """
    Return the settings of the team that is named, or those of all with each team's in `of_teams`, and what is wrong.

    `folder` is that of the settings file, if there may be one.
    """
    from .reading import Reading

    settings, wrong = common.settings, dict(common.wrong)
    if settings.team is not None and settings.team not in settings.teams:
        there = f"there are {', '.join(settings.teams)}" if settings.teams else "SEEDANCE_TEAMS names none"
        wrong["SEEDANCE_TEAM"] = (
            f"{settings.with_place('SEEDANCE_TEAM')}: there is no team of this name; {there}."
        )
        return Reading(settings=replace(settings, team=None), wrong=wrong)
    if settings.keyring:
        wrong["SEEDANCE_KEYRING"] = (
            f"{settings.with_place('SEEDANCE_KEYRING')} cannot be used with SEEDANCE_TEAMS: a team's keys are files of its own."
        )
    names = settings.teams if settings.team is None else (settings.team,)
    readings = [_of_team(name, settings, read_with, folder) for name in names]
    for reading in readings:
        wrong |= {name: words for name, words in reading.wrong.items() if name not in wrong}
    if settings.team is not None:
        return Reading(settings=readings[0].settings, wrong=wrong)
    each = tuple(reading.settings for reading in readings)
    return Reading(settings=replace(settings, of_teams=each), wrong=wrong)


def common_state_dir(settings: Settings) -> Path:
    """Return the state folder that all teams have in common, which is the only one where there are none."""
    return settings.state_dir if settings.team is None else settings.state_dir.parents[1]


def _of_team(name: str, common: Settings, read_with: ReadWith, folder: Path | None) -> Reading:
    from .reading import Reading, read_file

    wrong: dict[str, str] = {}
    own: dict[str, str] = {}
    file = _place(common.teams_dir, folder, "teams", f"{name}.toml")
    if file is not None:
        try:
            own = read_file(file)
        except NotAllowed as error:
            wrong[str(file)] = f"The settings file {file} of the team {name} cannot be read: {error}."
    for setting in own:
        if not _is_a_teams(setting):
            wrong[f"{setting} in {file}"] = (
                f"{setting} (from {file}) is no setting that a team can have of its own.{_meant(setting)}"
            )
    own = {setting: value for setting, value in own.items() if _is_a_teams(setting)}
    reading = read_with(own, str(file))
    wrong = {**reading.wrong, **wrong}
    settings = reading.settings
    if settings.database_url is None:
        wrong["SEEDANCE_TEAMS"] = (
            "SEEDANCE_TEAMS needs SEEDANCE_DATABASE_URL: in a file there are no schemas that could be the teams'."
        )
    keys: dict[str, SecretStr] = {}
    unusable: dict[str, str] = {}
    keys_folder = _place(common.team_keys_dir, folder, "keys", name)
    if keys_folder is not None:
        try:
            keys, unusable = _keys_in(keys_folder)
        except OSError as error:
            wrong[str(keys_folder)] = (
                f"The keys of the team {name} in {keys_folder} cannot be read: {error.strerror}."
            )
    divided_settings = replace(
        settings,
        team=name,
        state_dir=settings.state_dir / _STATE / name,
        output_dir=settings.output_dir / name,
        object_store=settings.object_store and f"{settings.object_store.rstrip('/')}/{name}",
        s3_prefix=f"{settings.s3_prefix}{name}/",
        team_file=file,
        team_keys_folder=keys_folder,
        team_keys=keys,
        unusable_team_keys=unusable,
    )
    return Reading(settings=divided_settings, wrong=wrong)


def _place(set_to: Path | None, beside: Path | None, folder: str, name: str) -> Path | None:
    if set_to is not None:
        return set_to / name
    return None if beside is None else beside / folder / name


def _is_a_teams(setting: str) -> bool:
    declared = {entry.metadata["name"] for entry in fields(Settings) if entry.metadata}
    is_one = setting in declared or _BASE_URL.fullmatch(setting) is not None
    return is_one and not _OF_THE_PROCESS.fullmatch(setting)


def _meant(name: str) -> str:
    """Ask whether a name that is no setting's was meant as that of one like it; empty if none is."""
    if is_declared(name) or not meant_for_us(name.rpartition(".")[2]):
        return ""
    like = nearest(name)
    return f" Did you mean {like}?" if like and _is_a_teams(like) else ""


def _keys_in(folder: Path) -> tuple[dict[str, SecretStr], dict[str, str]]:
    """
    Read every file of a folder as a key, by its name; what begins with a dot is the mount's own. No folder is no key.

    Returns the keys, and a sentence on each file that holds none. Raises OSError. Reading a pipe would wait for its writer.
    """
    keys: dict[str, SecretStr] = {}
    unusable: dict[str, str] = {}
    if not folder.exists():
        return keys, unusable
    for file in sorted(folder.iterdir()):
        if file.name.startswith(".") or file.is_dir():
            continue
        try:
            if file.exists() and not file.is_file():
                raise NotAllowed("it is no file")
            with file.open("rb") as opened:
                text = cleaning.key(opened.read(_MOST_KEY_BYTES).decode("utf-8-sig"))
            if not text:
                raise NotAllowed("there is no key in it")
            keys[file.name] = SecretStr(text)
        except UnicodeDecodeError:
            unusable[file.name] = f"The file {file} is wrong: it is not written in UTF-8."
        except (NotAllowed, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            unusable[file.name] = f"The file {file} is wrong: {reason}."
    return keys, unusable
