"""Installs the Python clients of other makers, each into an environment of its own in a cache folder outside the repository."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path

from .packages import CACHE, Missing, alone

_HERE = Path(__file__).parent
_SECONDS = 300.0


def wanted() -> dict[str, list[str]]:
    """Return what each environment has to hold, by its name."""
    text = (_HERE / "environments.toml").read_text(encoding="utf-8")
    return {name: entry["requires"] for name, entry in tomllib.loads(text).items()}


def environments(cache: Path | None = None) -> dict[str, Path]:
    """
    Return the Python of each environment, by its name.

    One process installs while the others wait; a folder that exists is complete. Raises Missing.
    """
    cache = cache or CACHE
    cache.mkdir(parents=True, exist_ok=True)
    found: dict[str, Path] = {}
    with alone(cache / "environments.lock"):
        for name, requires in wanted().items():
            words = "\n".join([sys.version, *requires])
            folder = cache / f"python-{name}-{hashlib.sha256(words.encode()).hexdigest()[:12]}"
            found[name] = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
            if not folder.exists():
                _complete_or_absent(
                    folder, lambda unfinished, names=requires: _install(unfinished, names, cache)
                )
    return found


def _install(folder: Path, requires: list[str], cache: Path) -> None:
    uv = _uv(cache)
    # Relocatable, because it gets its name only when it is complete.
    _run(uv, "venv", "--quiet", "--relocatable", "--python", sys.executable, str(folder), cache=cache)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    _run(uv, "pip", "install", "--quiet", "--python", str(python), *requires, cache=cache)


def _uv(cache: Path) -> str:
    """Return the path of uv: one that is installed here, or one in the cache."""
    folder = cache / "uv"
    if not folder.exists() and not shutil.which("uv"):
        project = tomllib.loads((_HERE.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
        [uv] = [line for line in project["dependency-groups"]["publish"] if line.startswith("uv>")]
        # Isolated: what watches the connections of the tests comes by PYTHONPATH, whoever clears that.
        pip = (sys.executable, "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        _complete_or_absent(
            folder, lambda unfinished: _run(*pip, "--target", str(unfinished), uv, cache=cache)
        )
    return shutil.which("uv") or str(folder / "bin" / "uv")


def _complete_or_absent(folder: Path, fill: Callable[[Path], None]) -> None:
    above = Path(tempfile.mkdtemp(prefix="unfinished-", dir=folder.parent))
    try:
        fill(above / "new")
        (above / "new").rename(folder)
    finally:
        shutil.rmtree(above, ignore_errors=True)


def _run(*command: str, cache: Path) -> None:
    # Without PYTHONPATH: what is installed must not come from there.
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    try:
        subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            env={**environ, "UV_CACHE_DIR": str(cache / "uv-cache")},
        )
    except subprocess.TimeoutExpired:
        raise Missing(
            f"{Path(command[0]).name} did not install the clients within {_SECONDS:.0f} s"
        ) from None
    except subprocess.CalledProcessError as error:
        raise Missing(f"the Python clients could not be installed: {error.stderr.strip()[-500:]}") from None


if __name__ == "__main__":
    print(environments())
