"""Prices that a person has to agree to: who may agree, for how long, and how far an assistant's word goes."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from pydantic import TypeAdapter

from ..config import Confirm, Settings
from ..errors import ConfirmationRequired
from ..types import Price, Signer
from . import steady
from .journal import NOT_BOUGHT
from .ledger import from_micros, to_micros
from .questions import Question
from .store import Connection

VALID_SECONDS = 15 * 60.0
"""For so long a question stays open, an agreement to it holds, and a no to it is remembered."""

_KEPT_SECONDS = 24 * 3600.0
"""Questions of which nothing can come any more are forgotten, with the words of the prompt that they quote."""

_HOUR = 3600.0
_SAME_IN_AN_HOUR = 3
"""So often the very same request is bought within an hour without a question, whatever it costs and whoever asks."""


@dataclass(frozen=True, kw_only=True)
class Consent:
    """
    What has to be agreed to, and what the call brings along for that.

    `token` is what an assistant hands back. `carried` tells who has agreed to a price of the same order, at
    another provider, that was no lower than this one.
    """

    fingerprint: str
    question: Question
    token: str | None
    carried: Signer | None


def needed(price: Price, *, mode: Confirm, above_usd: Decimal) -> bool:
    """Tell whether a person has to agree to this price."""
    return mode != "off" and (not price.known or price.usd > above_usd)


def repeated(connection: Connection, digests: Collection[str], same: Collection[str], now: float) -> str:
    """
    Say how often the very same request was bought within the last hour, if that is why a person has to be asked.

    `digests` are what other jobs for it may stand for, `same` the ids of those that are known by themselves (see
    `repeats`).
    """
    (count,) = connection.execute(
        "SELECT COUNT(*) FROM jobs JOIN ledger ON ledger.job_id = jobs.id AND kind = 'reserve'"
        " WHERE usd_micros > 0 AND reserved_at > ? AND steady > ? AND state NOT IN (SELECT value FROM json_each(?))"
        " AND (fingerprint IN (SELECT value FROM json_each(?)) OR jobs.id IN (SELECT value FROM json_each(?))"
        " OR jobs.id IN (SELECT job_id FROM stand_ins WHERE fingerprint IN (SELECT value FROM json_each(?))))",
        (
            *_within(connection, _HOUR, now),
            json.dumps(sorted(NOT_BOUGHT)),
            json.dumps(list(digests)),
            json.dumps(list(same)),
            json.dumps(list(digests)),
        ),
    ).fetchone()
    return (
        f"The very same was bought {count} times within the last hour." if count >= _SAME_IN_AN_HOUR else ""
    )


def agreed(
    connection: Connection, consent: Consent, *, settings: Settings, now: float
) -> Signer | ConfirmationRequired:
    """
    Use up the agreement to this purchase, if there is one, and tell whose it is; else put the question on record.

    An agreement holds for 15 minutes, once, for the same request at no higher a price; one to a known price does
    not cover an unknown one. The question is returned, not raised: raising would undo its own record.
    """
    price = consent.question.price
    why_not = _why_only_a_person(connection, consent, settings, now)
    if consent.carried == "person" or (consent.carried == "assistant" and why_not is None):
        return consent.carried
    row = connection.execute(
        "SELECT token_hash, approved_at IS NOT NULL FROM confirmations"
        " WHERE fingerprint = ? AND used_at IS NULL AND at > ? AND steady > ? AND usd_micros >= ?"
        " AND (? OR NOT json_extract(question, '$.price.known'))"
        " AND (approved_at IS NOT NULL OR (? AND NOT person_only AND token_hash = ?))"
        " ORDER BY approved_at IS NULL LIMIT 1",
        (
            consent.fingerprint,
            *_within(connection, VALID_SECONDS, now),
            to_micros(price.usd),
            price.known,
            why_not is None,
            _digest(consent.token or ""),
        ),
    ).fetchone()
    if row is None:
        return _ask(connection, consent, why_not, now)
    token_hash, by_the_person = row
    connection.execute("UPDATE confirmations SET used_at = ? WHERE token_hash = ?", (now, token_hash))
    return "person" if by_the_person else "assistant"


def asked(connection: Connection, code: str, *, now: float) -> Question | None:
    """Give the open question of this code; None if it is unknown, used up, or older than 15 minutes."""
    row = connection.execute(
        "SELECT question FROM confirmations"
        " WHERE token_hash = ? AND used_at IS NULL AND at > ? AND steady > ? AND question IS NOT NULL",
        (_digest(code), *_within(connection, VALID_SECONDS, now)),
    ).fetchone()
    return None if row is None else _adapter().validate_json(row[0])


def approve(connection: Connection, code: str, *, now: float) -> bool:
    """Note that the person agrees. False if the question is no longer open."""
    if asked(connection, code, now=now) is None:
        return False
    connection.execute("UPDATE confirmations SET approved_at = ? WHERE token_hash = ?", (now, _digest(code)))
    return True


def decline(connection: Connection, code: str, *, now: float) -> None:
    """
    Note a no to this question: from now on no assistant's word counts for that request, for 15 minutes.

    The person can still agree, by the code.
    """
    connection.execute(
        "UPDATE confirmations SET declined_at = ?, declined_steady = ?, person_only = 1 WHERE used_at IS NULL"
        " AND fingerprint = (SELECT fingerprint FROM confirmations WHERE token_hash = ?)",
        (now, steady.note(connection), _digest(code)),
    )


def _within(connection: Connection, seconds: float, now: float) -> tuple[float, float]:
    """From when on a moment lies within so many seconds: by the clock on the wall, and as `steady` counts."""
    return now - seconds, steady.passed(connection) - seconds


@cache
def _adapter() -> TypeAdapter[Question]:
    return TypeAdapter(Question)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _ask(connection: Connection, consent: Consent, why_not: str | None, now: float) -> ConfirmationRequired:
    question, code = consent.question, secrets.token_hex(4)
    # By both clocks: one that is set forward must not make a no forgotten.
    connection.execute(
        # A question can be answered long after it was put: then it is the answer that must not be forgotten.
        "DELETE FROM confirmations"
        " WHERE max(at, coalesce(declined_at, at)) < ? AND max(steady, coalesce(declined_steady, steady)) < ?",
        _within(connection, _KEPT_SECONDS, now),
    )
    connection.execute(
        "INSERT INTO confirmations (token_hash, fingerprint, usd_micros, at, question, person_only, steady)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            _digest(code),
            consent.fingerprint,
            to_micros(question.price.usd),
            now,
            _adapter().dump_json(question).decode(),
            why_not is not None,
            steady.note(connection),
        ),
    )
    approve_it = f"run `seedance-mcp approve {code}` in a terminal within 15 minutes"
    if why_not is None:
        hint = (
            "Put this question to the person. When they agree, call again with the same arguments and"
            f" confirm_token={code!r}; or they {approve_it}, and you call again."
        )
    else:
        hint = f"Ask the person to {approve_it}, then call again with the same arguments."
    return ConfirmationRequired(
        " ".join(part for part in ("A person has to agree first.", why_not, question.sentence) if part),
        token=code if why_not is None else None,
        hint=hint,
        question=question.text,
        approval=code,
        advice=question.notes,
    )


def _why_only_a_person(
    connection: Connection, consent: Consent, settings: Settings, now: float
) -> str | None:
    """Say why no assistant's word counts for this (nothing, if the settings are why), or None: it counts."""
    if settings.confirm != "ask":
        return ""
    (declined,) = connection.execute(
        # By either clock: a no that a clock makes look old, or still to come, was said all the same.
        "SELECT COUNT(*) FROM confirmations WHERE fingerprint = ?"
        " AND (declined_at BETWEEN ? AND ? OR declined_steady > ?)",
        (consent.fingerprint, now - VALID_SECONDS, now, steady.passed(connection) - VALID_SECONDS),
    ).fetchone()
    if declined:
        return (
            "The question was answered with no a short while ago, so only the person's own agreement counts."
        )
    bought = bought_on_a_word(connection, now)
    if bought + to_micros(consent.question.price.usd) > to_micros(settings.ask_limit_usd):
        return (
            f"Within the last hour {from_micros(bought):.2f} USD were spent on an assistant's word that the person"
            f" agreed; with this one that would pass SEEDANCE_ASK_LIMIT_USD ({settings.ask_limit_usd:.2f} USD), so"
            " only the person's own agreement counts."
        )
    return None


def bought_on_a_word(connection: Connection, now: float) -> int:
    """Sum up what counts as spent on an assistant's word alone within the last hour, in micro-USD."""
    (micros,) = connection.execute(
        "SELECT COALESCE(SUM(usd_micros), 0) FROM ledger JOIN jobs ON jobs.id = ledger.job_id"
        " WHERE reserved_at > ? AND steady > ? AND json_extract(document, '$.agreed_by') = 'assistant'",
        _within(connection, _HOUR, now),
    ).fetchone()
    return micros
