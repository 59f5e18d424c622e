"""The tests themselves: what they are called, and who leans on them."""

from __future__ import annotations

import ast
import tomllib

import pytest

from tests.kinds import KINDS, LONGEST, MINIATURES, PROCESS, PROOF, TESTS, in_turn, kind_of

from .source import ROOT

LONGEST_NAME = 80


def test_every_file_of_tests_has_a_kind() -> None:
    files = sorted(TESTS.rglob("test_*.py"))
    assert files
    assert [file.relative_to(TESTS).as_posix() for file in files if kind_of(file) is None] == []


def test_the_table_of_kinds_names_what_is_there_and_nothing_twice() -> None:
    assert [path for path in (*KINDS, *LONGEST) if not (TESTS / path).exists()] == []
    said_already = [
        path
        for path, kind in KINDS.items()
        if any(KINDS.get(outer.as_posix()) == kind for outer in (TESTS / path).relative_to(TESTS).parents)
    ]
    assert said_already == []
    assert list(KINDS) == sorted(KINDS)


def test_every_miniature_is_a_test_among_proofs() -> None:
    for file, name in MINIATURES.items():
        assert kind_of(TESTS / file) == PROOF
        assert f"def {name}(" in (TESTS / file).read_text(encoding="utf-8")


def test_every_kind_is_a_registered_marker_and_has_tests() -> None:
    options = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]
    registered = {line.partition(":")[0] for line in options["ini_options"]["markers"]}
    assert registered == set(KINDS.values())


def test_the_two_turns_play_all_cases_of_a_proof_and_each_what_has_one_case(
    request: pytest.FixtureRequest,
) -> None:
    def item(name: str, kind: str) -> pytest.Item:
        made = pytest.Function.from_parent(request.node.parent, name=name, callobj=lambda: None)
        made.add_marker(kind)
        return made

    several = [item(f"several[{number}]", PROOF) for number in range(5)]
    alone = [item("alone", PROOF), item("daily[0]", PROCESS), item("daily[1]", PROCESS)]
    first, second = (in_turn([*several, *alone], turn) for turn in (0, 1))
    assert first[0][-3:] == second[0][-3:] == alone
    assert (first[0][:-3], second[0][:-3]) == (second[1], first[1])
    assert sorted(first[0][:-3] + second[0][:-3], key=several.index) == several
    assert sorted([len(first[1]), len(second[1])]) == [2, 3]


def test_names_of_tests_are_short_enough_to_be_read() -> None:
    long = [
        f"{file.relative_to(ROOT).as_posix()}:{node.lineno} {len(node.name)}"
        for file in sorted(TESTS.rglob("test_*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and len(node.name) >= LONGEST_NAME
    ]
    assert long == []


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
