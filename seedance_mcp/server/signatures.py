"""Makes a model of a tool's arguments out of the parameters of its function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, create_model


class Closed(BaseModel):
    """Arguments, of which there are no others."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """All arguments as one model; `spread` are the parameters that take a model by its fields, with those models."""

    model: type[BaseModel]
    spread: Mapping[str, type[BaseModel]]


@cache
def arguments_of(function: Callable[..., Any]) -> Arguments:
    """Make the model of a tool's function, whose first parameter is the call. It takes milliseconds, so it is made once."""
    spread: dict[str, type[BaseModel]] = {}
    fields: dict[str, Any] = {}
    _, *parameters = inspect.signature(function, eval_str=True).parameters.values()
    for parameter in parameters:
        kind = parameter.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            spread[parameter.name] = kind
            fields |= {name: (field.annotation, field) for name, field in kind.model_fields.items()}
        else:
            default = ... if parameter.default is inspect.Parameter.empty else parameter.default
            fields[parameter.name] = (kind, default)
    return Arguments(model=create_model("Arguments", __base__=Closed, **fields), spread=spread)
