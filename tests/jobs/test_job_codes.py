"""The codes that a job's error can have: one list, that every place which writes one keeps to."""

from __future__ import annotations

import ast
from contextlib import closing
from pathlib import Path

import pytest

from seedance_mcp import errors
from seedance_mcp.store import job_records, transitions
from seedance_mcp.store.database import open_store
from seedance_mcp.types import JOB_CODES, JobCode, TaskStatus
from tests.architecture.source import modules

from . import records

NEVER_A_JOBS = {
    "error",
    "approval_refused",
    "approval_required",
    "confirmation_required",
    "film_not_found",
    "job_not_found",
    "job_not_finished",
    "plan_changed",
}
"""Codes of refused calls: there is no job that they could be written to."""


def written() -> set[str]:
    """Every text that stands in the source as the value of an `error_code`, or as the code of the sandbox's failures."""
    found = set[str]()
    for module in modules():
        for node in ast.walk(module.tree):
            pairs: list[tuple[str | None, ast.expr]] = []
            if isinstance(node, ast.Call):
                pairs = [(keyword.arg, keyword.value) for keyword in node.keywords]
            elif isinstance(node, ast.Dict):
                pairs = [
                    (key.value if isinstance(key, ast.Constant) else None, value)  # type: ignore[misc]
                    for key, value in zip(node.keys, node.values, strict=True)
                ]
            names = ("error_code", "code") if "sandbox" in module.path else ("error_code",)
            for name, value in pairs:
                if name in names and isinstance(value, ast.Constant) and isinstance(value.value, str):
                    found.add(value.value)
    return found


def test_every_code_has_its_sentence() -> None:
    assert set(JOB_CODES) == set(JobCode)
    assert all(said.endswith(".") and "|" not in said for said in JOB_CODES.values())


def test_every_code_that_is_written_anywhere_is_on_the_list() -> None:
    found = written()
    assert {"not_bought", "task_missing", "result_unusable", "disk_full"} <= found
    assert found <= set(JobCode)
    endings = TaskStatus.FAILED, TaskStatus.CANCELLED, TaskStatus.EXPIRED
    assert {f"generation_{status}" for status in endings} <= set(JobCode)


def test_every_error_of_ours_has_a_code_on_the_list() -> None:
    ours = {
        kind.code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.SeedanceError)
    }
    assert ours - NEVER_A_JOBS <= set(JobCode)


@pytest.mark.parametrize(("given", "stored"), [("a_new_word", "provider"), ("media", "media"), (None, None)])
def test_no_other_code_can_be_written(tmp_path: Path, given: str | None, stored: str | None) -> None:
    with closing(open_store(tmp_path)) as store:
        job = store.write_now(
            lambda connection: transitions.insert(connection, records.job(), day="2023-11-14")
        )
        noted = store.write_now(lambda connection: transitions.note(connection, job, error_code=given))
        assert noted.error_code == stored
        assert store.read_now(lambda connection: job_records.find(connection, job.id)) == noted


def test_a_code_of_an_earlier_version_is_read_and_kept(tmp_path: Path) -> None:
    with closing(open_store(tmp_path)) as store:
        job = store.write_now(
            lambda connection: transitions.insert(
                connection, records.job(error_code="moderation_blocked"), day="2023-11-14"
            )
        )
        noted = store.write_now(lambda connection: transitions.note(connection, job, progress=0.5))
        assert noted.error_code == "moderation_blocked"
