"""Writes a request in the words of an offer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..types import VideoRequest

if TYPE_CHECKING:
    from ..catalog import Offer


def wire(request: VideoRequest, offer: Offer) -> dict[str, Any]:
    """
    Write the request in the offer's own words: every given field that the offer names, then the pass-through options.

    Fields that the adapter writes itself (their parameter has no `name`) are left out.
    """
    body: dict[str, Any] = {}
    given: Mapping[str, Any] = request.model_dump(exclude_none=True, exclude={"provider_options"})
    for field, parameter in offer.parameters.items():
        value = given.get(field)
        if parameter.name is None or value is None or value == ():
            continue
        body[parameter.name] = parameter.write(value)
    return body | request.provider_options
