"""The agreement that a person gives in a dialogue while a call waits for it: it counts in that call and ends with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import anyio

from . import confirmation
from .orders import Started
from .store import Store
from .troubles import Troubles


async def agreed_within_call(
    code: str | None, start: Callable[[], Awaitable[Started]], *, store: Store, troubles: Troubles
) -> Started:
    """
    Start what a person has agreed to under this code, and end the agreement with that, whatever comes of it.

    If the process dies before, only the same call with the same answer can use what is left of it. Raises what
    `start` raises. Without a code nobody was asked within the call.
    """
    if code is None:
        return await start()
    job_id = None
    try:
        await store.write(partial(confirmation.approve, code=code, now=store.clock(), for_call=True))
        started = await start()
        job_id = started.job.id
        return started
    finally:
        # Also when the call is cancelled: nobody is left then who could ask for what was agreed to.
        with anyio.CancelScope(shield=True), troubles.contained("Ending the agreement of a call"):
            await store.write(partial(confirmation.end, code=code, job_id=job_id, now=store.clock()))
