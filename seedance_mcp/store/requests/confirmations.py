"""Prices that a person has to agree to: who may agree, for how long, and how far an assistant's word goes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import cache

from pydantic import TypeAdapter

from ...config import Settings, way_to_agree
from ...errors import ConfirmationRequired
from ...texts import digits
from ...types import EVERYBODY, Job, Price, Question, Signer, Wanted, is_same_video
from .. import elapsed_time, job_records, transitions
from ..database import Connection, in_parts, marks
from ..money.assistants_word import bought_on_a_word
from ..money.ledger import from_micros, to_micros
from ..scoped import own, seen
from . import approvals
from .consents import VALID_SECONDS, Consent, as_json, digest_of, within

_KEPT_SECONDS = 24 * 3600.0
"""Questions of which nothing can come any more are forgotten, with the words of the prompt that they quote."""


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


def needed(price: Price, settings: Settings) -> bool:
    """Return whether a person has to agree to this price, be it an administrator."""
    if approvals.needed(price, settings):
        return True
    return settings.confirm != "off" and (not price.known or price.usd > settings.confirm_above_usd)


def agreed(
    connection: Connection, consent: Consent, *, settings: Settings, now: float
) -> Signer | ConfirmationRequired:
    """
    Use up the agreement to this purchase, if there is one, and tell whose it is; else put the question on record.

    An agreement holds for 15 minutes, once, for the same request at no higher a price; one to a known price does
    not cover an unknown one, and one that was given within a call counts in that call alone. Above
    `SEEDANCE_APPROVE_ABOVE_USD` only an administrator's counts. The question is returned, not raised: raising would undo
    its own record.

    Raises:
        ApprovalRefused: an administrator has said no to it.
    """
    price = consent.question.price
    given = digest_of(consent.agreed_to or "")
    by_administrator = approvals.needed(price, settings)
    why_not = "" if by_administrator else _why_only_a_person(connection, consent, settings, now)
    if consent.carried == "person" or (consent.carried == "assistant" and why_not is None):
        connection.execute(
            "UPDATE confirmations SET job_id = ? WHERE token_hash = ? AND used_at IS NOT NULL",
            (consent.job_id, given),
        )
        if by_administrator:
            approvals.note_carried(connection, consent, now)
        return consent.carried
    mine, whose = own(connection)
    rows = connection.execute(
        "SELECT token_hash, signed, question, approved_by FROM ("  # noqa: S608  only names
        "SELECT rowid AS number, token_hash, question, person_only, approved_by, approved_at IS NOT NULL"
        " AND (NOT for_call OR token_hash = ?) AND (approved_by IS NOT NULL OR NOT ?) AS signed FROM confirmations"
        f" WHERE fingerprint = ? AND {mine} AND used_at IS NULL AND ended_at IS NULL AND at > ? AND steady > ?"
        " AND usd_micros >= ?)"
        " AS held WHERE signed OR (? AND NOT person_only AND token_hash = ?)"
        " ORDER BY token_hash = ? DESC, signed DESC, number",
        (
            *(
                given,
                by_administrator,
                consent.fingerprint,
                *whose,
                *within(connection, VALID_SECONDS, now),
                to_micros(price.usd),
            ),
            *(why_not is None, digest_of(consent.token or ""), given),
        ),
    )
    found = next((row for row in rows.fetchall() if price.known or _of_unknown_price(row[2])), None)
    if found is None:
        if by_administrator and not connection.scope.administers:
            return _ask_administrator(connection, consent, settings=settings, now=now)
        return _ask(connection, consent, why_not, settings=settings, now=now)
    token_hash, by_a_person, _, approved_by = found
    connection.execute(
        "UPDATE confirmations SET used_at = ?, job_id = ? WHERE token_hash = ?",
        (now, consent.job_id, token_hash),
    )
    if by_administrator:
        approvals.note_bought(connection, consent, approved_by, token_hash, now)
    return "person" if by_a_person else "assistant"


def asked(connection: Connection, code: str, *, now: float) -> Question | None:
    """Return the open question of this code; None if it is unknown, used up, or older than 15 minutes."""
    mine, whose = seen(connection)
    row = connection.execute(
        "SELECT question FROM confirmations WHERE token_hash = ? AND used_at IS NULL AND ended_at IS NULL"  # noqa: S608  only names
        f" AND at > ? AND steady > ? AND question IS NOT NULL AND {mine}",
        (digest_of(code), *within(connection, VALID_SECONDS, now), *whose),
    ).fetchone()
    return None if row is None else as_json().validate_json(row[0])


def approve(connection: Connection, code: str, *, now: float, for_call: bool = False) -> bool:
    """
    Note that the person agrees: for one purchase by whoever asks for it or, with `for_call`, by one call alone.

    False if the question is no longer open, or waits for an administrator and who writes is none. That call brings the
    code, and has to `end` the agreement.
    """
    if asked(connection, code, now=now) is None:
        return False
    return approve_by_hash(connection, digest_of(code), now=now, for_call=for_call)


def approve_by_hash(connection: Connection, key: str, *, now: float, for_call: bool = False) -> bool:
    """Note an agreement to the open question whose code has this hash; as `approve`."""
    if not approvals.may_answer(connection, key):
        return False
    mine, whose = seen(connection)
    by = connection.scope.person if connection.scope.administers else None
    again = approvals.is_agreed_by_hash(connection, key)
    connection.execute(
        # What was agreed to in a terminal as well stays agreed to, whatever becomes of the call.
        "UPDATE confirmations SET approved_at = ?, approved_by = COALESCE(CAST(? AS TEXT), approved_by),"  # noqa: S608  only names
        f" for_call = ? AND (for_call OR approved_at IS NULL) WHERE token_hash = ? AND {mine}",
        (now, by, for_call, key, *whose),
    )
    if not again:
        approvals.note_answer(connection, key, "agreed", now=now)
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
        (now, job_id, digest_of(code), *whose),
    )


def came_to(connection: Connection, code: str, digest: str | None) -> Job | None:
    """Return the job that the agreement under this code came to, if that was asked for with this `digest_of_asked`."""
    mine, whose = own(connection)
    row = connection.execute(
        "SELECT job_id FROM confirmations WHERE token_hash = ? AND asked = ? AND job_id IS NOT NULL"  # noqa: S608  only names
        f" AND {mine}",
        (digest_of(code), digest, *whose),
    ).fetchone()
    return None if row is None else job_records.find(connection, row[0])


def bought_on(connection: Connection, code: str) -> str | None:
    """Name the job that was bought on an agreement to the question of this code; None if nothing was."""
    mine, whose = seen(connection)
    row = connection.execute(
        f"SELECT job_id FROM confirmations WHERE token_hash = ? AND used_at IS NOT NULL AND {mine}",  # noqa: S608  only names
        (digest_of(code), *whose),
    ).fetchone()
    return None if row is None else row[0]


def decline(connection: Connection, code: str, *, now: float) -> Declined | None:
    """Note a no to the question of this code; None if it is unknown. See `decline_by_hash`."""
    return decline_by_hash(connection, digest_of(code), now=now)


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
    approvals.note_answer(connection, key, "refused", now=now)
    same = _same(connection, person, fingerprint, None if wanted is None else _wanted().validate_json(wanted))
    counted = elapsed_time.note(connection)
    for some in in_parts(same):
        connection.execute(
            "UPDATE confirmations SET declined_at = ?, declined_steady = ?, person_only = TRUE,"  # noqa: S608  only marks
            " ended_at = CASE WHEN used_at IS NULL AND for_call AND approved_at IS NOT NULL THEN ? ELSE ended_at END,"
            " approved_by = CASE WHEN used_at IS NULL THEN NULL ELSE approved_by END,"
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
        question=None if question is None else as_json().validate_json(question),
        job_id=job_id,
        earlier=max(bought, key=lambda row: row[0] or 0.0)[1] if bought else None,
    )


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
    return question is not None and not as_json().validate_json(question).price.known


@cache
def _wanted() -> TypeAdapter[Wanted]:
    return TypeAdapter(Wanted)


def _ask(
    connection: Connection, consent: Consent, why_not: str | None, *, settings: Settings, now: float
) -> ConfirmationRequired:
    question, code = consent.question, secrets.token_hex(4)
    token_trouble = _token_trouble(connection, consent, now)
    dear = approvals.needed(question.price, settings)  # who administers asks for it, and answers as such
    _put(connection, consent, code, person_only=why_not is not None, for_administrator=dear, now=now)
    way = way_to_agree(code, settings)
    if why_not is None:
        hint = (
            "Put this question to the person. When they agree, call again with the same arguments and"
            f" confirm_token={code!r}; or {way}, and you call again."
        )
    else:
        hint = f"Only the person's own agreement counts: {way}. Then call again with the same arguments."
    parts = ("A person has to agree first.", token_trouble, why_not, question.sentence)
    return ConfirmationRequired(
        " ".join(part for part in parts if part),
        token=code if why_not is None else None,
        hint=hint,
        question=question.text,
        approval=code,
        remarks=question.remarks,
    )


def _ask_administrator(
    connection: Connection, consent: Consent, *, settings: Settings, now: float
) -> ConfirmationRequired:
    same = _same(connection, connection.scope.person, consent.fingerprint, consent.wanted)
    approvals.check_not_refused(connection, same, consent.question, now)
    code = approvals.open_code(connection, consent, now)
    if code is None:
        code = secrets.token_hex(4)
        _put(connection, consent, code, person_only=True, for_administrator=True, now=now)
    return approvals.required(consent.question, code, settings)


def _put(
    connection: Connection,
    consent: Consent,
    code: str,
    *,
    person_only: bool,
    for_administrator: bool,
    now: float,
) -> None:
    """Put a question on record, and forget those of which nothing can come any more."""
    # By both clocks: one that is set forward must not make a no forgotten.
    long_ago, long_ago_steady = within(connection, _KEPT_SECONDS, now)
    with connection.within(EVERYBODY):
        connection.execute(
            # A question can be answered long after it was put: then it is the answer that must not be forgotten.
            "DELETE FROM confirmations"
            " WHERE at < ? AND coalesce(declined_at, at) < ? AND steady < ? AND coalesce(declined_steady, steady) < ?",
            (long_ago, long_ago, long_ago_steady, long_ago_steady),
        )
    connection.execute(
        "INSERT INTO confirmations (token_hash, fingerprint, usd_micros, at, question, person_only, steady, asked, wanted,"
        " person, code) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            digest_of(code),
            consent.fingerprint,
            to_micros(consent.question.price.usd),
            now,
            as_json().dump_json(consent.question).decode(),
            person_only,
            elapsed_time.note(connection),
            consent.asked,
            None if consent.wanted is None else _wanted().dump_json(consent.wanted).decode(),
            connection.scope.person,
            code if for_administrator else None,
        ),
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
            *within(connection, VALID_SECONDS, now),
            to_micros(consent.question.price.usd),
            digest_of(consent.token),
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
