"""What the README and the pages beside it promise is so."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import anyio
import pytest

from seedance_mcp.config import load_settings, setting_table

from .source import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_generated_tables_are_up_to_date() -> None:
    result = subprocess.run(
        [sys.executable, "scripts/tables.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, f"run `python scripts/tables.py`\n{result.stdout}{result.stderr}"


def test_every_setting_is_described() -> None:
    described = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert [name for name, _, _ in setting_table() if f"`{name}`" not in described] == []


def test_the_readme_can_be_read_at_one_sitting() -> None:
    assert README.count("\n") < 300


@pytest.mark.parametrize("name", ["demo", "test"])
def test_a_command_that_does_everything_is_one_line(name: str) -> None:
    found = re.search(rf"<!-- command: {name} -->\n```sh\n(.*?)\n```", README, re.DOTALL)
    assert found
    assert "\n" not in found[1]
    assert found[1].startswith("python3 -m venv ")


@pytest.mark.parametrize("block", re.findall(r"```json\n(.*?)```", README, re.DOTALL))
def test_configuration_in_the_readme_is_json(block: str) -> None:
    servers = json.loads(block)
    assert servers.get("mcpServers") or servers.get("servers")


@pytest.mark.parametrize("block", re.findall(r"```toml\n(.*?)```", README, re.DOTALL))
def test_configuration_in_the_readme_is_toml(block: str, tmp_path: Path) -> None:
    if "mcp_servers" in block:
        assert tomllib.loads(block)["mcp_servers"]["seedance"]["command"]
        return
    file = tmp_path / "config.toml"
    file.write_text(block, encoding="utf-8")
    settings = load_settings({}, settings_file=file)
    assert settings.output_dir == Path("/Users/me/Clips")
    assert settings.max_usd_per_day == 5
    assert settings.secret("FAL_KEY")


def test_no_link_of_the_readme_is_dead_where_it_is_shown_alone() -> None:
    """Package indexes show it without the files beside it, so that files are named and not linked to."""
    assert re.findall(r"\]\((?!https://)[^)]*\)", README) == []
    assert not re.search(r"<(a|img)\b[^>]*(href|src)=[\"'](?!https://)", README)


def test_every_file_that_the_readme_names_is_there() -> None:
    named = re.findall(r"`((?:docs|seedance_mcp)/[^`]+|[A-Z]+(?:\.md)?|mcp\.example\.json)`", README)
    files = [name for name in named if "/" in name or "." in name or name == "LICENSE"]
    assert len(files) >= 8
    assert [name for name in files if not (ROOT / name).exists()] == []


async def test_the_example_configuration_starts_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mcp import Client, StdioServerParameters

    example = json.loads((ROOT / "mcp.example.json").read_text(encoding="utf-8"))
    [entry] = example["mcpServers"].values()
    scripts = str(Path(sys.executable).parent)
    server = StdioServerParameters(
        command=entry["command"],
        args=entry["args"],
        env={
            **entry["env"],
            "PATH": scripts,
            "SEEDANCE_STATE_DIR": str(tmp_path),
            "SEEDANCE_OUTPUT_DIR": str(tmp_path),
        },
    )
    monkeypatch.setenv("PATH", scripts, prepend=os.pathsep)
    with anyio.fail_after(30):
        async with Client(server) as client:
            assert client.server_info
            assert client.server_info.name
            assert "generate_video" in {tool.name for tool in (await client.list_tools()).tools}
