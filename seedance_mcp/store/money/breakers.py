"""Refusals that say more than their request: they stop what would be bought from an account, or of one of its models."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import AuthenticationError, BudgetExceeded, InsufficientFunds, ModelNotOpen
from ...texts import storable
from .. import elapsed_time
from ..connection import Connection
from ..database import marks

_BREAKER_SECONDS = 15 * 60.0
"""One that would be open for longer was opened under another clock, and is not."""

_SAME_REFUSALS = 3
_ACCOUNT_CODES = frozenset({AuthenticationError.code, InsufficientFunds.code})
"""Refusals that say something about the account, not about the request: one is enough."""

_MODEL_CODES = frozenset({ModelNotOpen.code})
"""Refusals that say something about one model of the account: one is enough, and the others are not affected."""


class BreakerOpen(BudgetExceeded):
    """An earlier refusal stops new submissions; `refusal` is its code, `why` what the provider said."""

    def __init__(self, message: str, *, hint: str, refusal: str, why: str) -> None:
        super().__init__(message, hint=hint)
        self.refusal = refusal
        self.why = why


@dataclass(frozen=True, kw_only=True)
class Seller:
    """
    From whom something is bought, what and for whom: one model, by the account with this fingerprint at one provider.

    `person` is whose purchase it is.
    """

    provider: str
    account: str
    model: str
    person: str = ""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """What a provider said no with: our code for it, its words, and what to do about it."""

    code: str
    message: str
    hint: str


def check(connection: Connection, seller: Seller, *, now: float) -> None:
    """Raise BreakerOpen if earlier refusals stop new submissions there."""
    # Either clock closes it again: the one on the wall may have been set back, the steady one stands still in sleep.
    clocks = now, elapsed_time.passed(connection)
    row = connection.execute(
        "SELECT code, message, hint, open_until, open_steady FROM breakers"  # noqa: S608  only marks
        f" WHERE (? = '' OR code IN ({marks(_ACCOUNT_CODES)}))"
        " AND provider = ? AND account = ? AND open_until > ? AND open_steady > ?",
        (seller.person, *sorted(_ACCOUNT_CODES), seller.provider, seller.account, *clocks),
    ).fetchone()
    if row is None:
        row = connection.execute(
            "SELECT code, message, hint, open_until, open_steady FROM person_breakers"
            " WHERE person = ? AND provider = ? AND account = ? AND open_until > ? AND open_steady > ?",
            (seller.person, seller.provider, seller.account, *clocks),
        ).fetchone()
    if row is not None:
        besides = "Another key takes effect at once; or name another provider."
        raise _open(f"{seller.provider} takes no new jobs", row, clocks, besides)
    row = connection.execute(
        "SELECT code, message, hint, open_until, open_steady FROM model_breakers"
        " WHERE provider = ? AND account = ? AND model = ? AND open_until > ? AND open_steady > ?",
        (seller.provider, seller.account, seller.model, *clocks),
    ).fetchone()
    if row is not None:
        what = f"{seller.provider} takes no new jobs with {seller.model}"
        raise _open(what, row, clocks, "Other models are not affected.")


def _open(
    what: str, row: tuple[str, str, str, float, float], clocks: tuple[float, float], besides: str
) -> BreakerOpen:
    code, message, hint, open_until, open_steady = row
    now, passed = clocks
    minutes = max(1, round(min(open_until - now, open_steady - passed) / 60))
    return BreakerOpen(
        f"{what} from here for another {minutes} min: {message} ({code})",
        hint=f"{hint or 'Put it right at the provider.'} {besides}",
        refusal=code,
        why=message,
    )


def refused(connection: Connection, seller: Seller, refusal: Refusal, *, now: float) -> None:
    """
    Count a refusal. One that concerns the account stops new submissions there, whosever they are, and three equal ones in a
    row those of the person: what somebody else was refused says nothing about them.

    One that concerns a model stops those of that model.
    """
    code, message, hint = refusal.code, storable(refusal.message), storable(refusal.hint)
    account = (seller.provider, seller.account)
    if code in _MODEL_CODES:
        connection.execute(
            "INSERT INTO model_breakers (provider, account, model, code, message, hint, open_until, open_steady)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (provider, account, model) DO UPDATE SET code = excluded.code, message = excluded.message,"
            " hint = excluded.hint, open_until = excluded.open_until, open_steady = excluded.open_steady",
            (*account, seller.model, code, message, hint, *_closes(connection, now)),
        )
        return
    # In tables of their own, so that no ordinary refusal takes the place of one that concerns the account.
    table, columns, key = "person_breakers", "provider, account, person", (*account, seller.person)
    if code in _ACCOUNT_CODES:
        table, columns, key = "breakers", "provider, account", account
    row = connection.execute(
        f"SELECT code, failures FROM {table} WHERE ({columns}) = ({marks(key)})",  # noqa: S608  only names and marks
        key,
    ).fetchone()
    failures = row[1] + 1 if row is not None and row[0] == code else 1
    opens = code in _ACCOUNT_CODES or failures >= _SAME_REFUSALS
    connection.execute(
        f"INSERT INTO {table} ({columns}, code, message, hint, failures, open_until, open_steady)"  # noqa: S608  only names and marks
        f" VALUES ({marks(key)}, ?, ?, ?, ?, ?, ?)"
        f" ON CONFLICT ({columns}) DO UPDATE SET code = excluded.code, message = excluded.message,"
        " hint = excluded.hint, failures = excluded.failures, open_until = excluded.open_until,"
        " open_steady = excluded.open_steady",
        (
            *(*key, code, message, hint, failures),
            *(_closes(connection, now) if opens else (0.0, 0.0)),
        ),
    )


def _closes(connection: Connection, now: float) -> tuple[float, float]:
    """When a breaker that opens now closes again: by the clock on the wall, and as `elapsed_time` counts."""
    return now + _BREAKER_SECONDS, elapsed_time.note(connection) + _BREAKER_SECONDS


def accepted(connection: Connection, seller: Seller) -> None:
    """Forget refusals: the provider has taken a job with this model."""
    account = (seller.provider, seller.account)
    connection.execute(
        "DELETE FROM breakers WHERE provider = ? AND account = ?"  # noqa: S608  only marks
        f" AND (? = '' OR code IN ({marks(_ACCOUNT_CODES)}))",
        (*account, seller.person, *sorted(_ACCOUNT_CODES)),
    )
    connection.execute(
        "DELETE FROM person_breakers WHERE provider = ? AND account = ? AND person = ?",
        (*account, seller.person),
    )
    connection.execute(
        "DELETE FROM model_breakers WHERE provider = ? AND account = ? AND model = ?",
        (*account, seller.model),
    )


def key_accepted(connection: Connection, *, provider: str, account: str) -> bool:
    """Forget that the key was refused: the provider has taken it. Tells whether that had stopped purchases."""
    cursor = connection.execute(
        "DELETE FROM breakers WHERE provider = ? AND account = ? AND code = ?",
        (provider, account, AuthenticationError.code),
    )
    return cursor.rowcount > 0
