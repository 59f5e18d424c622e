"""Whether videos can be put into the object store: its settings and its key, as the check-up sees them."""

from __future__ import annotations

from functools import partial

import anyio

from ...config import Settings
from ...errors import ConfigError
from .findings import Finding

_NOTHING = "doctor/nothing"
"""The name of an object that nobody puts there."""

_SECONDS = 15


async def look_at_object_store(settings: Settings, *, network: bool) -> list[Finding]:
    """
    Ask the store for an object that is not there: by how it says so, it has taken the key.

    Nothing is found where no store is set. One that cannot be used keeps no video from being made.
    """
    if settings.object_store is None:
        return []
    from ...objects import ObjectStore, ObjectStoreError, access_of

    finding = partial(Finding, area="settings", subject="object store")
    try:
        access = access_of(settings)
    except ConfigError as error:
        return [finding(verdict="warning", text=error.message, hint=error.hint)]
    assert access is not None
    store = ObjectStore(access)
    if not network:
        return [finding(verdict="ok", text=f"{store.place}; its key is set")]
    try:
        with anyio.fail_after(_SECONDS):
            await store.digest(_NOTHING)
    except TimeoutError:
        return [finding(verdict="warning", text=f"{store.place} does not answer", hint=_MEANWHILE)]
    except ObjectStoreError as error:
        if error.reason != "NoSuchKey":
            hint = f"{error.hint} {_MEANWHILE}".strip()
            return [finding(verdict="warning", text=error.message, hint=hint)]
    return [finding(verdict="ok", text=f"{store.place} takes the key")]


_MEANWHILE = "Videos are saved on this machine meanwhile, and put there later."
