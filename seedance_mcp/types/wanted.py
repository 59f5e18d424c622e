"""What somebody wants to have made, in a form in which two requests can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Value = str | int | bool


@dataclass(frozen=True, kw_only=True, slots=True)
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


def is_same_video(then: Wanted, now: Wanted) -> bool:
    """
    Return whether the same video is asked for, whoever makes it, and however many takes of it at once.

    A setting that is not given is the same as one that is given with the value which it has where it is not given:
    at the offer that was chosen then, or at the one that would be chosen now. Where neither gives it, it is the same
    whatever those offers make of it. Two different values that are given are two videos.
    """
    fields = (then.given.keys() | now.given.keys()) - {"provider", "variations"}
    return then.content == now.content and all(is_same_setting(name, then, now) for name in fields)


def is_same_request(then: Wanted, now: Wanted) -> bool:
    """Return whether the same video is asked for (`is_same_video`), as often, and of no other provider."""
    as_often = then.given.get("variations") == now.given.get("variations")
    return as_often and is_same_wherever_often(then, now)


def is_same_wherever_often(then: Wanted, now: Wanted) -> bool:
    """As `is_same_request`, however many takes of it are wanted at once."""
    return is_same_video(then, now) and is_same_setting("provider", then, now)


def is_same_setting(name: str, then: Wanted, now: Wanted) -> bool:
    """Return whether the same is asked for in this field, one of `Wanted.given`; see `is_same_video`."""
    before, after = then.given.get(name), now.given.get(name)
    if before is not None and after is not None:
        return before == after
    if before is not None:
        return before in (then.usual.get(name), now.usual.get(name))
    if after is not None:
        # Of what was left to the provider then, nothing is known: what is usual now is no other wish.
        return after == then.usual.get(name, now.usual.get(name))
    return True
