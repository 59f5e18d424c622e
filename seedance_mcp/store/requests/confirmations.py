"""Prices that a person has to agree to: who may agree, for how long, and how far an assistant's word goes."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from pydantic import TypeAdapter

from ...config import Confirm, Settings, command
from ...errors import ConfirmationRequired
from ...texts import digits
from ...types import EVERYBODY, Job, Price, Question, Signer, Wanted, is_same_video
from .. import elapsed_time, job_records, transitions
from ..database import Connection, in_parts, marks
from ..money.assistants_word import bought_on_a_word
from ..money.ledger import from_micros, to_micros
from ..scoped import own, seen

VALID_SECONDS = 15 * 60.0
"""For so long a question stays open, an agreement to it holds, and a no to it is remembered."""

_KEPT_SECONDS = 24 * 3600.0
"""Questions of which nothing can come any more are forgotten, with the words of the prompt that they quote."""


@dataclass(frozen=True, kw_only=True)
class Consent:
    """
    What has to be agreed to, and what the call brings along for that.

    `token` is what an assistant hands back; `agreed_to` is the code of the question that was answered with yes within
    this very call. `carried` tells who has agreed to a price of the same order, at another provider, that was no
    lower than this one. `job_id` is the job that would be bought, `asked` the digest of what is asked for and
    `wanted` the same in the form that is compared.
    """

    fingerprint: str
    question: Question
    token: str | None
    agreed_to: str | None
    carried: Signer | None
    job_id: str
    asked: str | None
    wanted: Wanted | None


@dataclass(frozen=True, kw_only=True)
class Declined:
    """
    What a no was about, and what it came too late for.

    `job_id` is the job that was bought on an agreement to this very question, `earlier` the newest one that was
    bought on another agreement to the same request; None where nothing was.
    """

    question: Question | None
    job_id: str | None
    earlier: str | None


def needed(price: Price, *, mode: Confirm, above_usd: Decimal) -> bool:
    """Return whether a person has to agree to this price."""
    return mode != "off" and (not price.known or price.usd > above_usd)


def agreed(
    connection: Connection, consent: Consent, *, settings: Settings, now: float
) -> Signer | ConfirmationRequired:
    """
    Use up the agreement to this purchase, if there is one, and tell whose it is; else put the question on record.

    An agreement holds for 15 minutes, once, for the same request at no higher a price; one to a known price does
    not cover an unknown one, and one that was given within a call counts in that call alone. The question is
    returned, not raised: raising would undo its own record.
    """
    price = consent.question.price
    given = _digest(consent.agreed_to or "")
    why_not = _why_only_a_person(connection, consent, settings, now)
    if consent.carried == "person" or (consent.carried == "assistant" and why_not is None):
        connection.execute(
            "UPDATE confirmations SET job_id = ? WHERE token_hash = ? AND used_at IS NOT NULL",
            (consent.job_id, given),
        )
        return consent.carried
    mine, whose = own(connection)
    rows = connection.execute(
        "SELECT token_hash, signed, question FROM (SELECT rowid AS number, token_hash, question, person_only,"  # noqa: S608  only names
        " approved_at IS NOT NULL AND (NOT for_call OR token_hash = ?) AS signed FROM confirmations"
        f" WHERE fingerprint = ? AND {mine} AND used_at IS NULL AND ended_at IS NULL AND at > ? AND steady > ?"
        " AND usd_micros >= ?)"
        " AS held WHERE signed OR (? AND NOT person_only AND token_hash = ?)"
        " ORDER BY token_hash = ? DESC, signed DESC, number",
        (
            *(
                given,
                consent.fingerprint,
                *whose,
                *_within(connection, VALID_SECONDS, now),
                to_micros(price.usd),
            ),
            *(why_not is None, _digest(consent.token or ""), given),
        ),
    )
    found = next((row for row in rows.fetchall() if price.known or _of_unknown_price(row[2])), None)
    if found is None:
        return _ask(connection, consent, why_not, settings=settings, now=now)
    token_hash, by_a_person, _ = found
    connection.execute(
        "UPDATE confirmations SET used_at = ?, job_id = ? WHERE token_hash = ?",
        (now, consent.job_id, token_hash),
    )
    return "person" if by_a_person else "assistant"


def asked(connection: Connection, code: str, *, now: float) -> Question | None:
    """Return the open question of this code; None if it is unknown, used up, or older than 15 minutes."""
    mine, whose = seen(connection)
    row = connection.execute(
        "SELECT question FROM confirmations WHERE token_hash = ? AND used_at IS NULL AND ended_at IS NULL"  # noqa: S608  only names
        f" AND at > ? AND steady > ? AND question IS NOT NULL AND {mine}",
        (_digest(code), *_within(connection, VALID_SECONDS, now), *whose),
    ).fetchone()
    return None if row is None else _adapter().validate_json(row[0])


def approve(connection: Connection, code: str, *, now: float, for_call: bool = False) -> bool:
    """
    Note that the person agrees: for one purchase by whoever asks for it or, with `for_call`, by one call alone.

    False if the question is no longer open. That call brings the code, and has to `end` the agreement.
    """
    if asked(connection, code, now=now) is None:
        return False
    connection.execute(
        # What was agreed to in a terminal as well stays agreed to, whatever becomes of the call.
        "UPDATE confirmations SET approved_at = ?, for_call = ? AND (for_call OR approved_at IS NULL)"
        " WHERE token_hash = ?",
        (now, for_call, _digest(code)),
    )
    return True


def end(connection: Connection, code: str, job_id: str | None, *, now: float) -> None:
    """
    End the agreement that was given for a call alone, if the call has not used it up.

    `job_id` is the job that the call came to all the same.
    """
    mine, whose = own(connection)
    connection.execute(
        # A call can bring an answer to the question about another request.
        "UPDATE confirmations SET ended_at = ?,"  # noqa: S608  only names
        " job_id = (SELECT job_id FROM stand_ins WHERE stand_ins.job_id = ? AND fingerprint = asked)"
        f" WHERE token_hash = ? AND for_call AND used_at IS NULL AND ended_at IS NULL AND {mine}",
        (now, job_id, _digest(code), *whose),
    )


def came_to(connection: Connection, code: str, digest: str | None) -> Job | None:
    """Return the job that the agreement under this code came to, if that was asked for with this `digest_of_asked`."""
    mine, whose = own(connection)
    row = connection.execute(
        "SELECT job_id FROM confirmations WHERE token_hash = ? AND asked = ? AND job_id IS NOT NULL"  # noqa: S608  only names
        f" AND {mine}",
        (_digest(code), digest, *whose),
    ).fetchone()
    return None if row is None else job_records.find(connection, row[0])


def bought_on(connection: Connection, code: str) -> str | None:
    """Name the job that was bought on an agreement to the question of this code; None if nothing was."""
    mine, whose = seen(connection)
    row = connection.execute(
        f"SELECT job_id FROM confirmations WHERE token_hash = ? AND used_at IS NOT NULL AND {mine}",  # noqa: S608  only names
        (_digest(code), *whose),
    ).fetchone()
    return None if row is None else row[0]


def decline(connection: Connection, code: str, *, now: float) -> Declined | None:
    """Note a no to the question of this code; None if it is unknown. See `decline_by_hash`."""
    return decline_by_hash(connection, _digest(code), now=now)


def decline_by_hash(connection: Connection, key: str, *, now: float) -> Declined | None:
    """
    Note a no to the question whose code has this hash; None if it is unknown.

    It takes back every agreement to the same video that is not used up, and from now on no assistant's word counts
    for that video, for 15 minutes, whoever would make it. The person can still agree, by the code.
    """
    mine, whose = seen(connection)
    row = connection.execute(
        f"SELECT person, fingerprint, question, job_id, wanted FROM confirmations WHERE token_hash = ? AND {mine}",  # noqa: S608  only names
        (key, *whose),
    ).fetchone()
    if row is None:
        return None
    person, fingerprint, question, job_id, wanted = row
    same = _same(connection, person, fingerprint, None if wanted is None else _wanted().validate_json(wanted))
    counted = elapsed_time.note(connection)
    for some in in_parts(same):
        connection.execute(
            "UPDATE confirmations SET declined_at = ?, declined_steady = ?, person_only = TRUE,"  # noqa: S608  only marks
            " ended_at = CASE WHEN used_at IS NULL AND for_call AND approved_at IS NOT NULL THEN ? ELSE ended_at END,"
            " approved_at = CASE WHEN used_at IS NULL THEN NULL ELSE approved_at END"
            f" WHERE token_hash IN ({marks(some)}) AND (used_at IS NULL OR token_hash = ?)",
            (now, counted, now, *some, key),
        )
    refused = sorted(transitions.NOT_BOUGHT)
    bought = [
        row
        for some in in_parts([other for other in same if other != key])
        for row in connection.execute(
            "SELECT used_at, job_id FROM confirmations JOIN jobs ON jobs.id = job_id"  # noqa: S608  only marks
            f" WHERE token_hash IN ({marks(some)}) AND state NOT IN ({marks(refused)})",
            (*some, *refused),
        )
    ]
    return Declined(
        question=None if question is None else _adapter().validate_json(question),
        job_id=job_id,
        earlier=max(bought, key=lambda row: row[0] or 0.0)[1] if bought else None,
    )


def _within(connection: Connection, seconds: float, now: float) -> tuple[float, float]:
    """From when on a moment lies within so many seconds: by the clock on the wall, and as `elapsed_time` counts."""
    return now - seconds, elapsed_time.passed(connection) - seconds


def _same(connection: Connection, person: str, fingerprint: str, wanted: Wanted | None) -> list[str]:
    """Name every question of the person about the same video, by its hash: the same plan, or the same wish."""
    rows = connection.execute(
        "SELECT token_hash, fingerprint, wanted FROM confirmations"
        " WHERE person = ? AND (fingerprint = ? OR wanted LIKE ?)",  # which `_is_same` looks at in earnest
        (person, fingerprint, None if wanted is None else f"%{wanted.content}%"),
    ).fetchall()
    return [key for key, planned, then in rows if planned == fingerprint or _is_same(then, wanted)]


def _is_same(then: str | None, now: Wanted | None) -> bool:
    if then is None or now is None:
        return False
    other = _wanted().validate_json(then)
    # Of two ways to write one wish down, either may have come first.
    return is_same_video(other, now) or is_same_video(now, other)


def _of_unknown_price(question: str | None) -> bool:
    return question is not None and not _adapter().validate_json(question).price.known


@cache
def _wanted() -> TypeAdapter[Wanted]:
    return TypeAdapter(Wanted)


@cache
def _adapter() -> TypeAdapter[Question]:
    return TypeAdapter(Question)


def _digest(token: str) -> str:
    # A code may come from anywhere, and as anything.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _ask(
    connection: Connection, consent: Consent, why_not: str | None, *, settings: Settings, now: float
) -> ConfirmationRequired:
    question, code = consent.question, secrets.token_hex(4)
    token_trouble = _token_trouble(connection, consent, now)
    # By both clocks: one that is set forward must not make a no forgotten.
    long_ago, long_ago_steady = _within(connection, _KEPT_SECONDS, now)
    with connection.within(EVERYBODY):  # whosever they were
        connection.execute(
            # A question can be answered long after it was put: then it is the answer that must not be forgotten.
            "DELETE FROM confirmations"
            " WHERE at < ? AND coalesce(declined_at, at) < ? AND steady < ? AND coalesce(declined_steady, steady) < ?",
            (long_ago, long_ago, long_ago_steady, long_ago_steady),
        )
    connection.execute(
        "INSERT INTO confirmations (token_hash, fingerprint, usd_micros, at, question, person_only, steady, asked, wanted,"
        " person) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            _digest(code),
            consent.fingerprint,
            to_micros(question.price.usd),
            now,
            _adapter().dump_json(question).decode(),
            why_not is not None,
            elapsed_time.note(connection),
            consent.asked,
            None if consent.wanted is None else _wanted().dump_json(consent.wanted).decode(),
            connection.scope.person,
        ),
    )
    approve_it = f"run `{command(f'approve {code}', settings)}` in a terminal within 15 minutes"
    if why_not is None:
        hint = (
            "Put this question to the person. When they agree, call again with the same arguments and"
            f" confirm_token={code!r}; or they {approve_it}, and you call again."
        )
    else:
        hint = f"Ask the person to {approve_it}, then call again with the same arguments."
    parts = ("A person has to agree first.", token_trouble, why_not, question.sentence)
    return ConfirmationRequired(
        " ".join(part for part in parts if part),
        token=code if why_not is None else None,
        hint=hint,
        question=question.text,
        approval=code,
        remarks=question.remarks,
    )


def _token_trouble(connection: Connection, consent: Consent, now: float) -> str:
    """Explain why the token that came with the call agrees to nothing; empty if none came."""
    if not consent.token:
        return ""
    mine, whose = own(connection)
    row = connection.execute(
        "SELECT fingerprint = ?, used_at IS NOT NULL OR ended_at IS NOT NULL, at > ? AND steady > ?, usd_micros >= ?"  # noqa: S608  only names
        f" FROM confirmations WHERE token_hash = ? AND {mine}",
        (
            consent.fingerprint,
            *_within(connection, VALID_SECONDS, now),
            to_micros(consent.question.price.usd),
            _digest(consent.token),
            *whose,
        ),
    ).fetchone()
    if row is None:
        return "The confirm_token that was given is unknown, so it counts for nothing."
    same, used, young, enough = row
    if not same:
        why = "was given out for another request: the arguments have to be the same"
    elif used:
        why = "was used already: each is good for one purchase"
    elif not young:
        why = "is older than 15 minutes"
    elif not enough:
        why = "was given out for a lower price"
    else:
        return ""  # it is only that no assistant's word counts, and that is said by itself
    return f"The confirm_token {why}, so it does not count."


def _why_only_a_person(
    connection: Connection, consent: Consent, settings: Settings, now: float
) -> str | None:
    """Explain why no assistant's word counts for this (nothing, if the settings are why), or None: it counts."""
    if settings.confirm != "ask":
        return ""
    declined = any(
        connection.execute(
            # By either clock: a no that a clock makes look old, or still to come, was said all the same.
            f"SELECT 1 FROM confirmations WHERE token_hash IN ({marks(some)})"  # noqa: S608  only marks
            " AND (declined_at BETWEEN ? AND ? OR declined_steady > ?) LIMIT 1",
            (*some, now - VALID_SECONDS, now, elapsed_time.passed(connection) - VALID_SECONDS),
        ).fetchone()
        for some in in_parts(_same(connection, connection.scope.person, consent.fingerprint, consent.wanted))
    )
    if declined:
        return (
            "The question was answered with no a short while ago, so only the person's own agreement counts."
        )
    bought = bought_on_a_word(connection, now)
    if bought + to_micros(consent.question.price.usd) > to_micros(settings.ask_limit_usd):
        return (
            f"Within the last hour {digits(from_micros(bought))} USD were spent on an assistant's word that the person"
            f" agreed; with this one that would pass SEEDANCE_ASK_LIMIT_USD ({digits(settings.ask_limit_usd)} USD), so"
            " only the person's own agreement counts."
        )
    return None
