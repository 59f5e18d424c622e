"""What an adapter may not do: read the environment, sleep, retry, touch files or the database."""

from __future__ import annotations

import ast
import re
import tomllib
from importlib import import_module

import pytest

from seedance_mcp.catalog import Catalog, ProviderInfo

from .source import ROOT, Module, imported, modules

ADAPTERS = sorted({info.adapter.partition(":")[0] for info in Catalog.load().providers.values()})
"""Each is a folder."""
SANDBOX = "seedance_mcp.providers.sandbox"
FORBIDDEN_IMPORTS = (
    "os",
    "time",
    "sqlite3",
    "subprocess",
    "tenacity",
    "stamina",
    "asyncio",
    "seedance_mcp.config",
    "seedance_mcp.jobs",
)


def _written() -> list[Module]:
    return [module for module in modules() if _adapter_of(module) in ADAPTERS]


def _adapter_of(module: Module) -> str:
    return ".".join(module.name.split(".")[:3])


def test_the_sandbox_is_an_adapter_like_the_others() -> None:
    assert SANDBOX in ADAPTERS


@pytest.mark.parametrize("module", [m for m in _written() if _adapter_of(m) != SANDBOX], ids=lambda m: m.name)
def test_an_adapter_does_not_sleep_or_retry(module: Module) -> None:
    """Waiting and repeating belong to the room that knows what was paid for; the sandbox pretends to work."""
    calls = [
        f"{module.path}:{node.lineno}"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).rpartition(".")[2] in ("sleep", "retry", "sleep_until")
    ]
    loops = [f"{module.path}:{node.lineno}" for node in ast.walk(module.tree) if isinstance(node, ast.While)]
    assert calls + loops == []


@pytest.mark.parametrize("module", _written(), ids=lambda m: m.name)
def test_an_adapter_reads_no_environment_and_knows_no_store(module: Module) -> None:
    allowed = {"time", "os", "seedance_mcp.config"} if _adapter_of(module) == SANDBOX else set[str]()
    wrong = [
        f"{module.path}:{line}: {name}"
        for line, name in imported(module)
        for banned in FORBIDDEN_IMPORTS
        if banned not in allowed and (name == banned or name.startswith(f"{banned}."))
    ]
    assert wrong == []


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_adapter_says_what_the_data_file_says(name: str) -> None:
    """The class that a data file names is really there."""
    for info in Catalog.load().providers.values():
        module, _, class_name = info.adapter.partition(":")
        if module == name:
            assert hasattr(import_module(module), class_name)


def test_the_contract_that_keeps_adapters_apart_names_all_of_them() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    [apart] = [contract for contract in contracts if contract["type"] == "independence"]
    assert set(apart["modules"]) == set(ADAPTERS)


def test_the_guide_names_every_line_of_a_data_file_and_every_list_of_adapters() -> None:
    guide = (ROOT / "docs/adding-a-provider.md").read_text(encoding="utf-8")
    assert [name for name in ProviderInfo.model_fields if not re.search(rf"\b{name}\b", guide)] == []
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    listing = [one["name"] for one in contracts["contracts"] if "runcomfy" in str(one)]
    assert len(listing) > 1
    assert [name for name in listing if name.partition(":")[0] not in guide] == []
