"""What is known of each client (`clients.toml`), and where its settings files are on a machine."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ..config import environment_without_keys
from .jsonc import Jsonc
from .shapes import Editor
from .toml_text import Toml
from .yaml_text import Yaml

_FORMATS: Mapping[str, Editor] = {
    "json": Jsonc(strict=True),
    "jsonc": Jsonc(),
    "toml": Toml(),
    "yaml": Yaml(),
}
_FOLDER = re.compile(r"\{(\w+)\}")


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Keys(_Line):
    """How an entry gets a key without holding it; see `clients.toml`. In `form`, NAME is the variable."""

    kind: Literal["reference", "names", "input", "plain"]
    field: str
    form: str = ""

    def reference(self, variable: str) -> str:
        """Return the text by which an entry refers to a variable."""
        return self.form.replace("NAME", variable)


class Client(_Line):
    """One client, as its lines in `clients.toml` describe it."""

    name: str
    title: str
    format: Literal["json", "jsonc", "toml", "yaml"]
    table: tuple[str, ...]
    older_table: tuple[str, ...] | None = None
    older_below: int | None = None
    projects: str | None = None
    one_of: bool = False
    command: str = "command"
    as_list: bool = False
    fixed: Mapping[str, str] = Field(default_factory=dict[str, str])
    first: Mapping[str, str | int | bool] = Field(default_factory=dict[str, str | int | bool])
    keys: Keys
    signs: tuple[str, ...] = ()
    restart: str
    after_uninstall: str | None = None
    files: Mapping[Literal["darwin", "win32", "linux", "all"], tuple[str, ...]]
    verified: date
    source: str
    confidence: Literal["high", "medium", "low"]

    @property
    def editor(self) -> Editor:
        """What edits its files."""
        return _FORMATS[self.format]


class _Known(_Line):
    folders: Mapping[str, str]
    clients: Mapping[str, Client]


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A machine as far as it matters here: its system as `sys.platform` says it, a home folder, and the environment."""

    system: str
    home: Path
    environ: Mapping[str, str]

    @classmethod
    def here(cls) -> Machine:
        """
        This one, without what its environment has of keys.

        Raises:
            RuntimeError: nobody knows the home folder, or it is no whole path.
        """
        home, environ = Path.home(), environment_without_keys()
        if not home.is_absolute() or (
            os.name == "posix" and environ.get("HOME") == ""
        ):  # empty, it would be /
            raise RuntimeError("the home folder is no whole path")
        return cls(system=sys.platform, home=home, environ=environ)

    def found(self, client: Client) -> bool:
        """Return whether the client seems to be installed here; a settings file of it counts."""
        if any(map(_is_there, self._candidates(client))):
            return True
        if not client.signs:
            return any(_is_folder(path.parent) for path in self._candidates(client))
        return any(
            _is_there(self._path(sign)) if "/" in sign else self.program(sign) is not None
            for sign in client.signs
        )

    def program(self, name: str) -> str | None:
        """Return the path of a command, as a shell here would find it."""
        return shutil.which(name, path=self.environ.get("PATH", ""))

    def files(self, client: Client) -> tuple[Path, ...]:
        """Return every settings file that the client may read here; one, to be made, if there is none."""
        found = self._candidates(client)
        if client.one_of:
            return (next((path for path in found if _is_there(path)), found[0]),)
        there = tuple(path for path in found if _is_folder(path.parent))
        return there or found[:1]

    def all_files(self, client: Client) -> tuple[Path, ...]:
        """
        Return every settings file that is there and could hold an entry, also those that are not written.

        One that nobody may look for counts: whoever reads it learns why that cannot be done.
        """
        return tuple(path for path in self._candidates(client) if _is_there(path, unknown=True))

    def _candidates(self, client: Client) -> tuple[Path, ...]:
        system = self.system if self.system in ("darwin", "win32") else "linux"
        named = client.files.get("all") or client.files[system]  # pyright: ignore[reportArgumentType]
        found: list[Path] = []
        for one in named:
            path = self._path(one.removesuffix("?"))
            if "*" in one:
                home = Path(*path.parts[: next(i for i, part in enumerate(path.parts) if "*" in part)])
                folders = home.glob(path.parent.relative_to(home).as_posix())
                found += [folder / path.name for folder in sorted(folders)]
            elif not one.endswith("?") or _is_there(path):
                found.append(path)
        return tuple(found)

    def _path(self, written: str) -> Path:
        def folder(found: re.Match[str]) -> str:
            named = self.environ.get(found[1], "").strip()
            # One that is no whole path leads to another place for each program, and is not valid (XDG says so).
            return (
                named if named.startswith("~/") or Path(named).is_absolute() else _known().folders[found[1]]
            )

        words = _FOLDER.sub(folder, written)
        return self.home / words[2:] if words.startswith("~/") else Path(words)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # nobody may look there
        return False


def _is_there(path: Path, *, unknown: bool = False) -> bool:
    """Return whether a path is there, be it a link that leads nowhere; `unknown` if that may not be looked at."""
    try:
        path.lstat()
    except PermissionError:
        return unknown
    except OSError:
        return False
    return True


def clients() -> Mapping[str, Client]:
    """Return all known clients by name."""
    return _known().clients


@cache
def _known() -> _Known:
    content = tomllib.loads((files("seedance_mcp.clients") / "clients.toml").read_text(encoding="utf-8"))
    for name, lines in content["clients"].items():
        lines["name"] = name
    return _Known.model_validate(content)
