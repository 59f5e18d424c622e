"""The questions that a person has not answered yet, and the answer by the hash of a question's code."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter

from ...types import EVERYBODY, Question
from .. import elapsed_time, transitions
from ..database import Connection, marks
from ..scoped import seen
from .consents import VALID_SECONDS

_OPEN = (
    "used_at IS NULL AND ended_at IS NULL AND approved_at IS NULL AND declined_at IS NULL AND question IS NOT NULL"
    " AND at > ? AND steady > ?"
)
_SETTLED_BY_ANOTHER = (
    "SELECT 1 FROM confirmations AS other WHERE other.fingerprint = confirmations.fingerprint"
    " AND other.person = confirmations.person AND ("
    "other.rowid > confirmations.rowid"  # put anew since
    " OR other.used_at >= confirmations.at"  # bought since, on an agreement to the same question under another code
    " OR other.approved_at IS NOT NULL AND NOT other.for_call AND other.used_at IS NULL AND other.ended_at IS NULL"
    " AND other.at > ? AND other.steady > ?)"
)

_BOUGHT_SINCE = (  # without this question: by `generate --yes`, say, or by a click
    "SELECT 1 FROM jobs WHERE created_at >= confirmations.at AND COALESCE(jobs.person, '') = confirmations.person"  # noqa: S608  only marks
    f" AND state NOT IN ({marks(transitions.NOT_BOUGHT)}) AND ("
    "jobs.fingerprint = confirmations.fingerprint OR EXISTS (SELECT 1 FROM stand_ins WHERE job_id = jobs.id"
    " AND stand_ins.fingerprint IN (confirmations.fingerprint, confirmations.asked)))"
)


@dataclass(frozen=True, kw_only=True)
class WaitingQuestion:
    """
    A question that waits for an answer. Times are seconds since the epoch.

    `key` is the hash of its code, `person` whose purchase it is about, empty for whoever runs the installation. With a
    `code` it waits for an administrator.
    """

    key: str
    code: str | None
    person: str
    question: Question
    asked_at: float
    expires_at: float


def waiting(connection: Connection, *, now: float) -> list[WaitingQuestion]:
    """
    List the questions that nobody has answered, newest first; of several about one purchase, the newest.

    What was bought since, in whatever way, is not asked about any more.
    """
    valid = now - VALID_SECONDS, elapsed_time.passed(connection) - VALID_SECONDS
    mine, whose = seen(connection, "confirmations.person")
    rows = connection.execute(
        "SELECT token_hash, question, at, person, code FROM confirmations"  # noqa: S608  only the texts above
        f" WHERE {_OPEN} AND {mine} AND NOT EXISTS ({_SETTLED_BY_ANOTHER}) AND NOT EXISTS ({_BOUGHT_SINCE})"
        " ORDER BY rowid DESC",
        (*valid, *whose, *valid, *sorted(transitions.NOT_BOUGHT)),
    )
    questions = TypeAdapter(Question)
    return [
        WaitingQuestion(
            key=key,
            person=person,
            code=code,
            question=questions.validate_json(question),
            asked_at=at,
            expires_at=at + VALID_SECONDS,
        )
        for key, question, at, person, code in rows
    ]


def withdraw_film(connection: Connection, film_id: str, *, now: float) -> None:
    """Close every question about a film that is ordered now: to none of these plans anybody can agree any more."""
    begins = f"film {film_id} "
    connection.execute(
        "UPDATE confirmations SET ended_at = ?"
        " WHERE substr(fingerprint, 1, ?) = ? AND used_at IS NULL AND ended_at IS NULL",
        (now, len(begins), begins),
    )


def end_all(connection: Connection, *, now: float) -> None:
    """End everybody's questions on which nothing was bought yet, those that were agreed to included."""
    with connection.within(EVERYBODY):
        connection.execute(
            "UPDATE confirmations SET ended_at = ? WHERE used_at IS NULL AND ended_at IS NULL", (now,)
        )
