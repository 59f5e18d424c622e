"""The source distribution is the repository, and its tests run from it alone."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from .source import ROOT


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution, built and unpacked."""
    folder = tmp_path_factory.mktemp("sdist")
    build = "import sys; from hatchling.build import build_sdist; print(build_sdist(sys.argv[1]))"
    subprocess.run(
        [sys.executable, "-c", build, str(folder)], cwd=ROOT, check=True, capture_output=True, timeout=60
    )
    [archive] = folder.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


def test_the_source_distribution_holds_the_repository(unpacked: Path) -> None:
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"], cwd=ROOT, capture_output=True, timeout=30
    )
    if listed.returncode != 0:
        pytest.skip("this is no repository")
    tracked = {name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).exists()}
    shipped = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}
    assert tracked - shipped == set()


@pytest.mark.timeout(300)
def test_tests_run_from_the_source_distribution_alone(unpacked: Path, tmp_path: Path) -> None:
    """Those that read the most of it: package, README, the tables that are generated, a server that starts."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("--basetemp", tmp_path / "session"),
            *(
                "tests/architecture/test_readme.py",
                "tests/architecture/test_package.py",
                "tests/published/test_shop_windows.py",
                "tests/published/test_workflows.py",
                "tests/test_sweep.py",
            ),
        ],
        cwd=unpacked,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert " passed" in done.stdout
