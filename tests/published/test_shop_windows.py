"""What registries, catalogues and clients are told of this server is one story, and in the form that each of them takes."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import publishing
import pytest
import yaml
from jsonschema import Draft202012Validator

from seedance_mcp.catalog import Catalog
from seedance_mcp.config import setting_table
from seedance_mcp.server.skills import skills

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RULES = Draft202012Validator(
    json.loads(Path(__file__).with_name("registry_rules.json").read_text(encoding="utf-8"))
)


def read(path: str) -> Any:
    return json.loads((ROOT / path).read_text(encoding="utf-8"))


def test_every_written_file_is_up_to_date() -> None:
    for path, text in publishing.files().items():
        assert (ROOT / path).read_text(encoding="utf-8") == text, "run `python scripts/publishing.py`"


def test_the_plugin_has_the_skills_that_the_server_serves_and_no_other_file_in_them() -> None:
    folder = ROOT / "publish" / "claude-plugin" / "skills"
    there = {
        path.relative_to(ROOT).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
    assert there == {
        f"publish/claude-plugin/skills/{skill.name}/{file.path}": file.raw
        for skill in skills()
        for file in skill.files
    }


def test_the_registry_takes_the_entry(tmp_path: Path) -> None:
    assert [error.message for error in RULES.iter_errors(read("server.json"))] == []
    bundle = tmp_path / "seedance-mcp.mcpb"
    bundle.write_bytes(b"bundle")
    offered = publishing.server_json(bundle)
    assert [error.message for error in RULES.iter_errors(offered)] == []
    assert offered["packages"][1]["fileSha256"] == (
        "1e6ed65d77d6364eeaed5a745ba5c4985ae2b700dd85d7cf7f027bdf294a33fc"
    )


@pytest.mark.parametrize(
    ("where", "wrong"),
    [
        (("description",), "x" * 101),
        (("version",), "latest"),
        (("packages", 0, "version"), ">=0.2"),
        (("name",), "seedance-mcp"),
        (("repository", "url"), "http://example.com"),
        (("packages", 0, "registryBaseUrl"), "https://index.example"),
        (("packages", 0, "registry_type"), "pypi"),
        (("packages", 0, "environmentVariables", 1, "default"), 3),
    ],
)
def test_an_entry_that_the_registry_refuses_is_refused_here(where: tuple[Any, ...], wrong: Any) -> None:
    entry: Any = read("server.json")
    inner = entry
    for step in where[:-1]:
        inner = inner[step]
    inner[where[-1]] = wrong
    assert list(RULES.iter_errors(entry))


def test_name_and_version_are_the_same_everywhere() -> None:
    known, entry = publishing.facts(), read("server.json")
    assert known.version == version("seedance-mcp") == entry["version"] == entry["packages"][0]["version"]
    assert entry["packages"][0]["identifier"] == known.name
    # The registry takes the name in the README only with a blank or the end of the comment behind it.
    assert re.findall(r"mcp-name: (\S+)(?=\s|-->)", README) == [entry["name"]]
    image = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert f'io.modelcontextprotocol.server.name="{entry["name"]}"' in image
    assert f'org.opencontainers.image.version="{known.version}"' in image


def test_every_form_asks_for_real_settings_and_for_the_keys_of_all_providers() -> None:
    asked = {entry["name"]: entry for entry in read("server.json")["packages"][0]["environmentVariables"]}
    keys = {info.key_variables[0] for info in Catalog.load().providers.values() if info.key_variables}
    assert {name for name, entry in asked.items() if entry.get("isSecret")} == keys
    assert asked.keys() - keys <= {name for name, _, _ in setting_table()}


def test_the_links_to_editors_hold_the_entry_that_starts_the_package() -> None:
    config = {"command": "uvx", "args": ["seedance-mcp"]}
    [cursor] = re.findall(r"\((https://cursor\.com/[^)]*)\)", README)
    asked = parse_qs(urlsplit(cursor).query)
    assert (asked["name"], json.loads(base64.b64decode(asked["config"][0]))) == (["seedance"], config)
    [code] = re.findall(r"\((https://insiders\.vscode\.dev/[^)]*)\)", README)
    [address] = parse_qs(urlsplit(code).query)["url"]
    scheme, _, entry = address.partition("?")
    assert (scheme, json.loads(unquote(entry))) == ("vscode:mcp/install", {"name": "seedance", **config})
    assert ("where it is not yet" in README) is not publishing.facts().published


def test_the_plugin_is_where_the_marketplace_says_and_starts_this_version() -> None:
    [listed] = read(".claude-plugin/marketplace.json")["plugins"]
    plugin = read(f"{listed['source']}/.claude-plugin/plugin.json")
    assert {key: plugin[key] for key in ("name", "version", "description")} == {
        key: listed[key] for key in ("name", "version", "description")
    }
    assert read(f"{listed['source']}/.mcp.json")["mcpServers"] == {
        "seedance": {"command": "uvx", "args": [f"seedance-mcp@{plugin['version']}"]}
    }


def test_nothing_is_published_under_the_placeholder_of_an_owner() -> None:
    known = publishing.facts()
    unset = replace(known, repository={**known.repository, "owner": publishing.PLACEHOLDER})
    assert any("owner" in sentence for sentence in publishing.lacking(unset))
    set_ = replace(known, repository={**known.repository, "owner": "somebody"})
    home = "https://github.com/somebody/seedance-mcp"
    assert [sentence for sentence in publishing.lacking(set_) if "changelog" not in sentence.lower()] == [
        f"pyproject.toml has no [project.urls] with Source = '{home}'."
    ]
    ready = replace(set_, project={**known.project, "urls": {"Source": home}})
    assert publishing.lacking(ready) == []


def test_the_entry_for_docker_keeps_the_rules_of_its_catalogue() -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    entry = yaml.safe_load(publishing.docker_entry(commit))
    assert entry["name"] == entry["name"].lower() == entry["image"].removeprefix("mcp/")
    words = entry["about"]["title"].split()
    assert all(word[0].isupper() for word in words)
    assert not {"MCP", "Server"} & set(words)
    assert entry["source"]["commit"] == commit
    assert all(secret["name"].startswith("seedance-mcp.") for secret in entry["config"]["secrets"])
    parameters = entry["config"]["parameters"]["properties"]
    for variable in entry["config"]["env"]:
        [named] = re.fullmatch(r"\{\{seedance-mcp\.(\w+)\}\}", variable["value"]).groups()  # pyright: ignore[reportOptionalMemberAccess]
        assert named in parameters


def test_the_image_runs_as_nobody_special_and_keeps_jobs_and_videos_outside() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    last_stage = lines[max(place for place, line in enumerate(lines) if line.startswith("FROM ")) :]
    [user] = [line.split()[1] for line in last_stage if line.startswith("USER ")]
    assert int(user) >= 1000
    assert 'VOLUME ["/videos", "/state"]' in last_stage
    assert last_stage[-1] == 'ENTRYPOINT ["seedance-mcp"]'
    assert all(
        re.fullmatch(r"FROM \S+:\d[\w.]*-slim( AS \w+)?", line) for line in lines if line.startswith("FROM ")
    )
    needed = [
        word
        for line in lines
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    ]
    sent = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert [name for name in needed if f"!{name}" not in sent or not (ROOT / name).exists()] == []
    assert "*" in sent, "nothing else is sent to the engine"
