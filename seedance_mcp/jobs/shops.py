"""Where jobs can be bought: adapters opened on first use, which providers are ready, and whose account it is."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ..config import Settings
from ..errors import InvalidRequest
from ..providers import Access, Provider, create
from ..types import Job, MediaFile, Submission, VideoRequest
from .carriers import Carrier, open_carrier, way
from .planning import OtherOffer, Plan, elsewhere, plan
from .quotes import Quotes, priced
from .store import Store
from .turns import Turns

if TYPE_CHECKING:
    from ..catalog import Catalog, Offer, ProviderInfo


class Shops:
    """All providers as this user can reach them."""

    def __init__(
        self, catalog: Callable[[], Catalog], settings: Settings, store: Store | None = None
    ) -> None:
        """Without a `store` the calls of this process keep to no limit that it shares with others."""
        self._store = store
        self._load = catalog
        self._settings = settings
        self._open: dict[str, Provider] = {}
        self._quotes = Quotes()

    @property
    def catalog(self) -> Catalog:
        """What can be bought. Read on first use."""
        return self._load()

    def ready(self) -> Mapping[str, bool]:
        """For each provider, whether it could be bought from now: there is an adapter, and a key if it wants one."""
        return {name: self._is_ready(info) for name, info in self.catalog.providers.items()}

    def _is_ready(self, info: ProviderInfo) -> bool:
        if info.key_variables and self._settings.secret(*info.key_variables) is None:
            return False
        return importlib.util.find_spec(info.adapter.partition(":")[0]) is not None

    def open(self, info: ProviderInfo) -> Provider:
        """
        Give the provider's adapter, building it on first use.

        Raises:
            ConfigError: its key is missing.
        """
        if info.name not in self._open:
            access = Access(
                key=self._settings.secret(*info.key_variables),
                base_url=self._settings.base_url(info.name) or info.base_url,
                folder=self._settings.state_dir / "providers" / info.name,
                seconds=self._settings.sandbox_seconds,
                pace=self._store and Turns(self._store, info, self.account(info)),
            )
            self._open[info.name] = create(info, access)
        return self._open[info.name]

    def submission(self, job: Job, task_id: str) -> Submission:
        """
        Make the receipt of a job's task whose id a person found.

        Raises:
            ConfigError: the provider's key is missing.
        """
        offer = self.offer(job)
        return self.open(offer.provider).submission(task_id, job.request, offer)

    def account(self, info: ProviderInfo) -> str:
        """Tell accounts apart without keeping the key: the first 8 hex digits of its SHA-256."""
        key = self._settings.secret(*info.key_variables)
        return hashlib.sha256(key.get_secret_value().encode()).hexdigest()[:8] if key else "none"

    def carrier(self) -> Carrier:
        """
        Give what carries local files to providers that read only from URLs.

        Raises:
            ConfigError: none is set, or the one that is set cannot be used.
        """
        return open_carrier(self._settings, self.catalog, open_provider=self.open, account=self.account)

    def offer(self, job: Job) -> Offer:
        """Give the offer that a job was bought from, also when it is no longer on sale."""
        return self.catalog.offer(job.provider, job.model, retired=True)

    def plan(
        self, request: VideoRequest, media: Mapping[str, MediaFile], trouble: InvalidRequest | None
    ) -> Plan:
        """
        Choose where a request goes. `trouble` is what is wrong with its media already.

        Raises:
            InvalidRequest: it cannot be made; all problems at once, those of the media first.
            ConfigError: a file can get there only by the carrier that is set, and that cannot be used.
        """
        try:
            chosen = plan(
                request, catalog=self.catalog, settings=self._settings, ready=self.ready(), media=media
            )
        except InvalidRequest as error:
            if trouble is None:
                raise
            hints = " ".join(filter(None, (trouble.hint, error.hint)))
            raise InvalidRequest((*trouble.problems, *error.problems), hint=hints) from None
        if trouble is not None:
            raise trouble
        info = chosen.offer.provider
        ways = [way(file, info, self._settings, self.carrier) for file in media.values()]
        return replace(chosen, notes=(*chosen.notes, *dict.fromkeys(filter(None, ways))))

    async def quoted(self, plan: Plan) -> Plan:
        """Ask the provider for its own price, where it gives one; takes 3 seconds at most and never raises for it."""
        info = plan.offer.provider
        if info.placeholder or "quote" not in info.supports or not self._is_ready(info):
            return plan
        answer = await self._quotes.ask(self.open(info), plan.request, plan.offer, self.account(info))
        return priced(plan, answer, cny_per_usd=self._settings.cny_per_usd)

    def elsewhere(
        self, asked: VideoRequest, chosen: Plan, media: Mapping[str, MediaFile]
    ) -> tuple[OtherOffer, ...]:
        """Price the same request at every other offer that can do it."""
        return elsewhere(
            asked, chosen, catalog=self.catalog, settings=self._settings, ready=self.ready(), media=media
        )

    async def close(self) -> None:
        """Close every adapter that was opened."""
        for provider in self._open.values():
            await provider.close()
        self._open.clear()
