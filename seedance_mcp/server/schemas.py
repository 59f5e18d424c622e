"""
Writes JSON schemas as small as they can be: an assistant pays for every character of a tool's schema.

A server that starts reads them as they were written (`tools/schemas.json`): to write them takes a twentieth of its start.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, cast

from pydantic import BaseModel

from .signatures import arguments_of
from .tooling import Schemas

_NULL = {"type": "null"}
_ENFORCED_NOT_SHOWN = frozenset({"maxLength", "maxItems"})
"""Bounds against flooding. They are far above what anyone needs, so they are checked but not explained."""


def write_schemas(function: Callable[..., Any], *returns: type[BaseModel], describe: bool = True) -> Schemas:
    """
    Write the schemas of the tool that is made of a function and answers with one of these shapes.

    With `describe=False` the arguments are without their descriptions, because another tool has them.
    """
    return Schemas(
        input=_input_schema(arguments_of(function).model, describe=describe), output=_output_schema(*returns)
    )


def _input_schema(model: type[BaseModel], *, describe: bool) -> dict[str, Any]:
    """An argument that may be None may as well be left out, so that only its type is shown."""
    schema = _slim(model.model_json_schema(), describe=describe, hide=_ENFORCED_NOT_SHOWN, collapse=True)
    schema.pop("description", None)
    return schema


def _output_schema(*models: type[BaseModel]) -> dict[str, Any]:
    """
    With several models it is one of them, so no field is required, and one that they do not share alike is as any has it.
    """
    merged: dict[str, Any] = {"type": "object", "properties": {}}
    for model in models:
        schema = _written(model)
        for name, shape in schema["properties"].items():
            merged["properties"][name] = _either(merged["properties"].get(name, shape), shape)
        merged.setdefault("$defs", {}).update(schema.get("$defs", {}))
        if len(models) == 1:
            merged["required"] = schema.get("required", [])
    return {key: value for key, value in merged.items() if value}


def _either(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return one if one == other else {"anyOf": [*one.get("anyOf", [one]), other]}


@cache
def _written(model: type[BaseModel]) -> dict[str, Any]:
    return _slim(model.model_json_schema(mode="serialization"), describe=False)


def _slim(
    node: Mapping[str, Any], *, describe: bool, hide: frozenset[str] = frozenset(), collapse: bool = False
) -> dict[str, Any]:
    def visit(node: Mapping[str, Any]) -> dict[str, Any]:
        slim: dict[str, Any] = {}
        for key, value in node.items():
            if key in ("properties", "$defs"):
                slim[key] = {name: visit(schema) for name, schema in cast("dict[str, Any]", value).items()}
            elif key == "anyOf":
                arms = [visit(arm) for arm in value if not (collapse and arm == _NULL)]
                slim |= arms[0] if len(arms) == 1 else {"anyOf": arms}
            elif key == "items":
                slim[key] = visit(value)
            elif not (
                key == "title"
                or key in hide
                or (key == "description" and not describe)
                or (key == "default" and value in (None, [], {}))
                or (key == "additionalProperties" and value is True)
            ):
                slim[key] = value
        return slim

    return visit(node)
