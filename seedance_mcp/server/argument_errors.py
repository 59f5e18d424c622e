"""Describes what is wrong with the arguments of a call: by name, with what is allowed, never what was sent."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ..texts import one_line

_MUST_BE = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a smaller whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "decimal_type": "an amount such as 0.5",
    "decimal_parsing": "an amount such as 0.5",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "string_unicode": "readable text",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "an object",
    "mapping_type": "an object",
}
_LONGEST_NAME = 60
_MOST_NAMES = 4


def unknown_arguments(names: Sequence[str], known: Sequence[str]) -> list[str]:
    """State of the first few `names` that there are no such arguments, how many more there are, and once what is allowed."""
    problems: list[str] = []
    allowed = f" Allowed: {', '.join(known)}."
    for name in names[:_MOST_NAMES]:
        near = difflib.get_close_matches(name, known, n=2, cutoff=0.5) if len(name) <= _LONGEST_NAME else []
        meant = f" Did you mean {' or '.join(near)}?" if near else allowed
        problems.append(f"There is no argument {one_line(name, _LONGEST_NAME)!r}.{meant}")
        if not near:
            allowed = ""
    if more := len(names[_MOST_NAMES:]):
        problems.append(f"{more} more names are no arguments either.{allowed}")
    return problems


def wrong_values(error: ValidationError) -> list[str]:
    """Describe for each argument that failed its validation what it must be."""
    return [_problem(details) for details in error.errors(include_input=False)]


def _problem(details: ErrorDetails) -> str:
    name = _place(details["loc"])
    kind, context = details["type"], details.get("ctx", {})
    if kind == "missing":
        return f"{name} is required."
    if kind in _MUST_BE:
        return f"{name} must be {_MUST_BE[kind]}."
    if kind == "string_too_long":
        return f"{name} must have at most {context.get('max_length')} characters."
    if kind == "too_long":
        return f"{name} must have at most {context.get('max_length')} entries."
    return f"{name} {details['msg'].replace('Input should', 'must')}."


def _place(location: tuple[int | str, ...]) -> str:
    first, *rest = location or ("arguments",)
    text = "".join([str(first), *(f"[{part}]" if isinstance(part, int) else f".{part}" for part in rest)])
    return text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 1]}…"
