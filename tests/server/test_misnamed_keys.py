"""A key under a name that nobody reads, and a key that a pinned sandbox keeps from being used: both are told."""

from __future__ import annotations

import json
from pathlib import Path

import anyio
import pytest
from mcp import Client

from seedance_mcp.catalog import Catalog
from seedance_mcp.config import load_settings
from seedance_mcp.server import create_server

from .asking import content, make, text
from .conftest import Era

ROOT = Path(__file__).parents[2]
KEY = "canary-4711"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ARK_KEY", "ARK_API_KEY"),
        ("BYTEPLUS_KEY", "BYTEPLUS_API_KEY"),
        ("FAL_API_KEY", "FAL_KEY"),
        ("REPLICATE_API_KEY", "REPLICATE_API_TOKEN"),
        ("RUNCOMFY_API_KEY", "RUNCOMFY_TOKEN"),
        ("ATLAS_CLOUD_API_KEY", "ATLASCLOUD_API_KEY"),
    ],
)
async def test_a_known_wrong_name_is_told_with_the_right_one(
    environ: dict[str, str], tmp_path: Path, name: str, meant: str
) -> None:
    settings = load_settings({**environ, name: KEY}, settings_file=tmp_path / "none.toml")
    with anyio.fail_after(30):
        async with Client(create_server(settings)) as client:
            first = await client.call_tool("list_models", {})
            priced = content(await client.call_tool("estimate_cost", {"prompt": "a fox"}))
    told = f"{name} is set; the variable is {meant}."
    assert content(first)["notes"] == [told]
    assert f"Note: {told}" in text(first)
    assert [one["problem"] for one in content(first)["providers"] if one["problem"]] == [told]
    assert told in priced["notes"][-1]
    assert KEY not in str(first) + str(priced)


async def test_a_key_that_nobody_filled_in_is_told(environ: dict[str, str], tmp_path: Path) -> None:
    given = {**environ, "ARK_API_KEY": "${ARK_API_KEY}", "FAL_KEY": ""}
    settings = load_settings(given, settings_file=tmp_path / "none.toml")
    with anyio.fail_after(30):
        async with Client(create_server(settings)) as client:
            first = content(await client.call_tool("list_models", {}))
            priced = content(await client.call_tool("estimate_cost", {"prompt": "a fox"}))
    told = "ARK_API_KEY is a ${...} that nobody filled in, so it counts as not set."
    assert first["notes"] == [told]
    assert [one["problem"] for one in first["providers"] if one["problem"]] == [told]
    assert told in priced["notes"][-1]


async def test_our_prefix_before_the_name_is_told_once(environ: dict[str, str], tmp_path: Path) -> None:
    given = {**environ, "SEEDANCE_ARK_API_KEY": KEY}
    with anyio.fail_after(30):
        async with Client(create_server(load_settings(given, settings_file=tmp_path / "none"))) as client:
            first = content(await client.call_tool("list_models", {}))
    (told,) = first["notes"]
    assert told.startswith("SEEDANCE_ARK_API_KEY (from the environment) is no setting")
    assert "Did you mean ARK_API_KEY?" in told


@pytest.mark.parametrize(
    "given",
    [
        {"ARK_KEY": KEY, "ARK_API_KEY": "another-key-4711"},
        {"OPENAI_API_KEY": KEY},
        {"MARK_KEY": KEY},
        {"ARK_KEY": ""},
    ],
)
async def test_nothing_is_told_of_other_names_or_where_the_right_one_is_set(
    environ: dict[str, str], tmp_path: Path, given: dict[str, str]
) -> None:
    settings = load_settings({**environ, **given}, settings_file=tmp_path / "none.toml")
    with anyio.fail_after(30):
        async with Client(create_server(settings)) as client:
            first = content(await client.call_tool("list_models", {}))
    assert "notes" not in first
    assert [one["problem"] for one in first["providers"] if one["problem"]] == []


def test_a_wrong_name_is_one_that_nobody_reads_and_means_one_provider() -> None:
    providers = Catalog.load().providers.values()
    read = {name for info in providers for name in info.key_variables}
    wrong = [name for info in providers for name in info.key_near_misses]
    assert len(wrong) == len(set(wrong))
    assert read.isdisjoint(wrong)
    assert [name for name in wrong if not name.endswith(("_KEY", "_TOKEN"))] == [], (
        "no other name is looked at"
    )
    assert {info.name for info in providers if not info.placeholder} == {
        info.name for info in providers if info.key_near_misses
    }


def test_a_relay_that_is_like_a_provider_has_none_of_its_wrong_names(tmp_path: Path) -> None:
    overlay = tmp_path / "relay.toml"
    overlay.write_text(
        '[providers.relay]\nlike = "ark"\ntitle = "Relay"\nkey_variables = ["RELAY_KEY"]\n', encoding="utf-8"
    )
    assert Catalog.load(overlay).provider("relay").key_near_misses == ()


async def test_a_placeholder_that_a_pinned_sandbox_made_says_what_keeps_the_real_one_away(
    environ: dict[str, str], tmp_path: Path, era: Era
) -> None:
    given = {**environ, "SEEDANCE_PROVIDER": "sandbox", "FAL_KEY": "another-key-4711"}
    with anyio.fail_after(40):
        async with Client(
            create_server(load_settings(given, settings_file=tmp_path / "none")), mode=era
        ) as client:
            job = await make(client)
    (note,) = [note for note in job["notes"] if "placeholder" in note]
    assert "call with provider fal, whose key is set, or the person removes SEEDANCE_PROVIDER=sandbox" in note


def test_the_example_entry_leaves_a_key_that_is_added_in_use() -> None:
    [entry] = json.loads((ROOT / "mcp.example.json").read_text(encoding="utf-8"))["mcpServers"].values()
    assert "SEEDANCE_PROVIDER" not in entry["env"]
