"""The command line of the Inspector in both of its lines: each checks an answer against its schema before it shows it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.server.asking import SMALL

from .driver import Sdk, command_on
from .packages import node22
from .play import TOOLS, YES, Seen, as_word, compare, has_picture, job_id_in, readable, revision_in
from .rows import INSPECTORS, row
from .tape import messages

pytestmark = pytest.mark.timeout(400)

OLD, _, MODERN = INSPECTORS
Inspect = Callable[..., tuple[int, Any]]


@pytest.fixture
def inspect(packages: Path, environ: dict[str, str], tmp_path: Path) -> Inspect:
    """Runs an Inspector once, which starts the server, and returns its exit code and what it says."""

    def run(sdk: Sdk, *words: str) -> tuple[int, Any]:
        start, end = _command(packages, sdk)
        settings = [word for name, value in environ.items() for word in ("-e", f"{name}={value}")]
        done = subprocess.run(
            [*start, *settings, *command_on(tmp_path / "tape"), *words, *end],
            cwd=tmp_path,
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

    return run


def _command(packages: Path, sdk: Sdk) -> tuple[list[str], list[str]]:
    modules = packages / "node_modules"
    if sdk == OLD:
        return ["node", str(modules / "inspector-0" / "cli" / "build" / "cli.js"), "--cli"], []
    launcher = modules / "inspector-2" / "clients" / "launcher" / "build" / "index.js"
    start = [node22(packages), str(launcher), "--cli"]
    return start, ["--format", "json", "--protocol-era", str(sdk.mode)]


@pytest.mark.parametrize("sdk", INSPECTORS, ids=row)
def test_the_inspector_does_what_the_table_says(inspect: Inspect, tmp_path: Path, sdk: Sdk) -> None:
    """Each of its runs is one call, so there is nothing to give up; of progress it shows nothing."""

    def call(tool: str, **arguments: Any) -> dict[str, Any]:
        given = [word for name, value in arguments.items() for word in ("--tool-arg", f"{name}={value}")]
        return inspect(sdk, "--method", "tools/call", "--tool-name", tool, *given)[1]

    # Strict: where that is known, it ends with an error over a schema that some client may not understand.
    code, listed = inspect(sdk, "--method", "tools/list", *(["--strict"] if sdk == MODERN else []))
    assert code == 0
    estimate = call("estimate_cost", prompt="A fox", model="seedance-2.0")
    refused = call("check_status", job_id="job_nothing")
    assert refused["isError"] is True
    assert refused["_meta"]["seedance/error"]["code"] == "job_not_found"
    made = call("generate_video", **SMALL, wait_seconds=60)
    assert Path(made["structuredContent"]["video_path"]).is_file()
    asked = [message["method"] for message in messages(tmp_path / "tape", ">") if "method" in message]
    assert ("tasks/get" in asked) == (
        sdk == MODERN
    )  # it declares tasks in the older era, too, which has no such thing
    resources = [one["uri"] for one in inspect(sdk, "--method", "resources/list")[1]["resources"]]
    job = f"seedance://jobs/{job_id_in(made)}"
    _, read = inspect(sdk, "--method", "resources/read", "--uri", f"{job}/contact-sheet")
    seen = Seen(
        era=revision_in(tmp_path / "tape"),
        lists=as_word(len(listed["tools"]) == TOOLS),
        estimates=as_word("usd" in estimate["structuredContent"]["estimate"]),
        generates=as_word(made["structuredContent"]["status"] == "succeeded"),
        progress="",
        refusal=as_word(readable(refused)),
        cancels="",
        resources=as_word(job in resources and read["contents"][0]["mimeType"] == "image/jpeg"),
        pictures=as_word(has_picture(made)),
        skills=YES if sdk == MODERN else "",
    )
    compare(row(sdk), seen)


def test_the_inspector_finds_no_fault_with_the_skills(inspect: Inspect) -> None:
    code, verified = inspect(MODERN, "--method", "skills/list", "--verify")
    assert code == 0
    assert verified["conformance"] == verified["frontmatter"] == []
    assert {file["status"] for file in verified["files"]} == {"verified"}
