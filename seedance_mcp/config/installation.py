"""Tells how this installation came here: what starts it anywhere, and what installs an extra into it."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

WINDOWS = os.name == "nt"
NAME = "seedance-mcp"
_UV_CACHE = re.compile(r"(archive|builds|environments)-v\d+")
"""Folders of uv's cache that hold the installations of `uvx` and `uv run` (seen in uv 0.13.9)."""


def server_command() -> tuple[str, list[str]]:
    """
    Return the command and the arguments that start the server, wherever it is called from.

    A path where there is one that lasts. `uvx` and `pipx run` install into caches that get cleaned, so that there
    it is the command that makes the installation anew, from the folder, file or address that this one is from.
    """
    return _anew(()) or _by_path()


def extra_command(extra: str, *, windows: bool = WINDOWS) -> str:
    """
    Write the command that installs what an extra stands for, as the platform's shell takes it.

    It names the libraries, not the product: wherever that is from, it stays as it is. Where each start may make a new
    installation, it is the command that starts the server with them.
    """
    libraries = _libraries(extra)
    anew = _anew(libraries)
    if anew is not None:
        start, more = anew
        return in_shell([start, *more], windows=windows)
    return install_command(*libraries, windows=windows)


def install_command(*words: str, windows: bool = WINDOWS) -> str:
    """Write the command that installs into this very environment: `pip install` with these words, or `uv pip install`."""
    if find_spec("pip") is None and (uv := shutil.which("uv")):
        return in_shell([uv, "pip", "install", "--python", sys.executable, *words], windows=windows)
    return in_shell([sys.executable, "-m", "pip", "install", *words], windows=windows)


def in_shell(words: Sequence[str], *, windows: bool) -> str:
    """Write words as one line for the platform's shell, which on Windows is PowerShell."""
    if not windows:
        return shlex.join(words)
    start, *more = (in_powershell(word) if re.search(r"[^\w:.\\/-]", word) else word for word in words)
    return " ".join([f"& {start}" if start.startswith("'") else start, *more])


def in_powershell(text: str) -> str:
    """Quote text for PowerShell, which then expands nothing in it."""
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def _anew(libraries: Sequence[str]) -> tuple[str, list[str]] | None:
    """Return what installs and starts it, together with these libraries; None where the installation lasts."""
    installation = Path(sys.prefix)
    source = _source()
    if any(_UV_CACHE.fullmatch(folder) for folder in installation.parent.parts):
        extra = [word for library in libraries for word in ("--with", library)]
        return shutil.which("uvx") or "uvx", [*extra, *(["--from", source] if source else []), NAME]
    if (installation / "pipx_metadata.json").exists() and installation.parent.name != "venvs":
        extra = [word for library in libraries for word in ("--with", library)]
        return shutil.which("pipx") or "pipx", ["run", *extra, *(["--spec", source] if source else []), NAME]
    return None


def _by_path() -> tuple[str, list[str]]:
    script = Path(sys.executable).with_name(f"{NAME}.exe" if sys.platform == "win32" else NAME)
    # -P: else Python would run what lies under this name in the folder that a client starts it in.
    return (str(script), []) if script.exists() else (sys.executable, ["-P", "-m", "seedance_mcp"])


def _source() -> str | None:
    """Return the folder, file or address that it was installed from; None: an index, by its name."""
    from importlib.metadata import PackageNotFoundError, distribution
    from urllib.request import url2pathname

    try:
        record = distribution(NAME).read_text("direct_url.json")
        origin: dict[str, Any] = json.loads(record) if record else {}
        url, version = origin.get("url"), origin.get("vcs_info")
        if not url:
            return None
        if version:
            commit = version.get("requested_revision") or version["commit_id"]
            below = f"#subdirectory={origin['subdirectory']}" if origin.get("subdirectory") else ""
            return f"{version['vcs']}+{url}@{commit}{below}"
        address = urlsplit(str(url))
        return url2pathname(address.path) if address.scheme == "file" else str(url)
    except (PackageNotFoundError, OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # who wrote the record wrote it otherwise


def _libraries(extra: str) -> list[str]:
    from importlib.metadata import PackageNotFoundError, requires

    try:
        needed = requires(NAME) or []
    except PackageNotFoundError:
        needed = []
    wanted = re.compile(rf"""extra\s*==\s*['"]{re.escape(extra)}['"]""")
    found = [line.partition(";")[0].strip() for line in needed if wanted.search(line)]
    return found or [f"{NAME}[{extra}]"]
