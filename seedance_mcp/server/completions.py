"""Completes what people type: arguments of prompts, and the open parts of resource addresses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
from .prompts import ServedPrompt, named
from .resources import ADDRESSES
from .transport import lowlevel

if TYPE_CHECKING:
    from ..catalog import Mode, Offer

_MOST = 100
"""As many values as the protocol allows in one answer; and so many of the newest jobs are looked through."""

_OF_JOBS = ("job_id", "video", "image")
"""The arguments that name a job, or a file of one."""

_Context = ServerRequestContext[Any, Any]


def add_completions(server: MCPServer[Any], prompts: Callable[[], Sequence[ServedPrompt]]) -> None:
    """Answer `completion/complete` for these prompts and for the resources."""

    async def complete(context: _Context, params: CompleteRequestParams) -> CompleteResult:
        mode = _checked(params, prompts)
        typed, known = params.argument, dict(params.context.arguments or {}) if params.context else {}
        known.pop(typed.name, None)
        opening = cast("Opening", context.lifespan_context)
        values: list[str] = []
        if typed.name in _OF_OFFERS:
            values = _OF_OFFERS[typed.name](_offers(opening, known, mode))
        elif typed.name in _OF_JOBS:
            values = await _jobs(opening, finished=typed.name != "job_id")
        wanted = typed.value.strip().casefold()
        fitting = [value for value in dict.fromkeys(values) if value.casefold().startswith(wanted)]
        shown = fitting[:_MOST]
        return CompleteResult(
            completion=Completion(values=shown, total=len(fitting), has_more=len(fitting) > len(shown))
        )

    lowlevel(server).add_request_handler("completion/complete", CompleteRequestParams, complete)


def _checked(params: CompleteRequestParams, prompts: Callable[[], Sequence[ServedPrompt]]) -> Mode | None:
    """Return the mode that a model has to have, if any. Raises MCPError for a reference to what there is not."""
    if isinstance(params.ref, PromptReference):
        return named(prompts(), params.ref.name).mode
    if params.ref.uri not in ADDRESSES:
        known = ", ".join(ADDRESSES)
        raise MCPError(
            INVALID_PARAMS, f"There is no resource {one_line(params.ref.uri, 200)!r}. There are: {known}."
        )
    return None


async def _jobs(opening: Opening, *, finished: bool) -> list[str]:
    """Name the newest jobs, or those of them that have a video; none while the database cannot be read."""
    await opening.first_try()
    try:
        jobs = await opening.app.recent(_MOST)
    except SeedanceError:
        return []
    return [job.id for job in jobs if job.artifacts is not None or not finished]


def _offers(opening: Opening, known: Mapping[str, str], mode: Mode | None) -> list[Offer]:
    """List the offers that are left by the model and the provider that were filled in before."""
    model, provider = known.get("model", "").strip(), known.get("provider", "").strip()
    return [
        offer
        for offer in opening.catalog.offers()
        if (mode is None or mode in offer.model.modes)
        and model in ("", offer.model.id)
        and provider in ("", offer.provider.name)
    ]


def _models(offers: Sequence[Offer]) -> list[str]:
    return [offer.model.id for offer in offers]


def _providers(offers: Sequence[Offer]) -> list[str]:
    return [offer.provider.name for offer in offers]


def _durations(offers: Sequence[Offer]) -> list[str]:
    from ..catalog import duration_limits

    limits = [duration_limits(offer) for offer in offers]
    return [str(length) for length in sorted({n for low, high, _ in limits for n in range(low, high + 1)})]


def _resolutions(offers: Sequence[Offer]) -> list[str]:
    return _possible("resolution", offers)


def _ratios(offers: Sequence[Offer]) -> list[str]:
    return _possible("aspect_ratio", offers)


def _possible(argument: str, offers: Sequence[Offer]) -> list[str]:
    from ..catalog import possible_values

    return [value for offer in offers for value in possible_values(VideoRequest(), offer).get(argument, ())]


_OF_OFFERS: Mapping[str, Callable[[Sequence[Offer]], list[str]]] = {
    "model": _models,
    "provider": _providers,
    "duration": _durations,
    "resolution": _resolutions,
    "aspect_ratio": _ratios,
}
"""What an argument can be, from the offers that are left."""
