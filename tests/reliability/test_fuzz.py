"""Generated calls and junk over stdio: the server lives, answers everything, and says no trace or home path."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .fuzz import run

CALLS = 20_000 if os.environ.get("SEEDANCE_TEST_LONG") else 8_000


@pytest.mark.timeout(900)
def test_no_generated_call_breaks_the_server(tmp_path: Path) -> None:
    outcome = run(CALLS, seed=1, folder=tmp_path)
    assert outcome.wrong == [], f"seed {outcome.seed}\n" + "\n".join(outcome.wrong[:10])
    assert outcome.answers >= CALLS
    assert outcome.refused < outcome.answers, "some calls have to succeed"
