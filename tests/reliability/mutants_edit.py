"""
Makes a mutant's edit in the syntax tree of its module, so that it survives renaming and reformatting around it.

The edit is made in the text that `ast.unparse` writes of one definition: no comments, no docstrings, single quotes,
one line for each statement, adjacent string literals joined.
"""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path

from .mutants_table import Mutant

ROOT = Path(__file__).parents[2]


def source(mutant: Mutant) -> Path:
    """Return the file that the edit is made in."""
    path = ROOT.joinpath(*mutant.module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def mutate(mutant: Mutant) -> ast.Module:
    """
    Return the module's tree with the edit in it.

    Raises:
        ValueError: the definition is not there, or what is to change is not in it exactly once.
    """
    tree = ast.parse(source(mutant).read_text(encoding="utf-8"))
    try:
        body, index = _place(tree, mutant.definition)
        text = replaced(normal(body[index]), mutant.old, mutant.new)
    except ValueError as error:
        raise ValueError(f"{mutant.name}: {mutant.module}.{mutant.definition}: {error}") from None
    body[index : index + 1] = ast.parse(text).body
    return ast.fix_missing_locations(tree)


def normal(definition: ast.stmt) -> str:
    """Return the text of a definition that edits are made in."""
    copy = ast.parse(ast.unparse(definition))
    for node in ast.walk(copy):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and ast.get_docstring(
            node
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(copy)


def replaced(text: str, old: str, new: str) -> str:
    """
    Return the text with the one occurrence of `old` replaced by `new`.

    `old` is a part of a line; or it is whole lines, if it or `new` has several: both without the indentation that they
    have in common.

    Raises:
        ValueError: `old` occurs not at all, or more than once.
    """
    old, new = old.strip("\n"), new.strip("\n")
    whole_lines = "\n" in old + new
    found = list(_pattern(old, whole_lines).finditer(text))
    if len(found) != 1:
        raise ValueError(f"{old!r} is {len(found)} times in it, not once")
    [match] = found
    if whole_lines:
        new = textwrap.indent(new, match["indent"])
    return text[: match.start()] + new + text[match.end() :]


def _pattern(old: str, whole_lines: bool) -> re.Pattern[str]:
    if not whole_lines:
        return re.compile(re.escape(old))
    first, *more = map(re.escape, old.splitlines())
    return re.compile("^(?P<indent> *)" + "\n(?P=indent)".join([first, *more]) + "$", re.MULTILINE)


def _place(tree: ast.Module, definition: str) -> tuple[list[ast.stmt], int]:
    """Return the list of statements that holds the definition, and its index there."""
    body: list[ast.stmt] = tree.body
    *outer, last = definition.split(".")
    for name in outer:
        inside = body[_index(body, name)]
        if not isinstance(inside, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            raise ValueError(f"{name} holds no definitions")
        body = inside.body
    return body, _index(body, last)


def _index(body: list[ast.stmt], name: str) -> int:
    found = [index for index, node in enumerate(body) if name in defined(node)]
    if len(found) != 1:
        raise ValueError(f"{name} is defined {len(found)} times, not once")
    return found[0]


def defined(node: ast.stmt) -> list[str]:
    """Return the names that a statement defines: a function's, a class's, or those it assigns to."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]
