"""Says what is wrong with the arguments of a call: by name, with what is allowed, never what was sent."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ..errors import InvalidRequest

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


def explain(error: ValidationError, known: Sequence[str]) -> InvalidRequest:
    """Turn a failed validation into our error. `known` are the names of the tool's arguments."""
    return InvalidRequest([_problem(details, known) for details in error.errors(include_input=False)])


def _problem(details: ErrorDetails, known: Sequence[str]) -> str:
    name = _place(details["loc"])
    kind, context = details["type"], details.get("ctx", {})
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(name, known, n=2, cutoff=0.5)
        meant = f"Did you mean {' or '.join(near)}?" if near else f"Allowed: {', '.join(known)}."
        return f"There is no argument {name!r}. {meant}"
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
