"""
Writes what the places where this server is offered need to know: `python scripts/publishing.py [--check | --ready]`.

`server.json` is for the MCP registry; `.claude-plugin/` and `publish/claude-plugin/`, whose `skills/` are those that the
server serves, are for Claude Code; `scripts/bundle.py` makes the bundle for desktop applications from the same facts.
`--ready` says what a release still lacks, and `--docker COMMIT` prints the entry for Docker's catalogue.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from seedance_mcp.catalog import Catalog
from seedance_mcp.config import setting_table
from seedance_mcp.server.skills import skills

ROOT = Path(__file__).resolve().parents[1]
PLACEHOLDER = "OWNER"
_PLUGIN = "publish/claude-plugin"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A setting that forms ask for; `default` is as text, empty where leaving it open means something else."""

    name: str
    title: str
    kind: Literal["folder", "amount"]
    help: str
    default: str


@dataclass(frozen=True, kw_only=True)
class Key:
    """The key of one provider: the variable it is read from, and the page where people get it."""

    name: str
    provider: str
    page: str

    @property
    def help(self) -> str:
        """What forms say about it."""
        return (
            f"To buy from {self.provider}; from {self.page}. One key of any provider is enough; without one, only free"
            " placeholders are made."
        )


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything said about this server elsewhere, from `pyproject.toml`, `publish/facts.toml`, settings and catalogue."""

    project: dict[str, Any]
    repository: dict[str, str]
    shop: dict[str, Any]
    schemas: dict[str, str]
    published: bool
    asked: tuple[Asked, ...]
    keys: tuple[Key, ...]

    @property
    def name(self) -> str:
        """The name of the distribution."""
        return self.project["name"]

    @property
    def version(self) -> str:
        """The version that `pyproject.toml` says."""
        return self.project["version"]

    @property
    def description(self) -> str:
        """One sentence."""
        return self.project["description"]

    @property
    def registry_name(self) -> str:
        """The name in the MCP registry, which asks for it in the README and in the label of an image."""
        return f"io.github.{self.repository['owner']}/{self.repository['name']}"

    @property
    def home(self) -> str:
        """The address of the repository."""
        return f"https://github.com/{self.repository['owner']}/{self.repository['name']}"

    def page(self, path: str) -> str:
        """Return the address of a file of the repository."""
        return f"{self.home}/blob/{self.repository['branch']}/{path}"


@cache
def facts() -> Facts:
    """Read them all."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    data = tomllib.loads((ROOT / "publish" / "facts.toml").read_text(encoding="utf-8"))
    table = {name: (default.strip("`"), text.replace("`", "")) for name, default, text in setting_table()}
    asked = tuple(
        Asked(
            name=entry["setting"],
            title=entry["title"],
            kind=entry["kind"],
            help=table[entry["setting"]][1],
            default="" if entry["kind"] == "folder" else table[entry["setting"]][0],
        )
        for entry in data["asked"]
    )
    keys = tuple(
        Key(name=info.key_variables[0], provider=info.title, page=info.key_page)
        for info in Catalog.load().providers.values()
        if info.key_variables
    )
    return Facts(
        project=project,
        repository=data["repository"],
        shop=data["shop"],
        schemas=data["schemas"],
        published=data["index"]["published"],
        asked=asked,
        keys=keys,
    )


def server_json(bundle: Path | None = None) -> dict[str, Any]:
    """Return the entry for the MCP registry; with the bundle of a release, that is offered beside the package."""
    known = facts()
    formats = {"folder": "filepath", "amount": "number"}
    variables = [
        {"name": asked.name, "description": asked.help, "format": formats[asked.kind]}
        | ({"default": asked.default} if asked.default else {})
        for asked in known.asked
    ]
    variables += [
        {"name": key.name, "description": key.help, "isRequired": False, "isSecret": True}
        for key in known.keys
    ]
    packages: list[dict[str, Any]] = [
        {
            "registryType": "pypi",
            "identifier": known.name,
            "version": known.version,
            "runtimeHint": "uvx",
            "transport": {"type": "stdio"},
            "environmentVariables": variables,
        }
    ]
    if bundle is not None:
        packages.append(
            {
                "registryType": "mcpb",
                "identifier": f"{known.home}/releases/download/v{known.version}/{bundle.name}",
                "fileSha256": hashlib.sha256(bundle.read_bytes()).hexdigest(),
                "transport": {"type": "stdio"},
            }
        )
    return {
        "$schema": known.schemas["registry"],
        "name": known.registry_name,
        "title": known.shop["title"],
        "description": known.description,
        "version": known.version,
        "repository": {"url": known.home, "source": "github"},
        "packages": packages,
    }


def marketplace_json() -> dict[str, Any]:
    """Return the catalogue that `/plugin marketplace add` reads: one plugin."""
    known = facts()
    return {
        "name": known.name,
        "owner": {"name": known.shop["author"]},
        "metadata": {"description": known.description, "version": known.version},
        "plugins": [
            {
                "name": known.name,
                "source": f"./{_PLUGIN}",
                "description": known.description,
                "version": known.version,
                "category": known.shop["category"],
                "tags": known.shop["tags"],
            }
        ],
    }


def plugin_json() -> dict[str, Any]:
    """Return what Claude Code shows of the plugin."""
    known = facts()
    return {
        "name": known.name,
        "version": known.version,
        "description": known.description,
        "author": {"name": known.shop["author"]},
        "homepage": known.home,
        "repository": known.home,
        "license": known.project["license"],
        "keywords": known.project["keywords"],
    }


