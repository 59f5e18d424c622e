"""Installs programs of other makers from npm, once, into a cache folder outside the repository."""

from __future__ import annotations

import contextlib
import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import platformdirs

CACHE = platformdirs.user_cache_path("seedance-mcp-tests")
"""The usual cache folder, found before any test changes where the home folder is."""

_PACKAGES = Path(__file__).with_name("package.json")
_NODE_22 = "22.23.2"
_SECONDS = 300.0


class Missing(Exception):
    """There is no way to have the packages here; the message says why."""


def installed(cache: Path | None = None) -> Path:
    """
    Return the folder that has them as `node_modules`, and `node22` among them: the newest clients need that.

    Raises Missing.
    """
    return installed_of(_PACKAGES, "clients", f"node22@npm:{_node_package()}", cache=cache)


def installed_of(packages: Path, name: str, *more: str, cache: Path | None = None) -> Path:
    """
    Return the folder that has what a package.json names, and some more, as `node_modules`.

    One process installs while the others wait; a folder that exists is complete. Raises Missing.
    """
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise Missing("node and npm are not installed")
    wanted = packages.read_bytes() + "".join(more).encode()
    cache = cache or CACHE
    folder = cache / f"{name}-{hashlib.sha256(wanted).hexdigest()[:12]}"
    cache.mkdir(parents=True, exist_ok=True)
    with alone(cache / f"{name}.lock"):
        if not folder.exists():
            unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=cache))
            try:
                shutil.copyfile(packages, unfinished / "package.json")
                _install(npm, unfinished, *more)
                unfinished.rename(folder)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def node22(folder: Path) -> str:
    """Return the path of a Node 22 or newer."""
    name = "node.exe" if sys.platform == "win32" else "node"
    return str(folder / "node_modules" / "node22" / "bin" / name)


def _install(npm: str, folder: Path, *more: str) -> None:
    quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--loglevel=error"]
    try:
        subprocess.run(
            [npm, "install", *quiet, *more],
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise Missing(f"npm did not install them within {_SECONDS:.0f} s") from None
    except subprocess.CalledProcessError as error:
        raise Missing(f"npm could not install them: {error.stderr.strip()[-500:]}") from None


def _node_package() -> str:
    system = {"win32": "win", "darwin": "darwin"}.get(sys.platform, "linux")
    machine = "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x64"
    bin_ = "bin-" if (system, machine) == ("darwin", "arm64") else ""
    return f"node-{bin_}{system}-{machine}@{_NODE_22}"


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Wait for the lock, which the system takes back if its holder dies."""
    with path.open("a+b") as file:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield
        if sys.platform == "win32":
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)


if __name__ == "__main__":
    print(installed())
