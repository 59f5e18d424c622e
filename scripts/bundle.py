"""
Makes the bundle for desktop applications (MCPB): `python scripts/bundle.py [--cli PATH] [--stage-only]`.

It stages `dist/mcpb/`: the package as it is here, with a manifest written from the facts of `scripts/publishing.py`. The
application's own `uv` installs it from there. Then `@anthropic-ai/mcpb` validates and packs `dist/NAME.mcpb`, and the digest is
printed: no two packs of the same files have the same.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from publishing import ROOT, Asked, Key, as_text, facts
from tables import first_sentence, listed_tools

_SOURCE = ROOT / "publish" / "mcpb"
_SHIPPED = ("pyproject.toml", "README.md", "LICENSE")
_NOT_SHIPPED = shutil.ignore_patterns("__pycache__", "*.pyc")


def manifest() -> dict[str, Any]:
    """Return the manifest; what people fill in reaches the server as its own settings."""
    known = facts()
    asked = {entry.name.lower(): entry for entry in (*known.asked, *known.keys)}
    return {
        "manifest_version": known.schemas["manifest"],
        "name": known.name,
        "display_name": known.shop["title"],
        "version": known.version,
        "description": known.description,
        "long_description": "Your assistant says what a video costs, here and at other providers, asks you above a price that"
        " you set, pays once, and saves the finished MP4 in your folder. Without a key it makes free placeholders.",
        "author": {"name": known.shop["author"]},
        "repository": {"type": "git", "url": known.home},
        "homepage": known.home,
        "documentation": known.page("README.md"),
        "support": f"{known.home}/issues",
        "icon": "icon.png",
        "license": known.project["license"],
        "keywords": known.project["keywords"],
        "privacy_policies": [known.page("docs/privacy.md")],
        "compatibility": {
            "platforms": ["darwin", "win32", "linux"],
            "runtimes": {"python": known.project["requires-python"]},
        },
        "server": {
            "type": "uv",
            "entry_point": "seedance_mcp/__main__.py",
            "mcp_config": {
                "command": "uv",
                "args": ["run", "--no-dev", "--directory", "${__dirname}", known.name],
                "env": {entry.name: f"${{user_config.{key}}}" for key, entry in asked.items()},
            },
        },
        "tools": [
            {"name": tool.name, "description": first_sentence(tool.description or "")}
            for tool in listed_tools()
        ],
        "prompts_generated": True,
        "user_config": {key: _field(entry) for key, entry in asked.items()},
    }


def _field(entry: Asked | Key) -> dict[str, Any]:
    if isinstance(entry, Key):
        said = {"type": "string", "title": f"Key of {entry.provider}", "description": entry.help}
        return said | {"sensitive": True, "required": False}
    said = {"title": entry.title, "description": entry.help, "required": False}
    if entry.kind == "folder":
        return {"type": "directory"} | said
    return {"type": "number"} | said | {"default": int(entry.default), "min": 0}


def stage(folder: Path) -> None:
    """Lay out what is packed, in a folder that is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "seedance_mcp", folder / "seedance_mcp", ignore=_NOT_SHIPPED)
    for name in _SHIPPED:
        shutil.copy2(ROOT / name, folder / name)
    for name in ("icon.png", ".mcpbignore"):
        shutil.copy2(_SOURCE / name, folder / name)
    (folder / "manifest.json").write_text(as_text(manifest()), encoding="utf-8", newline="\n")


def pack(folder: Path, bundle: Path, cli: list[str]) -> None:
    """Validate and pack. Raises CalledProcessError, after the tool has said what is wrong."""
    subprocess.run([*cli, "validate", str(folder / "manifest.json")], check=True, timeout=120)
    subprocess.run([*cli, "pack", str(folder), str(bundle)], check=True, timeout=120)


def _from_npm() -> list[str]:
    """Return the command that runs the version which the tests run, from npm. Exits where there is no npm."""
    wanted = json.loads((ROOT / "tests" / "clients" / "package.json").read_text(encoding="utf-8"))
    package = "@anthropic-ai/mcpb"
    npx = shutil.which("npx")
    if npx is None:
        sys.exit("npx is not installed; it comes with Node. Or name the tool: --cli PATH")
    return [npx, "--yes", f"{package}@{wanted['dependencies'][package]}"]


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cli", help="The command `mcpb`, where it is installed (default: by npx).")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="Folder (default: dist).")
    parser.add_argument("--stage-only", action="store_true", help="Lay the files out and pack nothing.")
    arguments = parser.parse_args()
    folder, bundle = arguments.out / "mcpb", arguments.out / f"{facts().name}.mcpb"
    stage(folder)
    if arguments.stage_only:
        return
    pack(folder, bundle, [arguments.cli] if arguments.cli else _from_npm())
    print(f"{bundle}\nsha256: {hashlib.sha256(bundle.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    _main()
