"""What something costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """
    An amount in the currency it is billed in, and the same counted in US dollars.

    Not `known`: nobody has said a price, and the amount is only what is counted against the limits meanwhile.
    """

    amount: Decimal
    currency: str
    usd: Decimal
    known: bool = True

    def times(self, count: int) -> Price:
        """Return what so many of the same cost together."""
        return replace(self, amount=self.amount * count, usd=self.usd * count)

    @classmethod
    def sum_of(cls, prices: Sequence[Price]) -> Price:
        """Add up prices in one currency, of which there is at least one."""
        return replace(
            prices[0],
            amount=sum((price.amount for price in prices), Decimal(0)),
            usd=sum((price.usd for price in prices), Decimal(0)),
            known=all(price.known for price in prices),
        )

    @property
    def is_free(self) -> bool:
        """Whether it certainly costs nothing. An unknown price never does, even if nothing is counted for it."""
        return self.known and not self.amount and not self.usd