def plugin_servers() -> dict[str, Any]:
    """Return the server of the plugin: this very version, so that no update of the package changes a plugin unseen."""
    known = facts()
    return {
        "mcpServers": {known.shop["server"]: {"command": "uvx", "args": [f"{known.name}@{known.version}"]}}
    }


def started_by_uvx() -> dict[str, Any]:
    """Return the entry of a client that starts the newest version from the index."""
    return {"command": "uvx", "args": [facts().name]}


def cursor_link() -> str:
    """Return the address that opens Cursor and has it ask whether to add the server."""
    config = base64.b64encode(json.dumps(started_by_uvx(), separators=(",", ":")).encode()).decode()
    return f"https://cursor.com/en/install-mcp?name={facts().shop['server']}&config={quote(config, safe='')}"


def vscode_link() -> str:
    """Return the address that leads to VS Code; a page of code cannot link to its `vscode:` directly."""
    entry = {"name": facts().shop["server"], **started_by_uvx()}
    install = "vscode:mcp/install?" + quote(json.dumps(entry, separators=(",", ":")), safe="")
    return f"https://insiders.vscode.dev/redirect?url={quote(install, safe='')}"


def docker_entry(commit: str) -> str:
    """Return `servers/NAME/server.yaml` for Docker's catalogue, which builds the image from that commit."""
    known = facts()
    name = known.name
    folder = known.asked[0]
    kinds = {"folder": "string", "amount": "number"}
    properties = {
        asked.name.lower(): {"type": kinds[asked.kind], "title": asked.title, "description": asked.help}
        for asked in known.asked
    }
    entry = {
        "name": name,
        "image": f"mcp/{name}",
        "type": "server",
        "meta": {"category": known.shop["category"], "tags": known.shop["tags"]},
        "about": {
            "title": known.shop["title"],
            "description": known.description,
            "icon": f"{known.home}/raw/{known.repository['branch']}/publish/mcpb/icon.png",
        },
        "source": {"project": known.home, "commit": commit},
        "run": {"volumes": [f"{{{{{name}.{folder.name.lower()}}}}}:/videos", f"{name}-state:/state"]},
        "config": {
            "description": "One provider's key, the folder for the videos, and how much may be spent.",
            "secrets": [
                {"name": f"{name}.{key.name.lower()}", "env": key.name, "example": "..."}
                for key in known.keys
            ],
            "env": [
                {
                    "name": asked.name,
                    "example": asked.default,
                    "value": f"{{{{{name}.{asked.name.lower()}}}}}",
                }
                for asked in known.asked
                if asked.kind != "folder"
            ],
            "parameters": {"type": "object", "properties": properties, "required": [folder.name.lower()]},
        },
    }
    return _as_yaml(entry)


def _as_yaml(document: dict[str, Any]) -> str:
    """Write YAML as Prettier does: what a list holds is indented."""
    import yaml

    class Indented(yaml.SafeDumper):
        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
            super().increase_indent(flow, indentless=False)

    return yaml.dump(document, Dumper=Indented, sort_keys=False, allow_unicode=True, width=1000)


def files() -> dict[str, str]:
    """Return what is written, by its path in the repository."""
    documents = {
        "server.json": server_json(),
        ".claude-plugin/marketplace.json": marketplace_json(),
        f"{_PLUGIN}/.claude-plugin/plugin.json": plugin_json(),
        f"{_PLUGIN}/.mcp.json": plugin_servers(),
    }
    return {path: as_text(document) for path, document in documents.items()} | {
        f"{_PLUGIN}/skills/{skill.name}/{file.path}": file.text for skill in skills() for file in skill.files
    }


def as_text(document: dict[str, Any]) -> str:
    """Write JSON as people read it."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def lacking(known: Facts) -> list[str]:
    """Return what has to be done by hand before a release, each a sentence."""
    found: list[str] = []
    if known.repository["owner"] == PLACEHOLDER:
        found.append(f"publish/facts.toml still says owner = {PLACEHOLDER!r}.")
    if known.project.get("urls", {}).get("Source") != known.home:
        found.append(f"pyproject.toml has no [project.urls] with Source = {known.home!r}.")
    if f"## [{known.version}]" not in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"):
        found.append(f"CHANGELOG.md has no section [{known.version}].")
    return found


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="Write nothing; fail where a file is not up to date."
    )
    parser.add_argument(
        "--ready", action="store_true", help="Fail, and say why, while nothing can be published."
    )
    parser.add_argument("--docker", metavar="COMMIT", help="Print the entry for Docker's catalogue.")
    parser.add_argument("--bundle", type=Path, help="A release's bundle, to be named in server.json.")
    arguments = parser.parse_args()
    if arguments.docker:
        print(docker_entry(arguments.docker), end="")
        return 0
    if arguments.ready:
        sentences = lacking(facts())
        print("\n".join(sentences) or "Everything is set.")
        return 1 if sentences else 0
    wanted = files()
    if arguments.bundle:
        wanted["server.json"] = as_text(server_json(arguments.bundle))
    stale = [path for path, text in wanted.items() if not _holds(ROOT / path, text)]
    for path in stale:
        print(f"{path} {'is not up to date' if arguments.check else 'is written'}")
        if not arguments.check:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(wanted[path], encoding="utf-8", newline="\n")
    return 1 if stale and arguments.check else 0


def _holds(file: Path, text: str) -> bool:
    return file.is_file() and file.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(_main())
