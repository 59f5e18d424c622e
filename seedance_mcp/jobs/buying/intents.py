"""An intent to buy one video, as it is compared and reserved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from ...remarks import NO_REMARKS, Remarks
from ...types import Price, PurchaseTerms, Signer, VideoRequest, Wanted
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
    who is asked to agree. `asked` is the digest of the request before anything was chosen for it (`digest_of_asked`),
    `wanted` the same in the form that is compared. `account` and `base_url` are kept with the job: see
    `accounts.Account`.
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

    @property
    def fingerprint(self) -> str:
        """What is planned: provider, account, endpoint, every setting and the content of all media."""
        return digest_of_planned((self.provider, self.account, self.endpoint), self.request, self.digests)

    @property
    def stands_for(self) -> tuple[str, ...]:
        """Every digest that the job will stand for beside its fingerprint: whoever pays, it is the same request."""
        by_whomever = digest_of_planned((self.provider, self.endpoint), self.request, self.digests)
        return (by_whomever, *(() if self.asked is None else (self.asked,)), *self.instead_of)
