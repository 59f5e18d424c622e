"""The tests themselves: what they are called, and who leans on them."""

from __future__ import annotations

import ast

from .source import ROOT


def test_no_script_and_no_benchmark_imports_from_the_tests() -> None:
    importing = [
        f"{file.relative_to(ROOT).as_posix()}:{node.lineno}"
        for folder in ("scripts", "benchmarks")
        for file in sorted((ROOT / folder).glob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if (isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "tests")
        or (
            isinstance(node, ast.Import)
            and any(name.name.partition(".")[0] == "tests" for name in node.names)
        )
        or (
            isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("tests.")
        )
    ]
    assert importing == []
