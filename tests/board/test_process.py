"""The command `board` as people run it: in a process of its own, found by a second one, ended in every way."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import anyio
import httpx2
import pytest

from seedance_mcp.app import open_app
from seedance_mcp.config import Settings
from seedance_mcp.types import PurchaseTerms, VideoRequest
from tests.server.asking import SMALL, priced

from .local import code_in

Command = "subprocess.Popen[str]"


@pytest.fixture
def environ(environ: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The environment of the command, under which a small video costs 1.50 USD."""
    return {**os.environ, **priced(environ, tmp_path, "0.75"), "PYTHONIOENCODING": "utf-8"}


@contextmanager
def running(environ: dict[str, str], *words: str) -> Generator[tuple[subprocess.Popen[str], str]]:
    """Run the board until the context ends; the process, and the address that it printed."""
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "seedance_mcp", "board", *(words or ("--no-browser",))],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as process:
        late = threading.Timer(60, process.kill)
        late.start()
        try:
            assert process.stdout
            yield process, process.stdout.readline().strip()
        finally:
            late.cancel()
            process.kill()


def _ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, said = process.communicate(timeout=30)
    return process.returncode, said


def _run(environ: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "seedance_mcp", *words],
        env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip


def _token(address: str) -> str:
    answer = httpx2.post(f"{address.partition('#')[0]}session", json={"code": code_in(address)})
    assert answer.status_code == 200
    return answer.json()["token"]


def test_a_second_one_opens_the_board_that_runs(environ: dict[str, str]) -> None:
    state = Path(environ["SEEDANCE_STATE_DIR"])
    with running(environ) as (process, address):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/#code=[\w-]{24}", address)
        token = _token(address)
        file = state / "board.json"
        if os.name != "nt":
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert token not in file.read_text(encoding="utf-8")
        second = _run(environ, "board", "--no-browser", "--port", "1")
        assert (second.returncode, "It runs already." in second.stderr) == (0, True)
        [other] = second.stdout.split()
        assert other.partition("#")[0] == address.partition("#")[0]
        assert code_in(other) != code_in(address)
        assert _token(other) != token
        told = json.loads(_run(environ, "doctor", "--offline", "--json").stdout)
        [found] = [one for one in told["findings"] if one["subject"] == "board"]
        assert address.partition("#")[0] in found["text"]
        assert process.stdin
        process.stdin.close()
        process.stdin = None
        code, said = _ended(process)
        assert code == 0
        assert "Traceback" not in said
    assert not file.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has none of these signals")
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)])
def test_it_ends_in_order_while_pages_are_open(environ: dict[str, str], end: signal.Signals) -> None:
    with running(environ) as (process, address):
        base = address.partition("#")[0]
        token = {"Authorization": f"Bearer {_token(address)}"}
        with httpx2.stream("GET", f"{base}api/events", headers=token, timeout=30) as events:
            lines = events.iter_lines()
            assert next(lines) == "event: changed"
            process.send_signal(end)
            assert [line for line in lines if line][:1] == [
                'data: {"job_id": null}'
            ]  # and then the stream ends
        code, said = _ended(process)
        assert (code, "Traceback" in said, "ERROR" in said) == (0, False, False)


def test_a_board_that_was_killed_is_in_nobodys_way(environ: dict[str, str]) -> None:
    with running(environ) as (process, first):
        process.kill()
        process.wait(30)
    assert (Path(environ["SEEDANCE_STATE_DIR"]) / "board.json").exists()
    told = json.loads(_run(environ, "doctor", "--offline", "--json").stdout)
    assert [one["verdict"] for one in told["findings"] if one["subject"] == "board"] == ["off"]
    with running(environ) as (_, address):
        assert code_in(address) != code_in(first)
        _token(address)


def test_a_port_that_is_taken_is_named(environ: dict[str, str]) -> None:
    with running(environ) as (_, address):
        port = re.findall(r":(\d+)/", address)[0]
        elsewhere = {**environ, "SEEDANCE_STATE_DIR": environ["SEEDANCE_STATE_DIR"] + "-2"}
        refused = _run(elsewhere, "board", "--no-browser", "--port", port)
        assert (refused.returncode, f"Port {port}" in refused.stderr) == (2, True)
        assert "Leave --port away" in refused.stderr
    for word in ("x", "-1", "70000"):
        assert "invalid" in _run(environ, "board", "--port", word).stderr


async def test_what_another_process_does_is_on_the_board_at_once(
    environ: dict[str, str], tmp_path: Path
) -> None:
    from seedance_mcp.config import load_settings

    settings: Settings = load_settings(environ, settings_file=tmp_path / "no.toml")
    request = VideoRequest.model_validate({**SMALL, "prompt": "[sandbox:stall] a fox"})
    with anyio.fail_after(60), running(environ) as (_, address):
        base = address.partition("#")[0]
        token = {"Authorization": f"Bearer {_token(address)}"}
        async with (
            httpx2.AsyncClient(base_url=base, headers=token, timeout=30) as client,
            client.stream("GET", "/api/events") as events,
            open_app(settings) as app,
        ):
            lines = events.aiter_lines()
            assert await anext(lines) == "event: changed"
            started = await app.generate(request, PurchaseTerms(confirmed=True))
            wanted = f'data: {{"job_id": "{started.job.id}"}}'
            async for line in lines:
                if line == wanted:
                    break
            else:
                pytest.fail("the stream ended")
            board = (await client.get("/api/board")).json()
            assert [card["job_id"] for card in board["jobs"]] == [started.job.id]


@pytest.mark.skipif(os.name == "nt", reason="the browser of the test is a shell script")
def test_the_browser_is_opened_with_a_code_of_its_own_and_none_of_our_keys(
    environ: dict[str, str], tmp_path: Path
) -> None:
    told, browser = tmp_path / "told", tmp_path / "browser"
    browser.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$1" "${{ARK_API_KEY-none}}" > "{told}.new"\nmv "{told}.new" "{told}"\n',
        encoding="utf-8",
    )
    browser.chmod(0o755)
    opened = {**environ, "BROWSER": str(browser), "ARK_API_KEY": "a-key-that-stays-here"}
    with running(opened, "--port", "0") as (process, address):
        ended = threading.Event()
        for _ in range(300):
            if told.exists():
                break
            ended.wait(0.1)
        url, key = told.read_text(encoding="utf-8").split()
        assert (url.partition("#")[0], key) == (address.partition("#")[0], "none")
        assert code_in(url) != code_in(address)
        assert _token(url) != _token(address)
        process.terminate()
        assert _ended(process)[0] == 0
