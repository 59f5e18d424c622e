"""
Builds what is published and starts it as people do: `python scripts/smoke.py WAY…`.

Everything is built first, the wheel out of the source distribution alone, and checked as the package index checks it. Then
`wheel` installs the wheel into an empty environment and makes the demo's video; `others` does so with every other Python
that the package names and this machine has; `lowest` with the oldest versions of all dependencies that `pyproject.toml`
allows; `tools` starts it by uvx, `uv tool install` and pipx; `bundle` starts what `scripts/bundle.py` stages with the words
of its manifest. Needs the dependency groups `dev` and `publish`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import tomllib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
VERSION = PROJECT["version"]
_WINDOWS = os.name == "nt"
_SECONDS = 600.0
_AT_ONCE = 2  # they wait for their downloads most of the time


class Failure(Exception):
    """What is published does not work; the message says which part."""


def built(out: Path) -> Path:
    """Build the source distribution, and out of it the wheel, which is returned. Raises Failure."""
    _run([_tool("uv"), "build", "--quiet", "--out-dir", str(out), str(ROOT)])
    files = [*out.glob("*.whl"), *out.glob("*.tar.gz")]
    _run([_tool("twine"), "check", "--strict", *map(str, files)])
    [wheel] = out.glob("*.whl")
    return wheel


def made_by_demo(wheel: Path, folder: Path, *resolution: str, interpreter: str = sys.executable) -> str:
    """Install the wheel into an empty environment and make the demo's video; says what was installed. Raises Failure."""
    folder.mkdir(exist_ok=True)
    environment = folder / "environment"
    _run([_tool("uv"), "venv", "--quiet", "--python", interpreter, str(environment)])
    python = environment / ("Scripts/python.exe" if _WINDOWS else "bin/python")
    _run([_tool("uv"), "pip", "install", "--quiet", "--python", str(python), *resolution, str(wheel)])
    command = _in(python.parent, "seedance-mcp")
    _check_version([str(command)])
    _run([str(command), "demo", "demo"], {"SEEDANCE_SANDBOX_SECONDS": "0"}, cwd=folder)
    videos = list((folder / "demo").glob("*.mp4"))
    if len(videos) != 1 or videos[0].stat().st_size < 10_000:
        raise Failure(f"the demo left {[video.name for video in videos]}")
    installed = _run([_tool("uv"), "pip", "freeze", "--quiet", "--python", str(python)])
    return ", ".join(line for line in installed.splitlines() if "==" in line)


def other_pythons() -> dict[str, str | None]:
    """Return by version where this machine has each other Python that the package names; None where it does not."""
    named = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if " :: 3." in line]
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {version: _found(version) for version in named if version != own}


def _found(version: str) -> str | None:
    installed = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    for candidate in (shutil.which(f"python{version}"), *map(str, installed)):
        with contextlib.suppress(
            Failure
        ):  # a shim of pyenv is there also for versions that are not switched on
            if candidate and version in _run([candidate, "--version"]):
                return candidate
    return None


def started_as_a_tool(wheel: Path, folder: Path) -> None:
    """Start it by uvx, `uv tool install` and pipx. Raises Failure."""
    bin_ = folder / "bin"
    places = {
        "UV_TOOL_DIR": str(folder / "uv"),
        "UV_TOOL_BIN_DIR": str(bin_ / "uv"),
        "PIPX_HOME": str(folder / "pipx"),
        "PIPX_BIN_DIR": str(bin_ / "pipx"),
        "PIPX_MAN_DIR": str(folder / "man"),
        "PIPX_DEFAULT_PYTHON": sys.executable,
    }
    uv = _tool("uv")
    _check_version([uv, "tool", "run", "--python", sys.executable, "--from", str(wheel), "seedance-mcp"])
    _run([uv, "tool", "install", "--quiet", "--python", sys.executable, str(wheel)], places)
    _check_version([str(_in(bin_ / "uv", "seedance-mcp"))])
    _run([_tool("pipx"), "install", "--quiet", str(wheel)], places)
    _check_version([str(_in(bin_ / "pipx", "seedance-mcp"))])


def started_from_the_bundle(folder: Path) -> None:
    """Stage the bundle and start it as a desktop application does. Raises Failure."""
    _run([sys.executable, str(ROOT / "scripts" / "bundle.py"), "--stage-only", "--out", str(folder)])
    staged = folder / "mcpb"
    server = json.loads((staged / "manifest.json").read_text(encoding="utf-8"))["server"]["mcp_config"]
    words = [word.replace("${__dirname}", str(staged)) for word in server["args"]]
    _check_version([_tool(server["command"]), *words])


def _check_version(command: list[str]) -> None:
    said = _run([*command, "--version"]).strip()
    if said != f"seedance-mcp {VERSION}":
        raise Failure(f"{command[0]} says {said!r}, and this is version {VERSION}")


def _run(command: list[str], more: Mapping[str, str] | None = None, *, cwd: Path | None = None) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **(more or {})},  # noqa: TID251  what installs needs its own settings
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode:
        raise Failure(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def _tool(name: str) -> str:
    """Return the path of a program of the group `publish`, which is beside this Python. Raises Failure."""
    path = _in(Path(sysconfig.get_path("scripts")), name)
    if not path.exists():
        raise Failure(f"{path} is missing: python -m pip install --group publish")
    return str(path)


def _in(folder: Path, name: str) -> Path:
    return folder / (f"{name}.exe" if _WINDOWS else name)


def _wheel(wheel: Path, folder: Path) -> str:
    return made_by_demo(wheel, folder)


def _others(wheel: Path, folder: Path) -> str:
    found = other_pythons()
    for version, interpreter in found.items():
        if interpreter:
            made_by_demo(wheel, folder / version, interpreter=interpreter)
    return ", ".join(
        f"{version} {'made the video' if path else 'is not here'}" for version, path in found.items()
    )


def _lowest(wheel: Path, folder: Path) -> str:
    oldest = ("--resolution", "lowest-direct", "-r", str(ROOT / "pyproject.toml"))
    return made_by_demo(wheel, folder, *oldest)


def _tools(wheel: Path, folder: Path) -> str:
    started_as_a_tool(wheel, folder)
    return ""


def _bundle(wheel: Path, folder: Path) -> str:
    started_from_the_bundle(folder)
    return ""


_WAYS = {"wheel": _wheel, "others": _others, "lowest": _lowest, "tools": _tools, "bundle": _bundle}


def _tried(what: str, wheel: Path, folder: Path) -> str:
    began = time.monotonic()
    folder.mkdir()
    said = _WAYS[what](wheel, folder)
    return f"{what}: works ({time.monotonic() - began:.0f} s) {said}"


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="+", choices=list(_WAYS))
    parser.add_argument("--out", type=Path, help="Keep what was built in this folder.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="smoke-", ignore_cleanup_errors=True) as name:
        scratch = Path(name)
        began = time.monotonic()
        try:
            wheel = built(arguments.out or scratch / "dist")
            print(f"built and checked: {wheel.name} ({time.monotonic() - began:.0f} s)", flush=True)
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                for line in pool.map(lambda what: _tried(what, wheel, scratch / what), arguments.what):
                    print(line, flush=True)
        except Failure as failure:
            print(f"smoke: {failure}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())
