"""Who may import whom."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .source import ROOMS, ROOT, Module, imported, modules

HEAVY = ("av", "PIL", "numpy", "httpx2", "tqdm")


def test_imports_point_down_only() -> None:
    """The contracts stand in pyproject.toml."""
    code = (
        "import sys; from importlinter.cli import lint_imports_command; lint_imports_command(['--no-cache'])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


def test_rooms_enter_each_other_through_the_door() -> None:
    """A door may hand out a whole inner module: then it lists it."""
    given = {f"{door.name}.{name}" for door in modules() if door.opens_a_room for name in _listed(door)}
    inside = {module.name for module in modules() if module.room and not module.opens_a_room} - given
    wrong = [
        f"{module.path}:{line}: {name}"
        for module in modules()
        for line, name in imported(module)
        if _room_of(name) not in (None, module.room)
        and any(name == m or name.startswith(f"{m}.") for m in inside)
    ]
    assert wrong == []


def test_every_room_has_a_door_with_a_list_of_what_it_gives() -> None:
    doors = {module.room: module for module in modules() if module.opens_a_room}
    assert set(doors) == set(ROOMS)
    for room, door in doors.items():
        listed = _listed(door)
        assert listed, f"{room}/__init__.py has no __all__"
        in_order = sorted(
            listed, key=lambda name: (not name.isupper(), name)
        )  # as ruff does: constants first
        assert listed == in_order, f"{room}/__init__.py: sort __all__"


@pytest.mark.parametrize("room", ROOMS)
def test_everything_a_door_lists_is_there(room: str) -> None:
    code = (
        f"import seedance_mcp.{room} as door\n"
        "missing = [name for name in door.__all__ if not hasattr(door, name)]\n"
        "assert not missing, missing"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("door", ["seedance_mcp.server", "seedance_mcp.app", "seedance_mcp.cli"])
def test_heavy_libraries_wait_until_they_are_needed(door: str) -> None:
    """An assistant waits for the server to start; drawing and networking come with the first video."""
    own = {"httpx2"} if door == "seedance_mcp.server" else set[str]()  # the protocol library loads it itself
    code = f"import sys, {door}; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert set(result.stdout.split()) - own == set()


def test_the_list_of_tools_needs_no_room_below_what_is_shown() -> None:
    """What is loaded before the client is answered; the rest follows when the app is opened."""
    code = (
        "import sys; from seedance_mcp.config import load_settings; from seedance_mcp.server import create_server;"
        "create_server(load_settings({})); print(*(name for name in sys.modules if name.startswith('seedance_mcp.')))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    loaded = result.stdout.split()
    rooms = {name.split(".")[1] for name in loaded}
    assert "seedance_mcp.presentation.results" not in loaded
    assert rooms & {"app", "jobs", "store", "providers", "media", "catalog"} == set()
    assert "server" in rooms


def test_one_persons_server_imports_nothing_of_a_teams(tmp_path: Path) -> None:
    """It starts as fast as before, and with the libraries that it had before."""
    code = (
        "import sys, seedance_mcp.server, seedance_mcp.app, seedance_mcp.cli, seedance_mcp.store;"
        "from pathlib import Path; seedance_mcp.store.open_store(Path(sys.argv[1])).close();"
        "print(*(name for name in sys.modules if name.startswith(('psycopg', 'seedance_mcp.store.postgres'))"
        " or name.startswith(('seedance_mcp.metrics', 'prometheus_client'))))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert result.stdout.split() == []


def test_a_server_on_stdio_loads_nothing_of_what_serves_over_http(tmp_path: Path) -> None:
    """The SDK brings Starlette and uvicorn along; what runs them, tokens, and the object store wait until they are wanted."""
    code = (
        "import sys, anyio; from mcp import Client; from seedance_mcp.config import load_settings;"
        "from seedance_mcp.server import create_server\n"
        "async def use():\n"
        "    async with Client(create_server(load_settings())) as client:\n"
        "        assert not (await client.call_tool('check_status', {})).is_error\n"
        "anyio.run(use)\n"
        "print(*(name for name in sys.modules if name.startswith(('seedance_mcp.server.http', 'uvicorn.protocols'))"
        " or name.startswith('seedance_mcp.objects') or name.split('.')[0] == 'jwt'"
        " or name.endswith(('access_tokens', 'server.rights', 'object_copies', 'figures', 'object_names'))"
        " or name.endswith(('incoming', 'job_links'))))"
    )
    environ = {**os.environ, "SEEDANCE_STATE_DIR": str(tmp_path / "state"), "SEEDANCE_DETACH": "0"}
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=environ,
    )
    assert result.stdout.split() == []


@pytest.mark.parametrize("library", HEAVY)
def test_no_module_on_the_main_path_imports_a_heavy_library_at_its_top(library: str) -> None:
    wrong = [
        f"{module.path}:{node.lineno}"
        for module in modules()
        if module.room in (None, "catalog", "store", "jobs", "presentation", "server", "cli")
        for node in module.tree.body
        for _, name in _own_imports(module, node)
        if name.split(".")[0] == library
    ]
    assert wrong == []


def _own_imports(module: Module, node: ast.stmt) -> list[tuple[int, str]]:
    if not isinstance(node, ast.Import | ast.ImportFrom):
        return []
    return imported(Module(module.path, module.name, "", ast.Module([node], [])))


def _room_of(name: str) -> str | None:
    words = name.split(".")
    return words[1] if words[0] == "seedance_mcp" and len(words) > 1 and words[1] in ROOMS else None


def _listed(door: Module) -> list[str]:
    for node in door.tree.body:
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets
        ):
            return list(ast.literal_eval(node.value))
    return []
