"""What an entry says to each client: the command, the keys, and what is for the user to change."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import json5
import pytest
import yaml

from seedance_mcp.clients import (
    CannotChange,
    Client,
    Entry,
    Installed,
    clients,
    find,
    install,
    pieces,
    snippet,
    uninstall,
)
from seedance_mcp.clients.entries import NAME
from tests.architecture.source import ROOT

from .samples import machine

START = Entry(command="/opt/a b/seedance-mcp", arguments=("run", "it"), variables=("ONE_KEY", "TWO_TOKEN"))

KEYS = {
    "claude-desktop": None,
    "claude-code": {"ONE_KEY": "${ONE_KEY}", "TWO_TOKEN": "${TWO_TOKEN}"},
    "cursor": {"ONE_KEY": "${env:ONE_KEY}", "TWO_TOKEN": "${env:TWO_TOKEN}"},
    "vscode": {"ONE_KEY": "${input:seedance-one-key}", "TWO_TOKEN": "${input:seedance-two-token}"},
    "codex": ["ONE_KEY", "TWO_TOKEN"],
    "windsurf": {"ONE_KEY": "${env:ONE_KEY}", "TWO_TOKEN": "${env:TWO_TOKEN}"},
    "antigravity": None,
    "gemini": {"ONE_KEY": "$ONE_KEY", "TWO_TOKEN": "$TWO_TOKEN"},
    "zed": None,
    "goose": ["ONE_KEY", "TWO_TOKEN"],
    "opencode": {"ONE_KEY": "{env:ONE_KEY}", "TWO_TOKEN": "{env:TWO_TOKEN}"},
    "lm-studio": None,
}


@pytest.mark.parametrize("client", clients().values(), ids=lambda client: client.name)
def test_the_snippet_starts_the_server_and_names_keys_as_the_client_takes_them(client: Client) -> None:
    text = snippet(client, START)
    content = {"toml": tomllib.loads, "yaml": yaml.safe_load}.get(client.format, json.loads)(text)
    entry = content
    for name in (*client.table, NAME):
        entry = entry[name]
    if client.as_list:
        assert entry[client.command] == ["/opt/a b/seedance-mcp", "run", "it"]
    else:
        assert (entry[client.command], entry["args"]) == ("/opt/a b/seedance-mcp", ["run", "it"])
    assert entry.get(client.keys.field) == KEYS[client.name]


@pytest.mark.parametrize("client", clients().values(), ids=lambda client: client.name)
def test_for_a_file_that_has_something_in_it_only_what_goes_into_it_is_shown(client: Client) -> None:
    there = {"toml": "[other]\nx = 1\n", "yaml": "other: 1\n"}.get(client.format, '{"other": 1}')
    first, *more = pieces(client, START, there)
    whole = snippet(client, START)
    entry = {"toml": tomllib.loads, "yaml": yaml.safe_load}.get(client.format, json.loads)(whole)
    for name in client.table:
        entry = entry[name]
    if client.format == "toml":
        assert (first.below, first.text) == ("the other tables", whole)
    elif client.format == "yaml":
        assert (first.below, f"extensions:\n{first.text}") == ("`extensions:`", whole)
    else:
        assert first.below == f"`{'.'.join(client.table)}`"
        assert json.loads(f"{{{first.text}}}") == {NAME: entry[NAME]}
    if client.name == "vscode":
        assert [json.loads(f"[{one.text}]") for one in more] == [json.loads(whole)["inputs"]]
    else:
        assert not more


def test_a_snippet_goes_where_the_version_that_wrote_the_file_has_it() -> None:
    older = '{"mcp": {"other": {"type": "local", "command": ["x"]}}}'
    assert [one.below for one in pieces(clients()["opencode"], START, older)] == ["`mcp`"]


def test_a_snippet_never_holds_a_key() -> None:
    entry = Entry(command="/x", secrets={"ONE_KEY": "sk-ours"})
    assert "sk-ours" not in "".join(snippet(client, entry) for client in clients().values()) + repr(entry)


def test_the_entry_is_called_as_in_the_example_for_pasting() -> None:
    example = json.loads((ROOT / "mcp.example.json").read_text(encoding="utf-8"))
    assert list(example["mcpServers"]) == [NAME]


def test_what_is_written_once_is_the_users_to_change(tmp_path: Path) -> None:
    client, linux = clients()["codex"], machine("linux", tmp_path)
    [change] = install(client, linux, START)
    change.make()
    path = change.file.path
    path.write_text(path.read_text(encoding="utf-8").replace("_sec = 300", "_sec = 1200"), encoding="utf-8")
    [change] = install(client, linux, START)
    assert not change.needed


@pytest.mark.parametrize("name", ["codex", "goose", "cursor"])
def test_a_value_that_only_others_write_keeps_no_entry_from_being_taken_out(
    name: str, tmp_path: Path
) -> None:
    client, linux = clients()[name], machine("linux", tmp_path)
    text = {
        "toml": '[mcp_servers.seedance]\ncommand = "/x"\ntool_timeout_sec = 10.5\nsince = 2026-01-01\n',
        "yaml": "extensions:\n  seedance:\n    cmd: /x\n    timeout: 0.5\n    bundled: null\n",
        "jsonc": '{"mcpServers": {"seedance": {"command": "/x", "timeout": 0.5, "note": null}}}',
    }[client.format]
    path = linux.files(client)[0]
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    for change in uninstall(client, linux):
        change.make()
    assert "seedance" not in path.read_text(encoding="utf-8")


def test_what_an_entry_holds_itself_is_known_by_name_and_a_reference_is_not(tmp_path: Path) -> None:
    linux = machine("linux", tmp_path)
    for client in clients().values():
        held = Entry(command="/x", secrets={"ONE_KEY": "sk-ours"}) if client.keys.kind == "plain" else START
        for change in install(client, linux, held):
            change.make()
        [found] = find(client, linux)
        assert isinstance(found, Installed)
        assert found.start.holds == (("ONE_KEY",) if client.keys.kind == "plain" else ())
    path = linux.files(clients()["codex"])[0]
    text = path.read_text(encoding="utf-8")
    path.write_text(f'{text}\n[mcp_servers.seedance.env]\nONE_KEY = "sk-ours"\n', encoding="utf-8")
    [found] = find(clients()["codex"], linux)
    assert isinstance(found, Installed)
    assert found.start.holds == ("ONE_KEY",)


def test_a_command_that_is_no_utf8_is_not_written(tmp_path: Path) -> None:
    for client in clients().values():
        with pytest.raises(CannotChange, match="no UTF-8"):
            install(client, machine("linux", tmp_path), Entry(command="/opt/\udcff/seedance-mcp"))


def test_names_and_inputs_of_the_users_own_stay_beside_ours(tmp_path: Path) -> None:
    linux = machine("linux", tmp_path)
    codex, vscode = clients()["codex"], clients()["vscode"]
    for client, text in (
        (codex, '[mcp_servers.seedance]\ncommand = "/x"\nenv_vars = ["MINE"]\n'),
        (vscode, '{\n  "inputs": [\n    {"id": "mine"} // my own\n  ]\n}\n'),
    ):
        path = linux.files(client)[0]
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
        [change] = install(client, linux, START)
        change.make()
    found = tomllib.loads(linux.files(codex)[0].read_text(encoding="utf-8"))
    assert found["mcp_servers"]["seedance"]["env_vars"] == ["MINE", "ONE_KEY", "TWO_TOKEN"]
    path = linux.files(vscode)[0]
    text = path.read_text(encoding="utf-8")
    ids = [one["id"] for one in json5.loads(text)["inputs"]]
    assert ids == ["mine", "seedance-one-key", "seedance-two-token"]
    assert '{"id": "mine"}, // my own' in text
    path.with_name("mcp.json.before-seedance").unlink()
    for change in uninstall(vscode, linux):
        change.make()
    assert '{"id": "mine"} // my own\n  ]' in path.read_text(encoding="utf-8")
    assert "seedance" not in path.read_text(encoding="utf-8")
