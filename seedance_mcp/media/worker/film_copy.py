"""The worker's part in making the copy of a film that leaves: what is hidden in it is blanked where it stands."""

from __future__ import annotations

import os
from typing import IO, Any

from ..cuts import put_in_place
from .refusal import RefusalError
from .scanning import identify_film
from .signatures import Signature
from .strip_mp4 import film_cuts

_LOOK_FRAMES = 12
"""The samples are the same bytes, so the beginning tells whether they are still found and decoded."""


def clean_film(source: IO[bytes], signature: Signature) -> tuple[dict[str, Any], bytes]:
    """
    Blank what is hidden in the open file, then look at what is there now: its facts are `cleaned`, or {} if it is no film.

    Raises:
        RefusalError: something hidden in it cannot be removed.
    """
    # One object for writing and reading: the buffer of `source` would show what was there before.
    with os.fdopen(source.fileno(), "r+b", closefd=False) as copy:
        put_in_place(copy, film_cuts(copy, signature))
        try:
            return {"cleaned": identify_film(copy, signature, frames=_LOOK_FRAMES)[0]}, b""
        except RefusalError:
            return {"cleaned": {}}, b""
