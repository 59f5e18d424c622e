"""What is shipped, and that it still starts on a fresh machine next year."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from .source import PACKAGE, ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RUNTIME = PYPROJECT["project"]["dependencies"]
EXTRAS = [line for lines in PYPROJECT["project"]["optional-dependencies"].values() for line in lines]
DEVELOPMENT = PYPROJECT["dependency-groups"]["dev"]


@pytest.mark.parametrize("line", [*RUNTIME, *EXTRAS, *DEVELOPMENT, *PYPROJECT["build-system"]["requires"]])
def test_a_dependency_is_bounded_on_both_sides(line: str) -> None:
    """A new major version of somebody else's library must not stop a fresh install from starting."""
    operators = {specifier.operator for specifier in Requirement(line).specifier}
    assert operators & {"<", "==", "~="}, f"{line} has no upper bound"
    assert operators & {">=", "==", "~="}, f"{line} has no lower bound"


def test_every_third_party_import_is_a_declared_dependency() -> None:
    from .source import imported, modules

    distributions = {"PIL": "pillow", "mcp_types": "mcp", "pydantic_core": "pydantic", "httpcore2": "httpx2"}
    declared = {Requirement(line).name for line in RUNTIME}
    used = {name.split(".")[0] for module in modules() for _, name in imported(module)}
    ours = {"seedance_mcp", "__future__", *sys.stdlib_module_names, "_winapi"}
    assert {distributions.get(name, name) for name in used - ours} - declared == set()


def test_the_tests_run_with_every_extra_and_the_package_without_any() -> None:
    assert set(EXTRAS) <= set(DEVELOPMENT)
    assert not {Requirement(line).name for line in EXTRAS} & {Requirement(line).name for line in RUNTIME}


def test_the_wheel_holds_the_code_its_data_and_nothing_else(tmp_path: Path) -> None:
    build = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    subprocess.run(
        [sys.executable, "-c", build, str(tmp_path)], cwd=ROOT, check=True, capture_output=True, timeout=60
    )
    [wheel] = tmp_path.glob("*.whl")
    shipped = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    tracked = {
        path.relative_to(ROOT).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert shipped == tracked
    assert "seedance_mcp/py.typed" in shipped
    assert {Path(name).suffix for name in shipped} >= {".py", ".toml"}
    assert any(Path(name).suffix.lower() in (".ttf", ".otf", ".woff2") for name in shipped), (
        "no font to draw prompts with"
    )


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
def test_tests_run_from_the_source_distribution_alone(unpacked: Path) -> None:
    """Those that read the most of it: package, README, the tables that are generated, a server that starts."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("tests/architecture/test_readme.py", _HERE, "tests/test_sweep.py"),
            *("--deselect", f"{_HERE}::{_ITSELF}"),
        ],
        cwd=unpacked,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert " passed" in done.stdout


_HERE = "tests/architecture/test_package.py"
_ITSELF = "test_tests_run_from_the_source_distribution_alone"


def test_the_command_has_the_name_of_the_distribution() -> None:
    """So that tools which run a package by its name find it."""
    assert PYPROJECT["project"]["scripts"] == {"seedance-mcp": "seedance_mcp.__main__:main"}
    assert PYPROJECT["project"]["name"] == "seedance-mcp"
