"""What counts as spent on an assistant's word alone that the person agreed."""

from __future__ import annotations

import json
from typing import Any, cast

from .. import elapsed_time
from ..database import Connection
from ..scoped import PERSON_OF_JOB, own
from . import holds

_HOUR = 3600.0


def bought_on_a_word(connection: Connection, now: float) -> int:
    """Sum up what counts as spent on the word alone of an assistant of this person within the last hour, in micro-USD."""
    lately = now - _HOUR, elapsed_time.passed(connection) - _HOUR
    mine, whose = own(connection, PERSON_OF_JOB)
    rows = connection.execute(
        "SELECT usd_micros, document FROM ledger JOIN jobs ON jobs.id = ledger.job_id"  # noqa: S608  only names
        f" WHERE reserved_at > ? AND steady > ? AND {mine}",
        (*lately, *whose),
    )
    micros = sum(usd_micros for usd_micros, document in rows if _on_a_word(document))
    return micros + holds.on_a_word(connection, *lately)


def _on_a_word(document: str | None) -> bool:
    """Return whether an assistant agreed to a job: of one whose record is damaged, that has to be supposed."""
    try:
        said: Any = json.loads(document or "")
    except ValueError:
        return True
    return isinstance(said, dict) and cast("dict[str, Any]", said).get("agreed_by") == "assistant"
