"""How long modules are, what they say about themselves, and which words stay out of them."""

from __future__ import annotations

import ast
import re
from functools import cache
from importlib import import_module

from .source import PACKAGE, Module, modules

MOST_LINES = 400
VAGUE_NAMES = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "base",
    "manager",
    "handler",
    "service",
    "misc",
}


def test_modules_stay_short() -> None:
    """Above 400 lines a module is two modules."""
    lines = {module.path: len(module.text.splitlines()) for module in modules()}
    assert {path: count for path, count in lines.items() if count > MOST_LINES} == {}


def test_every_module_says_what_it_is_for() -> None:
    silent = [module.path for module in modules() if not ast.get_docstring(module.tree)]
    assert silent == []


def test_everything_public_has_a_docstring() -> None:
    silent = [f"{module.path}:{line} {name}" for module in modules() for line, name in _silent(module)]
    assert silent == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    vague = [module.path for module in modules() if VAGUE_NAMES & set(re.split(r"[/_.]", module.path))]
    assert vague == []


def test_every_amount_of_money_is_rounded_by_the_one_who_writes_prices() -> None:
    """`texts.digits`: else one price reads differently in two places."""
    rounded = re.compile(r"\{[^{}]*(?:usd|price|cost|charge|budget|left|amount)[^{}]*:,?\.\df\}")
    found = [f"{module.path}: {match[0]}" for module in modules() for match in rounded.finditer(module.text)]
    assert found == []


def test_no_provider_is_named_outside_its_own_rooms() -> None:
    """A new provider is an adapter and a data file: nothing else may have to be edited."""
    paid = sorted(
        file.stem for file in (PACKAGE / "catalog/data/providers").glob("*.toml") if file.stem != "sandbox"
    )
    assert paid
    pattern = re.compile(rf"(?<![a-z])({'|'.join(paid)})(?![a-z])", re.IGNORECASE)
    named = [
        f"{module.path}:{number}: {line.strip()}"
        for module in modules()
        if module.room != "providers"
        for number, line in enumerate(module.text.splitlines(), 1)
        if pattern.search(line)
    ]
    assert named == []


def test_every_silenced_check_names_its_rule() -> None:
    bare = re.compile(r"#\s*(type:\s*ignore(?!\[)|pyright:\s*ignore(?!\[)|noqa(?!:))")
    found = [
        f"{module.path}:{number}"
        for module in modules()
        for number, line in enumerate(module.text.splitlines(), 1)
        if bare.search(line)
    ]
    assert found == []


def _silent(module: Module) -> list[tuple[int, str]]:
    """What is public and has no docstring. Adapters need not repeat what the protocol says of a method."""
    described = _protocol_methods() if module.room == "providers" else set[str]()
    found: list[tuple[int, str]] = []
    for node in module.tree.body:
        if not isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        ) or node.name.startswith("_"):
            continue
        if not ast.get_docstring(node):
            found.append((node.lineno, node.name))
        if not isinstance(node, ast.ClassDef):
            continue
        for method in node.body:
            if not isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) or method.name.startswith("_"):
                continue
            if not ast.get_docstring(method) and method.name not in described | _inherited(module, node):
                found.append((method.lineno, f"{node.name}.{method.name}"))
    return found


def _inherited(module: Module, node: ast.ClassDef) -> set[str]:
    """What a library's class describes already, such as `logging.Formatter.format`."""
    parents = getattr(import_module(module.name), node.name).__mro__[1:] if node.bases else ()
    return {
        name
        for parent in parents
        if not parent.__module__.startswith("seedance_mcp")
        for name in vars(parent)
    }


@cache
def _protocol_methods() -> set[str]:
    protocol = next(module for module in modules() if module.path == "providers/protocol.py")
    return {
        method.name
        for node in protocol.tree.body
        if isinstance(node, ast.ClassDef)
        and any(getattr(base, "id", "") == "Protocol" for base in node.bases)
        for method in node.body
        if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef)
    }
