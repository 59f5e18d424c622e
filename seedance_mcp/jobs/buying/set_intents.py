"""An intent to buy several videos of one request together, as it is compared, agreed to and reserved."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from ...types import Place
from .intents import Intent


def tag_of(job_id: str) -> str:
    """Return the mark of a job that travels with its purchase: 32 hex digits."""
    return hashlib.sha256(job_id.encode()).hexdigest()[:32]


@dataclass(frozen=True, kw_only=True)
class SetIntent:
    """
    So many videos of one request as there are `job_ids`, each with a seed of its own where the offer takes seeds.

    `one` is any of them, without a place and a seed of its own: its prices are those of one video. `seed` is the first
    seed where the caller gave one. `most_seed` is the highest that the offer takes, None: it takes none.
    """

    set_id: str
    one: Intent
    job_ids: tuple[str, ...]
    seed: int | None = None
    most_seed: int | None = None

    @property
    def size(self) -> int:
        """How many videos the set has."""
        return len(self.job_ids)

    @property
    def whole(self) -> Intent:
        """The set as one thing that is compared and agreed to; its prices are still those of one video."""
        return replace(self.one, place=Place(set_id=self.set_id, number=0, size=self.size))

    def member(self, number: int) -> Intent:
        """The intent to buy one of them: `number` from 1 on."""
        job_id = self.job_ids[number - 1]
        request = self.one.request
        if self.most_seed is not None:
            # The same for the same number of the same set, whoever buys it and whenever.
            first = (
                int(hashlib.sha256(self.set_id.encode()).hexdigest(), 16) if self.seed is None else self.seed
            )
            request = request.model_copy(update={"seed": (first + number - 1) % (self.most_seed + 1)})
        return replace(
            self.one,
            job_id=job_id,
            tag=tag_of(job_id),
            request=request,
            place=Place(set_id=self.set_id, number=number, size=self.size),
        )
