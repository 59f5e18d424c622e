"""The package's source as the architecture tests read it."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "seedance_mcp"
ROOMS = (
    "catalog",
    "clients",
    "media",
    "providers",
    "store",
    "jobs",
    "presentation",
    "metrics",
    "server",
    "cli",
)


@dataclass(frozen=True)
class Module:
    """One file of the package: its path from the package, its dotted name, its text and its tree."""

    path: str
    name: str
    text: str
    tree: ast.Module

    @property
    def room(self) -> str | None:
        """The room it is in; None on the ground floor."""
        first = self.path.partition("/")[0]
        return first if first in ROOMS else None

    @property
    def is_door(self) -> bool:
        """True for `__init__.py`."""
        return self.path.endswith("__init__.py")

    @property
    def opens_a_room(self) -> bool:
        """True for the `__init__.py` of a room, not for that of a folder inside."""
        return self.is_door and self.path.count("/") == 1 and self.room is not None


@cache
def modules() -> tuple[Module, ...]:
    """Every module of the package, in order of its path."""
    found: list[Module] = []
    for file in sorted(PACKAGE.rglob("*.py")):
        path = file.relative_to(PACKAGE).as_posix()
        text = file.read_text(encoding="utf-8")
        name = ".".join(("seedance_mcp", *path.removesuffix(".py").split("/"))).removesuffix(".__init__")
        found.append(Module(path, name, text, ast.parse(text, filename=path)))
    return tuple(found)


def imported(module: Module) -> list[tuple[int, str]]:
    """Every import of the module, wherever it stands, as (line, dotted name with what is taken from it)."""
    found: list[tuple[int, str]] = []
    package = module.name.split(".") if module.is_door else module.name.split(".")[:-1]
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            found += [(node.lineno, f"{origin}.{alias.name}") for alias in node.names]
    return found


def parents(tree: ast.Module) -> dict[ast.AST, ast.AST]:
    """The node that each node stands in."""
    return {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
