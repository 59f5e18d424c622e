"""What is shipped, and that it still starts on a fresh machine next year."""

from __future__ import annotations

import subprocess
import sys
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
PUBLISHING = PYPROJECT["dependency-groups"]["publish"]


@pytest.mark.parametrize(
    "line", [*RUNTIME, *EXTRAS, *DEVELOPMENT, *PUBLISHING, *PYPROJECT["build-system"]["requires"]]
)
def test_a_dependency_is_bounded_on_both_sides(line: str) -> None:
    """A new major version of somebody else's library must not stop a fresh install from starting."""
    operators = {specifier.operator for specifier in Requirement(line).specifier}
    assert operators & {"<", "==", "~="}, f"{line} has no upper bound"
    assert operators & {">=", "==", "~="}, f"{line} has no lower bound"


def test_every_third_party_import_is_a_declared_dependency() -> None:
    from .source import imported, modules

    distributions = {
        "PIL": "pillow", "mcp_types": "mcp", "pydantic_core": "pydantic", "httpcore2": "httpx2", "jwt": "pyjwt",
        "prometheus_client": "prometheus-client",
    }  # fmt: skip
    declared = {Requirement(line).name for line in RUNTIME}
    team = {Requirement(line).name for line in PYPROJECT["project"]["optional-dependencies"]["team"]}
    ours = {"seedance_mcp", "__future__", *sys.stdlib_module_names, "_winapi"}
    for module in modules():
        allowed = declared | team if module.path.startswith(("store/postgres/", "metrics/")) else declared
        used = {name.split(".")[0] for _, name in imported(module)}
        assert {distributions.get(name, name) for name in used - ours} - allowed == set(), module.path


def test_the_tests_run_with_every_extra_and_the_package_without_any() -> None:
    """Where a library has no ready-made package for a Python, `dev` leaves it out there, and tests that need it are skipped."""
    assert {line.partition(";")[0] for line in EXTRAS} <= {line.partition(";")[0] for line in DEVELOPMENT}
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


def test_the_command_has_the_name_of_the_distribution() -> None:
    """So that tools which run a package by its name find it."""
    assert PYPROJECT["project"]["scripts"] == {"seedance-mcp": "seedance_mcp.__main__:main"}
    assert PYPROJECT["project"]["name"] == "seedance-mcp"
