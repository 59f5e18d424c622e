"""What a later call of a session proves to have been read."""

from __future__ import annotations

import pytest

from seedance_mcp.jobs.read_tracking import PROMPT_SECONDS, ReadTracker

JOB, OTHER = "job_aaaaaaaaaaaaaaaaaaaaaa", "job_bbbbbbbbbbbbbbbbbbbbbb"
LATE = PROMPT_SECONDS + 1


@pytest.mark.parametrize(
    ("seconds", "call", "proved"),
    [
        (1.0, "{}", [JOB]),
        (LATE, "{}", []),
        (LATE, f"{{'job_id': '{OTHER}'}}", []),
        (LATE, f"{{'source': '{JOB}'}}", [JOB]),
        (LATE, f"{{'first_frame': 'job:{JOB}/last_frame'}}", [JOB]),
    ],
)
def test_an_answer_that_took_long_needs_a_call_that_names_its_job(
    seconds: float, call: str, proved: list[str]
) -> None:
    reader = ReadTracker()
    reader.told([JOB], seconds=seconds)
    assert reader.was_told(JOB)
    assert reader.proved_by(call) == proved


def test_what_was_told_late_and_again_in_time_counts_as_told_in_time() -> None:
    reader = ReadTracker()
    reader.told([JOB], seconds=LATE)
    reader.told([JOB], seconds=0.1)
    reader.told([JOB], seconds=LATE)
    assert reader.proved_by("{}") == [JOB]


def test_what_is_on_record_is_not_proved_again() -> None:
    reader = ReadTracker()
    reader.told([JOB, OTHER], seconds=0.1)
    reader.proved([JOB])
    reader.told([JOB], seconds=0.1)
    assert reader.proved_by("{}") == [OTHER]
    assert reader.was_told(JOB)
