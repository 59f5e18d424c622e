"""The run of the tests fails when anything in it, child processes too, tries to reach another machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.watch.sitecustomize import is_local

PROJECT = Path(__file__).parents[2]

CONNECTS = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=0.2)"

ATTEMPTS = {
    "connects": f"def test_it():\n    with pytest.raises(OSError):\n        exec({CONNECTS!r})\n",
    "sends": (
        "def test_it():\n    import socket\n    with socket.socket(type=socket.SOCK_DGRAM) as s,"
        " pytest.raises(OSError):\n        s.sendto(b'x', ('192.0.2.1', 53))\n"
    ),
    "asks": (
        "def test_it():\n    import socket\n    with pytest.raises(OSError):\n"
        "        socket.getaddrinfo('example.com', 80)\n"
    ),
    "lets a child connect": (
        f"def test_it():\n    import subprocess, sys\n    assert subprocess.call([sys.executable, '-c', {CONNECTS!r}],"
        " env={}, stderr=subprocess.DEVNULL)\n"
    ),
}


def _run(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    test = folder / "test_one.py"
    test.write_text("import pytest\n" + code)
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "tests.conftest",
            "-c",
            os.devnull,
            "--rootdir",
            folder,
            test,
        ],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_a_run_that_leaves_this_machine_fails_although_its_tests_pass(attempt: str, tmp_path: Path) -> None:
    run = _run(tmp_path, ATTEMPTS[attempt])
    assert "1 passed" in run.stdout, run.stdout
    assert run.returncode == 1
    assert "Connections that left this machine" in run.stderr


def test_a_run_that_stays_here_passes(tmp_path: Path) -> None:
    code = (
        "def test_it():\n    import socket\n    with socket.create_server(('127.0.0.1', 0)) as s:\n"
        "        socket.create_connection(s.getsockname()).close()\n    socket.getaddrinfo('localhost', 80)\n"
    )
    run = _run(tmp_path, code)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "localhost", "", b"127.0.0.1", None]
)
def test_this_machine_is_local(host: object) -> None:
    assert is_local(host)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "10.0.0.1", "169.254.169.254", "8.8.8.8", "::", "fe80::1%1", "example.com"]
)
def test_everything_else_is_not(host: str) -> None:
    assert not is_local(host)
