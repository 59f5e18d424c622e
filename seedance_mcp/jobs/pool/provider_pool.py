"""Where jobs can be bought: adapters opened on first use, which providers are ready, and whose account it is."""

from __future__ import annotations

import importlib.util
import logging
import math
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING

from ...config import Settings, UnknownName, on_this_machine, suspects, unknown_names
from ...errors import ConfigError, InvalidRequest, OtherAccount
from ...providers import Access, Provider, create
from ...store import (
    Account,
    Connection,
    RateFiles,
    Store,
    elapsed_time,
    fingerprint,
    is_same,
    job_records,
    other_account,
    short_digest,
    written,
)
from ...types import WORKERS, Job, JobState
from ..tracking.manual_resolution import FoundTask, look_up
from .carriers import Carrier, link_of, open_carrier
from .provider_keys import (
    key_of,
    keys_of_nobody,
    malformed_keys,
    misnamed_keys,
    no_key_of_team,
    not_by_name,
    unfilled_keys,
)
from .rate_limits import SharedRateLimits, usual_wait

if TYPE_CHECKING:
    from ...catalog import Catalog, Offer, ProviderInfo

logger = logging.getLogger(__name__)


_ASKED_ABOUT = frozenset(
    {
        JobState.UNKNOWN,
        JobState.ACCEPTED,
        JobState.STALLED,
        JobState.REMOTE_DONE,
        JobState.MISSING,
        JobState.UNRESOLVED,
    }
)
"""States of jobs about which their provider is still asked, be it once an hour."""

LEAST_WAIT, LEAST_WAIT_HERE = 1.0, 0.05
"""Seconds between two looks at a job, whatever the settings say: on the internet, and on this machine."""


_KEPT_SHARE = 0.25
"""Of the time for which a provider keeps a result, so much may lie between two looks at a job."""


