"""The command line of the Inspector in both of its lines: each checks an answer against its schema before it shows it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.server.asking import SMALL

from .packages import node22

pytestmark = pytest.mark.timeout(400)

VERSIONS = ("0.15", "2.12 legacy", "2.12 modern")


def _command(packages: Path, version: str) -> tuple[list[str], list[str]]:
    modules = packages / "node_modules"
    if version == "0.15":
        return ["node", str(modules / "inspector-0" / "cli" / "build" / "cli.js"), "--cli"], []
    launcher = modules / "inspector-2" / "clients" / "launcher" / "build" / "index.js"
    return [node22(packages), str(launcher), "--cli"], [
        "--format",
        "json",
        "--protocol-era",
        version.partition(" ")[2],
    ]


def _inspect(
    packages: Path, version: str, environ: dict[str, str], folder: Path, *words: str
) -> tuple[int, Any]:
    start, end = _command(packages, version)
    settings = [word for name, value in environ.items() for word in ("-e", f"{name}={value}")]
    done = subprocess.run(
        [*start, *settings, sys.executable, "-m", "seedance_mcp", *words, *end],
        cwd=folder,
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.stdout, done.stderr
    said = json.loads(done.stdout)
    return done.returncode, said.get("result", said)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_inspector_shows_answers_and_refusals_whole(
    packages: Path, environ: dict[str, str], tmp_path: Path, version: str
) -> None:
    def call(tool: str, **arguments: Any) -> tuple[int, dict[str, Any]]:
        given = [word for name, value in arguments.items() for word in ("--tool-arg", f"{name}={value}")]
        return _inspect(
            packages, version, environ, tmp_path, "--method", "tools/call", "--tool-name", tool, *given
        )

    _, refused = call("cancel_job", job_id="job_nothing")
    assert refused["isError"] is True
    assert "There is no job 'job_nothing'." in refused["content"][0]["text"]
    assert "Hint: " in refused["content"][0]["text"]
    assert refused["_meta"]["seedance/error"]["code"] == "job_not_found"
    code, made = call("generate_video", **SMALL, wait_seconds=60)
    assert code == 0
    assert made["structuredContent"]["status"] == "succeeded"
    assert Path(made["structuredContent"]["video_path"]).is_file()


def test_the_inspector_finds_no_fault_with_the_schemas(
    packages: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    code, listed = _inspect(packages, "2.12 modern", environ, tmp_path, "--method", "tools/list", "--strict")
    assert code == 0
    assert len(listed["tools"]) == 7
