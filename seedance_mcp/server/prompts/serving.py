"""Serves prompts: their list, and each with its arguments, which are checked before anything else."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp import MCPError
from mcp.server import MCPServer, ServerRequestContext
from mcp.types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    ContentBlock,
    GetPromptRequestParams,
    GetPromptResult,
    ListPromptsResult,
    PaginatedRequestParams,
    Prompt,
    PromptArgument,
    PromptMessage,
)

from ...errors import (
    InvalidRequest,
    JobNotFinished,
    JobNotFound,
    MediaError,
    NotSupported,
    SeedanceError,
)
from ...texts import number_of, one_line, unusable
from ..transport import lowlevel

if TYPE_CHECKING:
    from ...catalog import Mode

_Context = ServerRequestContext[Any, Any]

Compose = Callable[[_Context, Mapping[str, str]], Awaitable[Sequence[ContentBlock]]]
"""Writes the message from the arguments that were given. A SeedanceError says what is wrong with them."""

_THEIRS = (InvalidRequest, JobNotFound, JobNotFinished, MediaError, NotSupported)
"""Errors that another argument mends."""


@dataclass(frozen=True, kw_only=True)
class Argument:
    """An argument of a prompt; `most` is how many characters it may have."""

    name: str
    description: str
    required: bool = False
    most: int = 200


@dataclass(frozen=True, kw_only=True)
class ServedPrompt:
    """A prompt: what clients list of it, and what writes its message; `mode` is what a model has to be able to do for it."""

    name: str
    title: str
    description: str
    arguments: tuple[Argument, ...]
    compose: Compose
    mode: Mode | None = None


def add_prompts(server: MCPServer[Any], prompts: Callable[[], Sequence[ServedPrompt]]) -> None:
    """
    Serve these prompts, in this order; they are made at the first request.

    They take the place of the SDK's own, whose handlers log a trace for a wrong argument.
    """

    async def listed(context: _Context, params: PaginatedRequestParams) -> ListPromptsResult:
        return ListPromptsResult(prompts=[_entry(prompt) for prompt in prompts()])

    async def got(context: _Context, params: GetPromptRequestParams) -> GetPromptResult:
        prompt = named(prompts(), params.name)
        try:
            given = _checked(prompt, params.arguments or {})
            blocks = await prompt.compose(context, given)
        except SeedanceError as error:
            code = INVALID_PARAMS if isinstance(error, _THEIRS) else INTERNAL_ERROR
            # In the message too: clients show people nothing else.
            told = (f"{error.message.rstrip('.')}.", error.hint, _cause(params.arguments))
            words = " ".join(filter(None, told))
            raise MCPError(code, words, {"code": error.code, "hint": error.hint}) from None
        messages = [PromptMessage(role="user", content=block) for block in blocks]
        return GetPromptResult(description=prompt.description, messages=messages)

    inner = lowlevel(server)
    inner.add_request_handler("prompts/list", PaginatedRequestParams, listed)
    inner.add_request_handler("prompts/get", GetPromptRequestParams, got)


def named(prompts: Sequence[ServedPrompt], name: str) -> ServedPrompt:
    """Return the prompt of this name. Raises MCPError with the names that there are."""
    for prompt in prompts:
        if prompt.name == name:
            return prompt
    known = ", ".join(prompt.name for prompt in prompts)
    raise MCPError(INVALID_PARAMS, f"There is no prompt {one_line(name, 60)!r}. There are: {known}.")


def _cause(arguments: Mapping[str, str] | None) -> str:
    """Name the usual cause of arguments that make no sense: clients that know no quotation marks in a typed command."""
    values = list((arguments or {}).values())
    if len(values) < 2 or any(re.search(r"\s", value.strip()) for value in values):
        return ""
    return "If your client took the words of one sentence for several arguments, write them as one: a_red_fox_in_the_snow."


def _entry(prompt: ServedPrompt) -> Prompt:
    return Prompt(
        name=prompt.name,
        title=prompt.title,
        description=prompt.description,
        arguments=[
            PromptArgument(name=one.name, description=one.description, required=one.required)
            for one in prompt.arguments
        ],
    )


def _checked(prompt: ServedPrompt, given: Mapping[str, str]) -> Mapping[str, str]:
    """Return the arguments that say something. Raises InvalidRequest with all that is wrong with them."""
    known = {one.name: one for one in prompt.arguments}
    values = {name: value.strip() for name, value in given.items()}
    problems = [f"{name} is needed" for name, one in known.items() if one.required and not values.get(name)]
    for name, value in values.items():
        if name not in known:
            problems.append(f"{one_line(name, 40)} is no argument; there are {', '.join(known)}")
        elif len(value) > known[name].most:
            problems.append(f"{name} has {len(value)} characters; at most {known[name].most} are taken")
        else:
            problems += [problem.rstrip(".") for problem in unusable(name, value)]
    if problems:
        needed = number_of(sum(one.required for one in prompt.arguments), "argument")
        raise InvalidRequest(problems, hint=f"{prompt.name} needs {needed}; the others may be left out.")
    return {name: value for name, value in values.items() if value}
