"""Completes what people type: arguments of prompts, and the open parts of resource addresses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from mcp import MCPError
from mcp.server import MCPServer, ServerRequestContext
from mcp.types import (
    INVALID_PARAMS,
    CompleteRequestParams,
    CompleteResult,
    Completion,
    PromptReference,
)

from ..errors import SeedanceError
from ..texts import one_line
from ..types import VideoRequest
from .opening import Opening
from .prompts import ServedPrompt
from .prompts.serving import named
from .resources import ADDRESSES
from .transport import lowlevel

if TYPE_CHECKING:
    from ..catalog import Mode, Offer

_MOST = 100
"""As many values as the protocol allows in one answer; and so many of the newest jobs are looked through."""

_Context = ServerRequestContext[Any, Any]


def add_completions(server: MCPServer[Any], prompts: Sequence[ServedPrompt]) -> None:
    """Answer `completion/complete` for these prompts and for the resources."""

    async def complete(context: _Context, params: CompleteRequestParams) -> CompleteResult:
        mode = _checked(params, prompts)
        typed, known = params.argument, dict(params.context.arguments or {}) if params.context else {}
        known.pop(typed.name, None)
        opening = cast("Opening", context.lifespan_context)
        if typed.name in ("job_id", "video", "image"):
            values = await _jobs(opening, typed.name)
        else:
            values = _from_the_catalogue(opening, typed.name, known, mode)
        wanted = typed.value.strip().casefold()
        fitting = [value for value in dict.fromkeys(values) if value.casefold().startswith(wanted)]
        shown = fitting[:_MOST]
        return CompleteResult(
            completion=Completion(values=shown, total=len(fitting), has_more=len(fitting) > len(shown))
        )

    lowlevel(server).add_request_handler("completion/complete", CompleteRequestParams, complete)


def _checked(params: CompleteRequestParams, prompts: Sequence[ServedPrompt]) -> Mode | None:
    """Return the mode that a model has to have, if any. Raises MCPError for a reference to what there is not."""
    if isinstance(params.ref, PromptReference):
        return named(prompts, params.ref.name).mode
    if params.ref.uri not in ADDRESSES:
        known = ", ".join(ADDRESSES)
        raise MCPError(
            INVALID_PARAMS, f"There is no resource {one_line(params.ref.uri, 200)!r}. There are: {known}."
        )
    return None


async def _jobs(opening: Opening, argument: str) -> list[str]:
    """Name the newest jobs, for a file those that have one; none while the database cannot be read."""
    await opening.first_try()
    try:
        jobs = await opening.app.recent(_MOST)
    except SeedanceError:
        return []
    return [job.id for job in jobs if argument == "job_id" or job.artifacts is not None]


def _from_the_catalogue(
    opening: Opening, argument: str, known: Mapping[str, str], mode: Mode | None
) -> Iterable[str]:
    """List what an argument can be, given the model and the provider that were filled in before."""
    offers = [
        offer
        for offer in opening.catalog.offers()
        if (mode is None or mode in offer.model.modes)
        and known.get("model", "").strip() in ("", offer.model.id)
        and known.get("provider", "").strip() in ("", offer.provider.name)
    ]
    match argument:
        case "model":
            return [offer.model.id for offer in offers]
        case "provider":
            return [offer.provider.name for offer in offers]
        case "resolution" | "aspect_ratio":
            return [value for offer in offers for value in _choices(argument, offer)]
        case "duration":
            return _durations(offers)
        case _:
            return []


def _choices(argument: str, offer: Offer) -> Sequence[str]:
    from ..catalog import possible_values

    return possible_values(VideoRequest(), offer).get(argument, ())


def _durations(offers: Sequence[Offer]) -> list[str]:
    from ..catalog import duration_limits

    limits = [duration_limits(offer) for offer in offers]
    lengths = {length for low, high, _ in limits for length in range(low, high + 1)}
    return [str(length) for length in sorted(lengths)]
