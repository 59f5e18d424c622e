"""Advice on a request before it is bought: what its model will not do with it. It never blocks."""

from __future__ import annotations

from collections.abc import Mapping

from ...remarks import Advice
from ...types import MediaFile, VideoRequest
from ..offers import Offer


def advise(
    request: VideoRequest, offer: Offer, media: Mapping[str, MediaFile], *, asked: VideoRequest
) -> tuple[Advice, ...]:
    """
    Return the advice on a resolved request, each with its code; of an unknown model only what holds for all.

    `media` are the files as they would be sent. `asked` is the request before the offer's defaults were filled in.
    """
    # With the first advice, not with the catalogue: it takes a while to build the patterns.
    from .camera import check_camera
    from .prompt import check_prompt, check_sound
    from .references import check_references
    from .shapes import check_shapes
    from .timing import check_timing

    if offer.generic:
        return tuple(check_timing(request, offer))
    prompt, model = request.prompt or "", offer.model
    return (
        *check_sound(prompt, model, asked),
        *check_prompt(prompt, model),
        *check_timing(request, offer),
        *check_camera(request, asked),
        *check_references(request, offer),
        *check_shapes(request, offer, media),
    )
