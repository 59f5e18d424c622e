"""A person's word that an earlier key opens the same account as the one that is set now."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial

from ...errors import ConfigError, InvalidRequest
from ...store import Account, Store, accounts, job_records, say_same, take_back
from ...store.accounts import NO_KEY
from ...types import Job
from .provider_keys import not_by_name
from .provider_pool import ProviderPool

_FORM = re.compile(rf"[0-9a-f]{{8}}|{NO_KEY}")


@dataclass(frozen=True, kw_only=True)
class SameAccount:
    """What was said: the fingerprint of the earlier key, the account set now, and the open jobs that it concerns."""

    earlier: str
    now: Account
    jobs: tuple[Job, ...]


async def join(text: str, provider: str | None, *, pool: ProviderPool, store: Store) -> SameAccount:
    """
    Record that the key with this fingerprint opens the account whose key is set now; its jobs are followed with that.

    It covers jobs that were bought at another address than the one that is set now. `provider` may be left out where
    jobs of one provider alone were bought with the key.

    Raises:
        InvalidRequest: no job was bought with such a key there.
        ConfigError: no key is set there now, or it is malformed.
    """
    earlier, name = await _meant(text, provider, pool=pool, store=store)
    info = pool.catalog.provider(name)
    if name in pool.malformed_keys:
        raise not_by_name(name, pool.malformed_keys[name], setting=False)
    if not pool.ready().get(name):
        raise ConfigError(
            f"No key is set for {name} now ({' or '.join(info.key_variables)}).",
            hint="Set the new key first: from then on it is used for what was bought with the earlier one.",
        )
    now = pool.account_at(info)
    at = store.clock()
    await store.write(partial(say_same, earlier=earlier, now=now, at=at))
    jobs = await store.read(job_records.unfinished)
    concerned = [job for job in jobs if (job.provider, job.account) == (name, earlier)]
    return SameAccount(earlier=earlier, now=now, jobs=tuple(concerned))


async def part(text: str, provider: str | None, *, pool: ProviderPool, store: Store) -> bool:
    """
    Take back every such word about this fingerprint; tells whether there was one.

    Raises:
        InvalidRequest: no job was bought with such a key there.
    """
    earlier, name = await _meant(text, provider, pool=pool, store=store)
    return await store.write(partial(take_back, earlier=earlier, provider=name))


async def _meant(text: str, provider: str | None, *, pool: ProviderPool, store: Store) -> tuple[str, str]:
    """The fingerprint and the provider that a person means."""
    earlier = text.strip().rstrip("….").lower()
    hint = "`seedance-mcp jobs list` says which key a job waits for."
    if not _FORM.fullmatch(earlier):
        raise InvalidRequest([f"{text[:80]!r} is no fingerprint of a key: it has 8 hex digits."], hint=hint)
    sellers = await store.read(partial(accounts.providers_of, fingerprint=earlier))
    known = [name for name in sellers if not pool.catalog.provider(name).placeholder]
    if provider is not None:
        name = pool.catalog.provider(provider).name
        if name not in known:
            raise InvalidRequest([f"No job at {name} was bought with the key {earlier}."], hint=hint)
        return earlier, name
    if not known:
        raise InvalidRequest([f"No job was bought with the key {earlier}."], hint=hint)
    if len(known) > 1:
        raise InvalidRequest(
            [f"Jobs of {' and '.join(known)} were bought with the key {earlier}."],
            hint="Name the one that is meant: --provider NAME.",
        )
    return earlier, known[0]
