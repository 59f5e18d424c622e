"""Asks for the advice on a request at the sandbox, with files of which only the sizes are known."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seedance_mcp.catalog import Catalog, advice_codes, advise, resolve
from seedance_mcp.remarks import Advice
from seedance_mcp.types import MediaFile, VideoRequest

HOST = "https://media.invalid"
Sizes = Mapping[str, tuple[int, int]]


def urls(*names: str) -> tuple[str, ...]:
    return tuple(f"{HOST}/{name}" for name in names)


def advice(
    catalog: Catalog, model: str, prompt: str | None = None, sizes: Sizes | None = None, **fields: Any
) -> tuple[Advice, ...]:
    """All advice, whose codes have to be known; a source that begins with a slash is a local file."""
    request = VideoRequest.model_validate({"model": model, "prompt": prompt, **fields})
    offer = catalog.offer("sandbox", model)
    media = {source: _file(kind, source, sizes or {}) for _, kind, source in request.media()}
    told = advise(resolve(request, offer, media), offer, media, asked=request)
    assert {one.code for one in told} <= set(advice_codes())
    for one in told:
        assert len(one.text) <= 400, "what is longer is cut off where a person is asked"
        assert one.text.isprintable()
    return told


def _file(kind: Any, source: str, sizes: Sizes) -> MediaFile:
    width, height = sizes.get(source.rpartition("/")[2], (None, None))
    if source.startswith("/"):
        return MediaFile(kind=kind, path=Path(source), width=width, height=height)
    return MediaFile(kind=kind, url=source, width=width, height=height)
