"""Settings files as users have them, and what other programs read in them."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import json5
import yaml

from seedance_mcp.clients import Client, Entry, Machine

SYSTEMS = ("linux", "darwin", "win32")

OTHER_SECRET = "sk-of-another-server"
"""Stands in the sample's other entry, and has to stay out of all that is shown."""

OWN_FIELD = "someNote"
"""A field that the user has added to our entry."""


def machine(system: str, home: Path) -> Machine:
    """Make a machine of this system below a folder, with none of the clients on it."""
    home.mkdir(exist_ok=True)
    environ = {"PATH": ""}
    if system == "win32":
        environ |= {
            "APPDATA": str(home / "AppData" / "Roaming"),
            "LOCALAPPDATA": str(home / "AppData" / "Local"),
        }
    return Machine(system=system, home=home, environ=environ)


def entry(client: Client, command: str = "/opt/seedance/bin/seedance-mcp") -> Entry:
    """Make the entry that a person with one key gets: held where the client cannot refer to it."""
    if client.keys.kind == "plain":
        return Entry(command=command, secrets={"SOME_API_KEY": "sk-ours"})
    return Entry(command=command, variables=("SOME_API_KEY",))


def others(client: Client) -> str:
    """Write a file with another entry, and with comments and a last comma where the client reads those."""
    if client.format == "toml":
        return (
            '# my settings\nmodel = "some-model" # a word\n\n[mcp_servers.other] # not ours\ncommand = "npx"\n'
            f'args = [\n  "-y", # yes\n  "[mcp_servers.seedance]",\n]\nenv = {{ TOKEN = "{OTHER_SECRET}" }}\n\n'
            "# the last section\n[profiles.fast]\nnote = '''\n[mcp_servers.seedance]\n'''\n"
        )
    if client.format == "yaml":
        return (
            "# my settings\nGOOSE_MODEL: some-model # a word\nextensions:\n  # the developer's tools\n  developer:\n"
            "    args:\n    - one\n    - two: 3\n    bundled: true\n"
            "    description: |\n      text: of some\n\n      seedance: lines\n"
            f"    envs:\n      TOKEN: '{OTHER_SECRET}'\n  # nothing below\n\nGOOSE_MODE: smart_approve\n"
        )
    comment, comma = ("// mine", ",") if client.format == "jsonc" else ("", "")
    inner = f'"other": {{ "command": "npx", "args": ["-y"], "env": {{"TOKEN": "{OTHER_SECRET}"}} }}{comma} {comment}\n'
    for name in reversed(client.table):
        inner = f'"{name}": {{\n\t\t{inner}\t}}{comma}\n'
    return f'{{ {comment}\n\t"theme": "dark",\n\t{inner}}}\n'.replace(" \n", "\n")


def has_mode(path: Path, mode: int) -> bool:
    """Return whether a file has this mode; where files have none, it is as it has to be."""
    return os.name != "posix" or path.stat().st_mode & 0o777 == mode


def with_ours(client: Client) -> str:
    """Write a file with an older entry of ours to which the user has added a field."""
    if client.format == "toml":
        return (
            "[mcp_servers.seedance]\ncommand = '/old/seedance-mcp' # where it was\n"
            f'{OWN_FIELD} = "keep"\n\n[mcp_servers.seedance.env]\nSEEDANCE_FIT = "1"\n\n[other]\nx = 1\n'
        )
    if client.format == "yaml":
        return (
            "extensions:\n  seedance:\n    type: stdio\n    name: seedance\n    cmd: /old/seedance-mcp # where it was\n"
            f"    args: []\n    {OWN_FIELD}: keep\n    timeout: 900\nother: 1\n"
        )
    command = ["/old/seedance-mcp"] if client.as_list else "/old/seedance-mcp"
    fields = {client.command: command, OWN_FIELD: "keep", client.keys.field: {"SEEDANCE_FIT": "1"}}
    content: Any = {"seedance": fields}
    for name in reversed(client.table):
        content = {name: content}
    return json.dumps({**content, "theme": "dark"}, indent=4)


BROKEN = {
    "json": '{"mcpServers": {',
    "jsonc": '{"mcpServers": {',
    "toml": "[mcp_servers\nx = ",
    "yaml": "extensions:\n\tgoose: 1\n",
}


def read(client: Client, path: Path) -> Any:
    """Read a settings file by a library that others use."""
    text = path.read_bytes().decode("utf-8-sig")
    if client.format == "toml":
        return tomllib.loads(text)
    if client.format == "yaml":
        return yaml.safe_load(text) or {}
    if client.format == "json":
        return json.loads(text.strip() or "{}")
    return json5.loads(text) if text.strip() else {}


def entry_in(client: Client, content: Any) -> Any:
    """Return our entry of what was read."""
    for name in (*client.table, "seedance"):
        content = content[name]
    return content


def without_entry(client: Client, content: Any) -> Any:
    """Return what was read without our entry, and without what is empty then."""
    copy = json.loads(json.dumps(content, default=str))
    inner, above = copy, list[tuple[Any, str]]()
    for name in client.table:
        above.append((inner, name))
        inner = inner.get(name) or {}
    inner.pop("seedance", None)
    for outer, name in reversed(above):
        if not outer.get(name):
            outer.pop(name, None)
    if client.keys.kind == "input":
        copy.pop("inputs", None)
    return copy


def with_a_list(client: Client) -> str:
    """Write a file that has something else where the entries would have to be."""
    if client.format == "toml":
        return 'mcp_servers = ["a"]\n'
    if client.format == "yaml":
        return "extensions:\n- a\n- b\n"
    return f'{{"{client.table[0]}": ["a"]}}'
