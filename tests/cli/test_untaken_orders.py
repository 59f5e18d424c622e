"""In the terminal: an order that no worker takes."""

from __future__ import annotations

import time
from pathlib import Path

from tests.jobs import records

from .conftest import Run


def test_an_order_that_no_worker_takes_is_named_with_what_to_do(
    run: Run, command_environ: dict[str, str]
) -> None:
    records.keep_order(Path(command_environ["SEEDANCE_STATE_DIR"]), created_at=time.time() - 3000)
    listed, shown, checked = run("jobs"), run("jobs", "show", "job_waiting"), run("doctor", "--offline")
    for told in (listed.stderr, shown.stdout, checked.stdout):
        assert "No worker has taken it yet" in told
        assert "seedance-mcp work" in told
