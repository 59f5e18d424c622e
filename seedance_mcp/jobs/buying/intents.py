"""An intent to buy one video, as it is compared and reserved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from ...remarks import NO_REMARKS, Remarks
from ...types import Place, Price, PurchaseTerms, Signer, VideoRequest, Wanted
from ..choosing.plans import Ladder
from .deduplication import digest_of_planned
from .idempotency import RequestKey


@dataclass(frozen=True, kw_only=True)
class Intent:
    """
    One thing that somebody wants to buy.

    `digests` maps each media source of the request to the hash of its content (or its URL), so that the same
    picture under another path is the same request. `terms` are those of the call. With a `key`, the key alone decides
    whether this is a new purchase. `seconds` is the length that the price is for, None if none is known. `instead_of`
    are the fingerprints of what other providers have refused: from now on this job stands for those, too. `agreed`
    tells who has agreed to the price of one of those, if it was no lower. `remarks` are what a person should know
    who is asked to agree. `ladder` says what a draft leads to, None: it is no draft. `asked` is the digest of the request
    before anything was chosen for it (`digest_of_asked`), `wanted` the same in the form that is compared. `account` and
    `base_url` are kept with the job: see `accounts.Account`. `place` is which video of a set it is, 0 the set itself; None:
    it is bought by itself.
    """

    job_id: str
    owner: str
    provider: str
    account: str
    model: str
    endpoint: str
    request: VideoRequest
    digests: Mapping[str, str]
    tag: str
    estimate: Price
    maximum: Price
    terms: PurchaseTerms
    seconds: Decimal | None = None
    key: RequestKey | None = None
    instead_of: tuple[str, ...] = ()
    base_url: str | None = None
    asked: str | None = None
    wanted: Wanted | None = None
    agreed: Signer | None = None
    remarks: Remarks = NO_REMARKS
    ladder: Ladder | None = None
    place: Place | None = None

    @property
    def final(self) -> VideoRequest | None:
        """What this is a draft of, with the seed of the draft where that is taken there; None: it is no draft."""
        ladder, seed = self.ladder, self.request.seed
        if ladder is None or seed is None or "seed" not in ladder.offer.parameters:
            return None if ladder is None else ladder.final
        return ladder.final.model_copy(update={"seed": seed})

    @property
    def fingerprint(self) -> str:
        """What is planned: provider, account, endpoint, every setting and the content of all media."""
        seller = (self.provider, self.account, self.endpoint, *self._apart)
        return digest_of_planned(seller, self.request, self.digests)

    @property
    def stands_for(self) -> tuple[str, ...]:
        """Every digest that the job will stand for beside its fingerprint: whoever pays, it is the same request."""
        by_whomever = digest_of_planned(
            (self.provider, self.endpoint, *self._apart), self.request, self.digests
        )
        return (by_whomever, *(() if self.asked is None else (self.asked,)), *self.instead_of)

    @property
    def _apart(self) -> tuple[str, ...]:
        """
        What sets apart what is planned alike: a draft as another model or size from a take of that for its own sake, and
        the videos of a set, where the offer takes no seeds, from each other and from one by itself.
        """
        marks: tuple[str, ...] = ()
        if self.ladder is not None and self.ladder.days is None:
            marks = ("draft of", self.ladder.offer.model.id, self.ladder.resolution or "")
        if self.place is not None:
            marks = (*marks, f"{self.place.number} of {self.place.size}")
        return marks
