"""Prices that an administrator has to agree to, and the record of what administrators have answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from ...audience import audience
from ...config import Settings, command
from ...errors import ApprovalRefused, ApprovalRequired
from ...types import JobState, Price, Question
from .. import job_records
from ..database import Connection, in_parts, marks
from ..money.ledger import from_micros, to_micros
from ..scoped import own, seen
from .consents import VALID_SECONDS, Consent, as_json, digest_of, within

Answer = Literal["agreed", "refused", "bought"]
"""What is recorded: an agreement, a no, and that something was bought because an administrator agreed."""

_FREE = "used_at IS NULL AND ended_at IS NULL AND approved_at IS NULL AND declined_at IS NULL AND at > ? AND steady > ?"


@dataclass(frozen=True, kw_only=True)
class Approval:
    """
    What an administrator has answered, or what was bought on that; `at` in seconds since the epoch.

    `person` is whose purchase it is about, `administrator` who agreed; either is empty for whoever runs the installation.
    `job_id`, of what was bought, may be a film's. `unbought` is how that job ended, if it did so with nothing bought.
    """

    at: float
    person: str
    administrator: str
    answer: Answer
    usd: Decimal
    job_id: str | None
    unbought: JobState | None = None


def needed(price: Price, settings: Settings) -> bool:
    """Return whether an administrator has to agree to this price."""
    above = settings.approve_above_usd
    return above is not None and (not price.known or price.usd > above)


def given_beforehand(connection: Connection, consent: Consent, settings: Settings, now: float) -> bool:
    """
    Return whether a person who says beforehand that they agree may agree to this price.

    What is bought on an administrator's own word so is put on record.
    """
    if not needed(consent.question.price, settings):
        return True
    if not connection.scope.administers:
        return False
    note_bought(connection, consent, connection.scope.person, None, now)
    return True


def note(connection: Connection, approval: Approval, question: str | None = None) -> None:
    """Put on record what an administrator has answered, or what was bought on that; `question` is the hash of its code."""
    micros = to_micros(approval.usd)
    connection.execute(
        "INSERT INTO approvals (at, person, administrator, answer, usd_micros, job_id, question)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            *(approval.at, approval.person, approval.administrator, approval.answer, micros),
            *(approval.job_id, question),
        ),
    )


def note_bought(connection: Connection, consent: Consent, by: str, question: str | None, now: float) -> None:
    """Put on record that what the consent is about is bought on the agreement of this administrator."""
    bought = Approval(
        at=now,
        person=connection.scope.person,
        administrator=by,
        answer="bought",
        usd=consent.question.price.usd,
        job_id=consent.job_id,
    )
    note(connection, bought, question)


def note_carried(connection: Connection, consent: Consent, now: float) -> None:
    """
    Put on record that the consent is to what an administrator's agreement buys after all, another provider having refused it.

    Who has agreed is who had to the first of them; nothing is noted where that was nobody.
    """
    mine, whose = own(connection)
    tried = consent.instead_of
    row = connection.execute(
        "SELECT administrator, question FROM approvals WHERE answer = 'bought'"  # noqa: S608  only names
        f" AND job_id IN (SELECT id FROM jobs WHERE fingerprint IN ({marks(tried)})) AND {mine} ORDER BY seq DESC LIMIT 1",
        (*tried, *whose),
    ).fetchone()
    if row is not None:
        note_bought(connection, consent, row[0], row[1], now)


def note_answer(connection: Connection, key: str, answer: Answer, *, now: float) -> None:
    """Put on record what whoever administers answers to the question with this hash, if it waits for one of them."""
    if not connection.scope.administers:
        return
    mine, whose = seen(connection)
    row = connection.execute(
        f"SELECT person, usd_micros FROM confirmations WHERE token_hash = ? AND code IS NOT NULL AND {mine}",  # noqa: S608  only names
        (key, *whose),
    ).fetchone()
    if row is not None:
        person, micros = row
        by, usd = connection.scope.person, from_micros(micros)
        given = Approval(at=now, person=person, administrator=by, answer=answer, usd=usd, job_id=None)
        note(connection, given, key)


def is_agreed(connection: Connection, code: str) -> bool:
    """Do what `is_agreed_by_hash` does, for the question of this code."""
    return is_agreed_by_hash(connection, digest_of(code))


def is_agreed_by_hash(connection: Connection, key: str) -> bool:
    """
    Return whether the question with this hash was agreed to before by somebody of no fewer rights than who asks here.

    An agreement that was taken back, or that was for a call alone, is none.
    """
    mine, whose = seen(connection)
    row = connection.execute(
        "SELECT approved_by IS NOT NULL FROM confirmations"  # noqa: S608  only names
        f" WHERE token_hash = ? AND approved_at IS NOT NULL AND NOT for_call AND {mine}",
        (key, *whose),
    ).fetchone()
    return row is not None and (bool(row[0]) or not connection.scope.administers)


def may_answer(connection: Connection, key: str) -> bool:
    """Return whether who writes may agree to the question with this hash."""
    if connection.scope.administers:
        return True
    mine, whose = own(connection)
    return (
        connection.execute(
            f"SELECT 1 FROM confirmations WHERE token_hash = ? AND code IS NULL AND {mine}",  # noqa: S608  only names
            (key, *whose),
        ).fetchone()
        is not None
    )


def open_code(connection: Connection, consent: Consent, now: float) -> str | None:
    """Return the id of the same question if it waits for an administrator already; None if it does not."""
    mine, whose = own(connection)
    row = connection.execute(
        f"SELECT code FROM confirmations WHERE fingerprint = ? AND {mine} AND code IS NOT NULL AND {_FREE}"  # noqa: S608  only names
        " AND question = ? ORDER BY rowid DESC",
        (
            consent.fingerprint,
            *whose,
            *within(connection, VALID_SECONDS, now),
            as_json().dump_json(consent.question).decode(),
        ),
    ).fetchone()
    return None if row is None else row[0]


def check_not_refused(connection: Connection, keys: Sequence[str], question: Question, now: float) -> None:
    """Raise ApprovalRefused if an administrator has said no, within 15 minutes, to one of the questions with these hashes."""
    since, since_steady = within(connection, VALID_SECONDS, now)
    for some in in_parts(list(keys)):
        row = connection.execute(
            f"SELECT 1 FROM confirmations WHERE token_hash IN ({marks(some)})"  # noqa: S608  only marks
            " AND (declined_at BETWEEN ? AND ? OR declined_steady > ?)"
            " AND token_hash IN (SELECT question FROM approvals WHERE answer = 'refused') LIMIT 1",
            (*some, since, now, since_steady),
        ).fetchone()
        if row is not None:
            raise ApprovalRefused(
                f"An administrator has said no to this. Nothing was bought. {question.sentence}",
                hint="Tell the person, and do not ask again by yourself: for 15 minutes no new question is put. estimate_cost"
                " and plan_film find cheaper ways.",
            )


def required(question: Question, code: str, settings: Settings) -> ApprovalRequired:
    """Describe that a purchase waits for an administrator, and what to do until then."""
    assert settings.approve_above_usd is not None
    address = audience().board
    board = f"the board at {address}" if address else "its board"
    return ApprovalRequired(
        f"This waits for an administrator to agree: question {code}. Nothing is bought before. {question.sentence}",
        token=None,
        hint=f"Tell the person. Whoever administers the server agrees on {board}, or whoever runs the installation runs"
        f" `{command(f'approve {code}', settings)}` in a terminal, within 15 minutes; no answer of the person's or of yours"
        " stands for that. Then call again with the same arguments, and the same request_key if there is one: it is bought"
        " then, once, for no more than this. Until then the same call tells that it still waits, or that they said no.",
        question=question.text,
        approval=code,
        remarks=question.remarks,
    )


def of_any(connection: Connection, ids: Sequence[str]) -> Approval | None:
    """Return on whose agreement one of these jobs or films was bought; None where no administrator had to agree."""
    mine, whose = seen(connection)
    row = connection.execute(
        "SELECT at, person, administrator, answer, usd_micros, job_id FROM approvals"  # noqa: S608  only names and marks
        f" WHERE job_id IN ({marks(ids)}) AND {mine} ORDER BY seq DESC LIMIT 1",
        (*ids, *whose),
    ).fetchone()
    return None if row is None else _approval(row)


def recent(connection: Connection, limit: int) -> list[Approval]:
    """List what administrators have answered and what was bought on that, newest first."""
    mine, whose = seen(connection)
    rows = connection.execute(
        "SELECT at, person, administrator, answer, usd_micros, job_id FROM approvals"  # noqa: S608  only names
        f" WHERE {mine} ORDER BY seq DESC LIMIT ?",
        (*whose, limit),
    )
    found = [_approval(row) for row in rows]
    jobs = job_records.named(connection, [one.job_id for one in found if one.job_id])
    return [
        replace(one, unbought=jobs[one.job_id].state)
        if one.job_id in jobs and jobs[one.job_id].never_bought
        else one
        for one in found
    ]


def _approval(row: tuple[float, str, str, Answer, int, str | None]) -> Approval:
    at, person, administrator, answer, micros, job_id = row
    return Approval(
        at=at,
        person=person,
        administrator=administrator,
        answer=answer,
        usd=from_micros(micros),
        job_id=job_id,
    )
