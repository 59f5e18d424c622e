"""The deliberate mistakes of `tests/reliability/mutants.toml` can still be made in the code as it is."""

from __future__ import annotations

import ast
from collections import Counter

import pytest

from tests.reliability.mutants_edit import mutate, replaced, source
from tests.reliability.mutants_table import MUTANTS

from .source import ROOT


def test_what_each_mistake_changes_is_found_exactly_once_and_the_module_changes() -> None:
    wrong: list[str] = []
    for mutant in MUTANTS:
        try:
            changed = mutate(mutant)
            compile(changed, mutant.module, "exec", dont_inherit=True)
        except (OSError, SyntaxError, ValueError) as error:
            wrong.append(f"{mutant.name}: {error}")
        else:
            if ast.unparse(changed) == ast.unparse(mutate(mutant._replace(new=mutant.old))):
                wrong.append(f"{mutant.name}: nothing changes")
    assert wrong == []


def test_every_mistake_has_a_name_of_its_own_and_its_test_is_there() -> None:
    assert len(MUTANTS) >= 100
    assert [name for name, count in Counter(mutant.name for mutant in MUTANTS).items() if count > 1] == []
    for mutant in MUTANTS:
        if mutant.test:
            path, _, name = mutant.test.partition("::")
            assert f"def {name.partition('[')[0]}(" in (ROOT / path).read_text(encoding="utf-8"), mutant.name
        assert source(mutant).is_relative_to(ROOT / "seedance_mcp")


TEXT = "def f():\n    if a:\n        b()\n    b()\n    c()"


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("c()", "d()", "def f():\n    if a:\n        b()\n    b()\n    d()"),
        ("if a:\n    b()", "a()", "def f():\n    a()\n    b()\n    c()"),
        ("b()\nc()", "c()\nb()", "def f():\n    if a:\n        b()\n    c()\n    b()"),
        ("    b()\nb()", "    c()\nd()", "def f():\n    if a:\n        c()\n    d()\n    c()"),
    ],
)
def test_an_edit_is_made_at_whatever_indentation_it_stands(old: str, new: str, text: str) -> None:
    assert replaced(TEXT, old, new) == text


@pytest.mark.parametrize(("old", "times"), [("b()", 2), ("e()", 0), ("b()\ne()", 0)])
def test_what_is_not_there_exactly_once_is_not_replaced(old: str, times: int) -> None:
    with pytest.raises(ValueError, match=f"is {times} times in it, not once"):
        replaced(TEXT, old, "x")
