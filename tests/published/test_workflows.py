"""The workflows try what is promised, and a release needs no secret."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def jobs(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text(encoding="utf-8"))["jobs"]


def test_the_tests_run_on_every_system_and_python_that_the_package_names() -> None:
    matrix = jobs("tests.yml")["suite"]["strategy"]["matrix"]
    named = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", line)]
    assert matrix["python"] == named
    assert matrix["os"] == ["ubuntu-latest", "macos-latest", "windows-latest"]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_may_read_alone_and_each_job_asks_for_what_it_needs_more(file: Path) -> None:
    workflow = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    text = file.read_text(encoding="utf-8")
    assert "secrets." not in text
    assert [
        use for use in re.findall(r"uses: (\S+)", text) if not re.search(r"@(v\d|release/v\d)", use)
    ] == []


def test_a_release_is_attested_and_published_without_a_token() -> None:
    release = jobs("release.yml")
    steps = [step.get("uses", "").partition("@")[0] for job in release.values() for step in job["steps"]]
    assert {"actions/attest-build-provenance", "actions/attest-sbom", "pypa/gh-action-pypi-publish"} <= set(
        steps
    )
    assert release["index"]["permissions"] == {"id-token": "write"}
    assert release["index"]["environment"] == "pypi"
    kept = [
        step["with"]["path"]
        for step in release["build"]["steps"]
        if "upload-artifact" in step.get("uses", "")
    ]
    assert {line.rpartition("/")[0] for path in kept for line in path.split()} == {"dist"}, "one flat folder"
    commands = "\n".join(step.get("run", "") for step in release["build"]["steps"])
    assert commands.index("publishing.py --ready") < commands.index("smoke.py")


def test_every_script_that_a_workflow_runs_is_there() -> None:
    text = "".join(file.read_text(encoding="utf-8") for file in WORKFLOWS)
    scripts = set(re.findall(r"scripts/\w+\.py", text))
    assert scripts
    assert [script for script in scripts if not (ROOT / script).is_file()] == []
