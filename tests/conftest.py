"""Fixtures that every test shares: a clean environment, folders of its own."""

from __future__ import annotations

import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kinds import PROOF, Trespasses, chosen_turn, dealt, in_turn, is_wanted, kind_of, mark
from tests.sweep import sweep
from tests.watch import sitecustomize as watch

_noted = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """
    Watch the connections of this process and of all its children; workers of xdist are such children.

    Bytecode is kept.
    """
    # Where no bytecode is kept, each of some hundred processes would compile all that it imports anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    log = os.environ.get(watch.LOG)
    if not log or not hasattr(config, "workerinput"):
        descriptor, log = tempfile.mkstemp(prefix="connections-", suffix=".log")
        os.close(descriptor)
        os.environ[watch.LOG] = log
        config.stash[_noted] = Path(log)
        folder = str(Path(watch.__file__).parent)
        places = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        os.environ["PYTHONPATH"] = os.pathsep.join(place for place in (*places, folder) if place)
    watch.install()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave files alone of whose kind no test is wanted: to import them all takes longer than many tests."""
    named = str(collection_path) in config.args
    if not collection_path.is_file() or named or is_wanted(collection_path, config.option.markexpr):
        return None
    return True


# Tests are marked before some are deselected by their marks, and put in order after that.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """
    Mark each test with its kind, and let the longest begin first where several workers share them.

    Where a turn is named, leave the cases of proofs alone that are of the other one.
    """
    mark(items)
    yield
    if (turn := chosen_turn()) is not None:
        items[:], others = in_turn(items, turn)
        config.hook.pytest_deselected(items=others)
    if given := getattr(config, "workerinput", None):
        items[:] = dealt(items, given["workercount"])


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Twice as many as there are cores, thrice for proofs: they wait for processes and sockets for a good part of the time."""
    return (3 if config.option.markexpr == PROOF else 2) * (os.cpu_count() or 1)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run if anything in it tried to reach another machine."""
    log = session.config.stash.get(_noted, None)
    if log is None:
        return
    left = log.read_text(encoding="utf-8", errors="replace").splitlines()
    log.unlink()
    if left:
        sys.stderr.write("\n".join(["", "Connections that left this machine:", *sorted(set(left)), ""]))
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def trespasses() -> Trespasses:
    """What hears of sockets and processes; such a hook cannot be taken off again."""
    return Trespasses()


@pytest.fixture(autouse=True)
def stays_within_its_kind(request: pytest.FixtureRequest, trespasses: Trespasses) -> Iterator[None]:
    """Fail a test that opens a socket or starts a process although its kind (`tests/kinds.py`) has none."""
    kind = kind_of(request.path)
    trespasses.begin(kind)
    yield
    assert trespasses.end() == [], f"this is more than a test of the kind {kind!r} may do"


@pytest.fixture(scope="session", autouse=True)
def no_key_left_behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Fail the run if a key that tests give to servers stands in any file that the session left."""
    yield
    from tests.emulator.s3 import SECRET
    from tests.emulator.server import KEY

    found = sweep(tmp_path_factory.getbasetemp(), [KEY.encode(), SECRET.encode()])
    assert found == [], "\n".join(["Keys in files of tests:", *found])


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """
    No key, no proxy, no certificates and no setting of the developer reaches a test; default folders are inside tmp_path.

    The command is on the PATH, so that messages name it alone.
    """
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    for name in list(os.environ):
        if (
            name.startswith(("SEEDANCE_", "XDG_", "SSL_CERT_"))
            or name.endswith(("_KEY", "_TOKEN"))
            or "proxy" in name.lower()
        ):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    for name in ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(home))


@pytest.fixture
def output_dir(tmp_path: Path) -> Path:
    """The folder that finished videos go to in this test."""
    return tmp_path / "videos"


@pytest.fixture
def environ(tmp_path: Path, output_dir: Path) -> dict[str, str]:
    """The environment of a server that keeps everything inside this test's folder and works at full speed."""
    return {
        "SEEDANCE_OUTPUT_DIR": str(output_dir),
        "SEEDANCE_STATE_DIR": str(tmp_path / "state"),
        "SEEDANCE_MEDIA_DIRS": str(tmp_path / "media"),
        "SEEDANCE_SANDBOX_SECONDS": "0",
        "SEEDANCE_POLL_SECONDS": "0.05",
        "SEEDANCE_DETACH": "0",
    }


@pytest.fixture(autouse=True)
def usual_log_level() -> Iterator[None]:
    """A server that a test starts in this process sets how loud all of it is."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    for handler in [handler for handler in root.handlers if handler not in handlers]:
        root.removeHandler(handler)


class _LateImports(logging.Handler):
    """Collects which modules media workers imported after they were confined."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        told = re.fullmatch(r"The media worker imported (.*) after it was confined", record.getMessage())
        if told:
            self.found.append(told[1])


@pytest.fixture(autouse=True)
def late_imports() -> Iterator[list[str]]:
    """What media workers imported after they had given up opening files; a test that leaves any in here fails."""
    handler = _LateImports()
    logger = logging.getLogger("seedance_mcp.media.confine")
    logger.addHandler(handler)
    yield handler.found
    logger.removeHandler(handler)
    assert handler.found == []
