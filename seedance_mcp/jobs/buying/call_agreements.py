"""The agreement that a person gives in a dialogue while a call waits for it: it counts in that call and ends with it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from functools import partial

import anyio

from ...store import confirmations
from ..context import JobContext


@dataclass
class CallAgreement:
    """A call within which a person may have agreed; `job_id` is the job that it came to, None as long as there is none."""

    job_id: str | None = None


@contextlib.asynccontextmanager
async def agreed_within_call(code: str | None, context: JobContext) -> AsyncGenerator[CallAgreement]:
    """
    Let what a person has agreed to under this code count inside, and end the agreement with that, whatever comes of it.

    If the process dies before, only the same call with the same answer can use what is left of it. Without a code
    nobody was asked within the call.
    """
    call = CallAgreement()
    if code is None:
        yield call
        return
    store = context.store
    try:
        await store.write(partial(confirmations.approve, code=code, now=store.clock(), for_call=True))
        yield call
    finally:
        # Also when the call is cancelled: nobody is left then who could ask for what was agreed to.
        with anyio.CancelScope(shield=True), context.incidents.contained("Ending the agreement of a call"):
            await store.write(partial(confirmations.end, code=code, job_id=call.job_id, now=store.clock()))
