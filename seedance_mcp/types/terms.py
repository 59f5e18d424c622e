"""On what terms a call buys: what it says beside the request."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from .film import Draw


@dataclass(frozen=True, kw_only=True)
class PurchaseTerms:
    """
    What a call says of its purchase beside the request; travels unchanged to where the money is reserved.

    `max_usd` refuses what may cost more. `request_key` (8 to 64 characters of A-Z a-z 0-9 . _ -) names the purchase:
    the same key and request are the same job whenever they come, unless its purchase provably did not happen.
    `allow_duplicate` buys although the same is under way; it means nothing beside a key: a new key is a new purchase,
    a known one never is. With `variations` (2 to 6) so many videos of the request are bought together, all or none of
    them reserved; `max_usd` is then for all of them, and the same number belongs to what a key stands for.

    `confirm_token` is what an assistant hands back after the person agreed. `agreed_to` is the code of a question that
    a person has said yes to for this very call; where that yes has come to a job already, it is that job.
    `confirmed` says that a person agreed beforehand to whatever it costs within the caps. No argument of a tool may
    set the last two, nor `draws_on`: the row of a film's order that pays for it, whose key `request_key` is then. What was
    agreed to and counted against the caps for the order is neither asked for nor counted again.
    """

    max_usd: Decimal | None = None
    allow_duplicate: bool = False
    request_key: str | None = None
    variations: int | None = None
    confirm_token: str | None = None
    agreed_to: str | None = None
    confirmed: bool = False
    draws_on: Draw | None = None

    def __post_init__(self) -> None:
        if self.draws_on is not None and (self.request_key is None or self.variations is not None):
            raise ValueError("what an order pays for is one video, bought under its row's key")

    @property
    def capped(self) -> bool:
        """True where the call says itself what it may cost at most."""
        return self.max_usd is not None
