"""The questions that wait for a person, and what the person answers."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial

from ...store import (
    Approval,
    Connection,
    Declined,
    Store,
    WaitingQuestion,
    approvals,
    confirmations,
    waiting_questions,
)
from ...types import Question


@dataclass(frozen=True, kw_only=True)
class Answered:
    """
    What became of an answer: `taken`, or not, because the price is another by now, or the question is closed.

    `question` is the question as it is now, if it still waits. With `not_theirs` it waits for an administrator, and who
    agrees is none.
    """

    taken: bool
    question: WaitingQuestion | None
    not_theirs: bool = False


class Questions:
    """The prices that a person was asked about; each has a code, and is open for 15 minutes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._key = secrets.token_bytes(32)

    async def find(self, code: str) -> Question | None:
        """Return what a person was asked under this code; None if it is unknown, used up, or older than 15 minutes."""
        return await self._store.read(partial(confirmations.asked, code=code, now=self._store.clock()))

    async def approve(self, code: str) -> bool:
        """Note that the person agrees to what was asked under this code. False if the question is no longer open."""
        return await self._store.write(partial(confirmations.approve, code=code, now=self._store.clock()))

    async def is_agreed(self, code: str) -> bool:
        """Return whether what was asked under this code was agreed to already; see `approvals.is_agreed`."""
        return await self._store.read(partial(approvals.is_agreed, code=code))

    async def decline(self, code: str) -> Declined | None:
        """Note a no to what was asked under this code; see `confirmations.decline`."""
        return await self._store.write(partial(confirmations.decline, code=code, now=self._store.clock()))

    async def answered_by_administrators(self, limit: int) -> list[Approval]:
        """List what administrators have answered, and what was bought on that, newest first."""
        return await self._store.read(partial(approvals.recent, limit=limit))

    async def agreed_by_administrator(self, ids: Sequence[str]) -> Approval | None:
        """Return on whose agreement one of these jobs or films was bought; None where no administrator had to agree."""
        return await self._store.read(partial(approvals.of_any, ids=ids))

    async def bought_on(self, code: str) -> str | None:
        """Name the job that was bought on an agreement to the question of this code; None if nothing was."""
        return await self._store.read(partial(confirmations.bought_on, code=code))

    async def waiting(self) -> list[WaitingQuestion]:
        """
        List the questions that nobody has answered yet, whichever process put them, newest first.

        The `key` of each is a name that only this process can tell anything by: no code, and no way to one.
        """
        return await self._store.read(self._waiting)

    async def answer(self, key: str, *, agrees: bool, usd: Decimal) -> Answered:
        """
        Note a person's answer to the question that `waiting` names so, if this is the price that it asks about.

        A yes is the same as `approve` with its code, a no the same as `decline`. Each question is answered once.
        """
        return await self._store.write(partial(self._answer, key=key, agrees=agrees, usd=usd))

    def _waiting(self, connection: Connection) -> list[WaitingQuestion]:
        found = waiting_questions.waiting(connection, now=self._store.clock())
        return [replace(one, key=self._name(one.key)) for one in found]

    def _answer(self, connection: Connection, *, key: str, agrees: bool, usd: Decimal) -> Answered:
        now = self._store.clock()
        for question in waiting_questions.waiting(connection, now=now):
            if self._name(question.key) != key:
                continue
            if question.question.price.usd != usd:
                return Answered(taken=False, question=replace(question, key=key))
            if not agrees:
                confirmations.decline_by_hash(connection, question.key, now=now)
            elif not confirmations.approve_by_hash(connection, question.key, now=now):
                return Answered(taken=False, question=replace(question, key=key), not_theirs=True)
            return Answered(taken=True, question=None)
        return Answered(taken=False, question=None)

    def _name(self, key: str) -> str:
        return f"q_{hmac.new(self._key, key.encode(), hashlib.sha256).hexdigest()[:24]}"
