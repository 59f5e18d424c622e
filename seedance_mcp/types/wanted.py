"""What somebody wants to have made, in a form in which two requests can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Value = str | int | bool


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """
    One video as it was asked for. Nothing in it tells an account or an endpoint.

    `content` is a digest of the prompt, of what is in the media and of the provider options. `given` are the other
    fields that were written out, among them model and provider. `usual` are the values that those fields have where
    they are not given, at the offer that was chosen; a field without one is left to the provider. Empty: nothing is
    chosen yet.
    """

    content: str
    given: Mapping[str, Value] = field(default_factory=dict[str, Value])
    usual: Mapping[str, Value] = field(default_factory=dict[str, Value])