class ProviderPool:
    """All providers as this user can reach them."""

    def __init__(
        self, catalog: Callable[[], Catalog], settings: Settings, store: Store | None = None
    ) -> None:
        """Without a `store` the calls of this process keep to no limit that it shares with others."""
        self._store = store
        self._load = catalog
        self._settings = settings
        self._open: dict[str, Provider] = {}
        self._accounts: dict[str, Account] = {}

    @property
    def catalog(self) -> Catalog:
        """What can be bought. Read on first use."""
        return self._load()

    def ready(self) -> Mapping[str, bool]:
        """For each provider, whether it could be bought from now: there is an adapter, and a key if it wants one."""
        return {name: self.is_ready(info) for name, info in self.catalog.providers.items()}

    def is_ready(self, info: ProviderInfo) -> bool:
        """Return whether the provider could be bought from now: there is an adapter, and a key if it wants one."""
        if info.key_variables and key_of(self._settings, info) is None:
            return False
        return importlib.util.find_spec(info.adapter.partition(":")[0]) is not None

    @cached_property
    def unknown_settings(self) -> tuple[UnknownName, ...]:
        """What was given and is no setting."""
        if not suspects(self._settings):
            return ()  # without a look at the catalogue, for which a client would have to wait
        providers = self.catalog.providers
        keys = {name for info in providers.values() for name in info.key_variables}
        return unknown_names(self._settings, providers=providers, keys=keys)

    @cached_property
    def malformed_keys(self) -> Mapping[str, str]:
        """By provider, a sentence on a key that cannot be one; such a provider is not ready."""
        if not self._settings.unusable_keys and self._settings.team is None:
            return {}
        return malformed_keys(self._settings, self.catalog)

    @cached_property
    def misnamed_keys(self) -> Mapping[str, str]:
        """By provider, a sentence on a key that stands under a name that nobody reads, or that nobody filled in."""
        settings, catalog = self._settings, self.catalog
        return {**unfilled_keys(settings, catalog), **misnamed_keys(settings, catalog)}

    @property
    def settings_notices(self) -> tuple[str, ...]:
        """What a person should know of the settings: keys that cannot be used, and names that nobody reads."""
        unknown = (str(name) for name in self.unknown_settings)
        left_out = (f"{name} is left out: {problem}" for name, problem in self.malformed_keys.items())
        nobodys = keys_of_nobody(self._settings, self.catalog) if self._settings.team is not None else ()
        return (*left_out, *self.misnamed_keys.values(), *nobodys, *unknown)

    def check_limits(self) -> None:
        """
        Refuse to buy while a limit on spending stands under a name that is none.

        Raises:
            ConfigError: there are such names.
        """
        if meant := [str(unknown) for unknown in self.unknown_settings if unknown.is_limit]:
            hint = "Correct or remove the name, then start the server again; until then nothing is bought. The sandbox works."
            raise ConfigError(" ".join(meant), hint=hint, problems=meant)

    @cached_property
    def least_wait(self) -> float:
        """The seconds that lie between two looks at a job at least: fewer while everything that is ready is on this machine."""
        real = (
            info for info in self.catalog.providers.values() if not info.placeholder and self.is_ready(info)
        )
        here = all(on_this_machine(self._settings.base_url(info.name) or info.base_url) for info in real)
        return LEAST_WAIT_HERE if here else LEAST_WAIT

    def longest_wait(self, job: Job | None = None) -> float:
        """
        The seconds that lie between two looks at a job at most, whatever the settings say; without one, at any.

        A result has to be seen well before its provider keeps it no longer. A placeholder is drawn here within seconds,
        and asking costs nothing: with the usual interval its progress would stand still and then jump to the end.
        """
        providers = self.catalog.providers
        if job is None:
            return min(map(_kept_share, providers.values()), default=math.inf)
        info = providers.get(job.provider)
        if info is None:
            return math.inf
        return info.asks_seconds if info.placeholder else _kept_share(info)

    def usual_wait(self, provider: str, jobs: int) -> float:
        """The seconds between two looks at each of so many jobs with which all looks together stay below its limit."""
        try:
            info = self.catalog.providers.get(provider)
        except ConfigError:  # each step of a job there tells of it
            return 0.0
        return usual_wait(info, jobs) if info else 0.0

    def open(self, info: ProviderInfo) -> Provider:
        """
        Return the provider's adapter, building it on first use: to buy, and for whatever concerns no job.

        Raises:
            ConfigError: its key is missing or malformed.
        """
        if problem := self.malformed_keys.get(info.name):
            raise not_by_name(info.name, problem, setting=False)
        if self._settings.team is not None and info.key_variables and key_of(self._settings, info) is None:
            raise no_key_of_team(self._settings.team, info)
        if info.name not in self._open:
            access = Access(
                key=key_of(self._settings, info),
                base_url=self._settings.base_url(info.name) or info.base_url,
                folder=self._settings.state_dir / "providers" / info.name,
                seconds=self._settings.sandbox_seconds,
                pace=self._pace(info),
                outbound=self._settings.outbound,
            )
            self._open[info.name] = create(info, access)
        return self._open[info.name]

    def _pace(self, info: ProviderInfo) -> SharedRateLimits | None:
        if self._store is None:
            return None
        files = RateFiles(self._settings.state_dir / "turns")
        return SharedRateLimits(files, info, self.account(info), self._store.clock)

    async def open_for(self, job: Job) -> Provider:
        """
        Return the adapter by which a job may be asked about, stopped, found and fetched: that of the account it is of.

        Nobody else's list, "not found" or link says anything about it.

        Raises:
            OtherAccount: it was bought with another key, or at another address, than those that are set now.
            ConfigError: the key cannot be used.
        """
        other = await self.other_account(job)
        if other is not None:
            raise other
        return self.open(self.seller(job))

    async def other_account(self, job: Job) -> OtherAccount | None:
        """Return whose job it is if nobody may be asked about it from here; None if it is of the account set now."""
        info = self.seller(job)
        if Account.of(job) == self.account_at(info):
            return None
        if self._store is not None and await self._store.read(partial(self._is_ours, job=job)):
            return None
        return other_account(job, info, self.account_at(info), self.malformed_keys.get(info.name))

    def _is_ours(self, connection: Connection, job: Job) -> bool:
        bought, here = Account.of(job), self.account_at(self.seller(job))
        return bought == here or is_same(connection, bought, here)

    def open_here(self, connection: Connection) -> list[Job]:
        """Load every open job that this process can do something for, oldest first."""
        return [job for job in job_records.unfinished(connection) if self._can_follow(connection, job)]

    def _can_follow(self, connection: Connection, job: Job) -> bool:
        if job.state not in _ASKED_ABOUT:
            return job.owner != WORKERS  # that waits for a worker
        return job.provider in self.catalog.providers and self._is_ours(connection, job)

    async def waits_for(self, job: Job) -> OtherAccount | None:
        """Name which key a job waits for; None if it can be followed from here, or nobody has to be asked about it."""
        if job.state not in _ASKED_ABOUT or job.provider not in self.catalog.providers:
            return None
        return await self.other_account(job)

    async def found_task(self, job: Job, task_id: str) -> FoundTask:
        """
        Look for a job's task whose id a person found.

        Raises:
            InvalidRequest: there is no such task, or another one is the job's.
            OtherAccount, ConfigError: see `open_for`.
        """
        provider = await self.open_for(job)
        return await look_up(job, task_id, self.offer(job), provider=provider, store=self._store)

    async def link(self, job: Job) -> str | None:
        """Return the link to a finished job's video that another provider may be handed; None if there is none."""
        if self._store is None:
            return None
        age = await self._store.read(lambda connection: elapsed_time.age(connection, job, "remote_done_at"))
        found = link_of(job, settings=self._settings, now=self._store.clock(), age=age)
        return None if found is None or await self.other_account(job) else found

    def account(self, info: ProviderInfo) -> str:
        """Return the fingerprint of the account that is set for a provider; see `accounts.fingerprint`."""
        return fingerprint(key_of(self._settings, info))

    def account_at(self, info: ProviderInfo) -> Account:
        """Return the account that is bought with now, and its address. What draws placeholders has no address that counts."""
        if info.name not in self._accounts:
            place = self._settings.base_url(info.name) or info.base_url
            self._accounts[info.name] = Account(
                provider=info.name,
                fingerprint=self.account(info),
                address=None if info.placeholder else written(place),
            )
        return self._accounts[info.name]

    async def is_mine(self, provider: str, account: str, address: str | None) -> bool:
        """
        Return whether this process buys with the account of this fingerprint, at this address.

        Of an account that nobody noted (""): whether it can buy there at all. What has left the catalogue is anybody's.
        """
        if provider not in self.catalog.providers:
            return True
        info = self.catalog.provider(provider)
        if not account:
            return self.is_ready(info)
        bought, here = Account(provider=provider, fingerprint=account, address=address), self.account_at(info)
        if bought == here or self._store is None:
            return bought == here
        return await self._store.read(partial(is_same, one=bought, other=here))

    def accounts(self) -> str:
        """Return one word for all accounts whose keys are set and where they are reached: what this process can follow."""
        known = [
            self.account_at(info) for info in self.catalog.providers.values() if key_of(self._settings, info)
        ]
        return short_digest(repr(known))

    def carrier(self) -> Carrier:
        """
        Return what carries local files to providers that read only from URLs.

        Raises:
            ConfigError: none is set, or the one that is set cannot be used.
        """
        return open_carrier(self._settings, self.catalog, open_provider=self.open, account=self.account)

    def seller(self, job: Job) -> ProviderInfo:
        """Return the provider that a job was bought from. Raises ConfigError if it has left the catalogue."""
        try:
            return self.catalog.provider(job.provider)
        except InvalidRequest as error:
            raise _left_the_catalogue(job, error) from None

    def offer(self, job: Job) -> Offer:
        """
        Return the offer that a job was bought from, also when it is no longer on sale.

        Raises ConfigError if the catalogue no longer has it.
        """
        try:
            return self.catalog.offer(job.provider, job.model, retired=True)
        except InvalidRequest as error:
            raise _left_the_catalogue(job, error) from None

    def not_as_ordered(self, job: Job) -> str | None:
        """Describe what of a job's file, or of the model that its provider names, is not as ordered; None: nothing."""
        from ...catalog import not_as_ordered, other_model  # read on first use, not when the server starts

        model = other_model(job.endpoint, job.said_model)
        if job.artifacts is None or job.state is not JobState.DONE:
            return model
        try:
            offer = self.offer(job)
        except ConfigError:
            offer = None  # the catalogue has lost it since
        return "; ".join(filter(None, (not_as_ordered(job.request, job.artifacts, offer), model))) or None

    async def close(self) -> None:
        """Close every adapter that was opened. Never raises: nothing is lost by a connection that does not close well."""
        for name, provider in self._open.items():
            try:
                await provider.close()
            except Exception:
                logger.exception("the connections to %s could not be closed", name)
        self._open.clear()


def _left_the_catalogue(job: Job, error: InvalidRequest) -> ConfigError:
    """What stands in the way of a job whose provider or model the catalogue has lost: no argument of any call."""
    return ConfigError(
        f"{error.message} The job was bought there, as {job.model} at {job.provider}.",
        hint="It waits and stays counted. Put the lines of the SEEDANCE_CATALOG file back with which it was bought,"
        " then start the server again.",
    )


def _kept_share(info: ProviderInfo) -> float:
    return info.result_hours * 3600 * _KEPT_SHARE
