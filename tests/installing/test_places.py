"""Where the settings files of clients are, which of them are written, and what is refused of them."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from seedance_mcp.clients import CannotChange, Installed, Machine, clients, find, install, uninstall

from . import samples
from .samples import machine

EXPECTED = {
    "claude-desktop": (
        ".config/Claude/claude_desktop_config.json",
        "Library/Application Support/Claude/claude_desktop_config.json",
        "AppData/Roaming/Claude/claude_desktop_config.json",
    ),
    "claude-code": (".claude.json",) * 3,
    "cursor": (".cursor/mcp.json",) * 3,
    "vscode": (
        ".config/Code/User/mcp.json",
        "Library/Application Support/Code/User/mcp.json",
        "AppData/Roaming/Code/User/mcp.json",
    ),
    "codex": (".codex/config.toml",) * 3,
    "windsurf": (".codeium/windsurf/mcp_config.json",) * 3,
    "antigravity": (".gemini/config/mcp_config.json",) * 3,
    "gemini": (".gemini/settings.json",) * 3,
    "zed": (".config/zed/settings.json", ".config/zed/settings.json", "AppData/Roaming/Zed/settings.json"),
    "goose": (
        ".config/goose/config.yaml",
        ".config/goose/config.yaml",
        "AppData/Roaming/Block/goose/config/config.yaml",
    ),
    "opencode": (".config/opencode/opencode.jsonc",) * 3,
    "lm-studio": (".lmstudio/mcp.json",) * 3,
}


def test_each_client_keeps_its_settings_where_its_system_wants_them(tmp_path: Path) -> None:
    assert set(EXPECTED) == set(clients())
    for name, paths in EXPECTED.items():
        for system, path in zip(samples.SYSTEMS, (paths[0], paths[1], paths[2]), strict=True):
            assert machine(system, tmp_path).files(clients()[name]) == (tmp_path / path,), (name, system)


@pytest.mark.parametrize(
    ("name", "variable", "path"),
    [
        ("codex", "CODEX_HOME", "config.toml"),
        ("claude-code", "CLAUDE_CONFIG_DIR", ".claude.json"),
        ("zed", "XDG_CONFIG_HOME", "zed/settings.json"),
        ("opencode", "XDG_CONFIG_HOME", "opencode/opencode.jsonc"),
    ],
)
def test_a_variable_that_moves_the_settings_is_heeded(
    name: str, variable: str, path: str, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    moved = Machine(system="linux", home=tmp_path, environ={variable: str(elsewhere)})
    assert moved.files(clients()[name]) == (elsewhere / path,)
    blank = Machine(system="linux", home=tmp_path, environ={variable: " "})
    assert elsewhere / path not in blank.files(clients()[name])


def test_a_packaged_claude_desktop_reads_a_second_file_and_both_are_written(tmp_path: Path) -> None:
    client, windows = clients()["claude-desktop"], machine("win32", tmp_path)
    packaged = tmp_path / "AppData/Local/Packages/Claude_pzs8sxrjxfjjc/LocalCache/Roaming/Claude"
    packaged.mkdir(parents=True)
    assert windows.files(client) == (packaged / "claude_desktop_config.json",)
    (tmp_path / "AppData/Roaming/Claude").mkdir(parents=True)
    changes = install(client, windows, samples.entry(client))
    for change in changes:
        change.make()
    assert [change.file.path.parent for change in changes] == [tmp_path / "AppData/Roaming/Claude", packaged]
    assert len([place for place in find(client, windows) if isinstance(place, Installed)]) == 2
    for change in uninstall(client, windows):
        change.make()
    assert not list(find(client, windows))


def test_if_one_of_two_files_cannot_be_edited_neither_is(tmp_path: Path) -> None:
    client, windows = clients()["claude-desktop"], machine("win32", tmp_path)
    good, broken = (
        tmp_path / "AppData/Roaming/Claude/claude_desktop_config.json",
        tmp_path / "AppData/Local/Packages/Claude_x/LocalCache/Roaming/Claude/claude_desktop_config.json",
    )
    for path, text in ((good, "{}"), (broken, "{,}")):
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    with pytest.raises(CannotChange) as refused:
        install(client, windows, samples.entry(client))
    assert refused.value.path == broken
    assert good.read_text(encoding="utf-8") == "{}"


def test_a_plug_ins_file_is_written_only_where_it_is(tmp_path: Path) -> None:
    client, linux = clients()["windsurf"], machine("linux", tmp_path)
    (tmp_path / ".codeium/windsurf").mkdir(parents=True)
    assert len(linux.files(client)) == 1
    (tmp_path / ".codeium/mcp_config.json").write_text("{}", encoding="utf-8")
    assert len(linux.files(client)) == 2


def test_of_two_names_of_one_file_the_one_that_is_there_is_taken(tmp_path: Path) -> None:
    client, linux = clients()["opencode"], machine("linux", tmp_path)
    older = tmp_path / ".config/opencode/opencode.json"
    older.parent.mkdir(parents=True)
    older.write_text("{}", encoding="utf-8")
    assert linux.files(client) == (older,)


@pytest.mark.parametrize(
    ("text", "older", "where"),
    [
        ("{}", False, ("mcp", "servers", "seedance")),
        ("{}", True, ("mcp", "seedance")),
        ('{"mcp": {"x": {"type": "local", "command": ["y"]}}}', False, ("mcp", "seedance")),
        ('{"mcp": {"servers": {"x": {"type": "local"}}}}', True, ("mcp", "servers", "seedance")),
        ('{"mcp": {"servers": {"type": "local", "command": ["y"]}}}', False, ("mcp", "seedance")),
    ],
)
def test_an_entry_goes_where_the_version_that_wrote_the_file_has_it(
    text: str, older: bool, where: tuple[str, ...], tmp_path: Path
) -> None:
    client, linux = clients()["opencode"], machine("linux", tmp_path)
    path = tmp_path / ".config/opencode/opencode.json"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    [change] = install(client, linux, samples.entry(client), older=older)
    found = json.loads(change.after or "")
    for name in where:
        found = found[name]
    assert found["type"] == "local"


@pytest.mark.parametrize(("before", "meanwhile"), [("{}", '{"a": 1}'), (None, "{}"), ("{}", None)])
def test_what_another_program_writes_meanwhile_is_not_overwritten(
    before: str | None, meanwhile: str | None, tmp_path: Path
) -> None:
    client, linux = clients()["cursor"], machine("linux", tmp_path)
    path = tmp_path / ".cursor/mcp.json"
    path.parent.mkdir()
    _put(path, before)
    [change] = install(client, linux, samples.entry(client))
    _put(path, meanwhile)
    with pytest.raises(CannotChange, match="changed by another program"):
        change.make()
    assert (path.read_text(encoding="utf-8") if path.exists() else None) == meanwhile
    assert not list(path.parent.glob(".*"))


def _put(path: Path, text: str | None) -> None:
    if text is None:
        path.unlink(missing_ok=True)
    else:
        path.write_text(text, encoding="utf-8")


def test_a_folder_or_a_file_with_two_names_is_left_alone(tmp_path: Path) -> None:
    client, linux = clients()["cursor"], machine("linux", tmp_path)
    path = tmp_path / ".cursor/mcp.json"
    path.mkdir(parents=True)
    with pytest.raises(CannotChange, match="it is not a file"):
        install(client, linux, samples.entry(client))
    path.rmdir()
    path.write_text("{}", encoding="utf-8")
    os.link(path, tmp_path / "second")
    with pytest.raises(CannotChange, match="hard links"):
        install(client, linux, samples.entry(client))


def test_a_place_that_cannot_be_written_to_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    client, linux = clients()["cursor"], machine("linux", tmp_path)
    (tmp_path / ".cursor").write_text("a file where the folder would be", encoding="utf-8")
    [change] = install(client, linux, samples.entry(client))
    with pytest.raises(CannotChange, match="cannot be written"):
        change.make()


def test_without_room_for_the_backup_nothing_is_written_and_nothing_left(tmp_path: Path) -> None:
    client, linux = clients()["cursor"], machine("linux", tmp_path)
    path = tmp_path / ".cursor/mcp.json"
    path.parent.mkdir()
    path.write_text("{}", encoding="utf-8")
    [change] = install(client, linux, samples.entry(client))
    change.file.backup.mkdir()
    with pytest.raises(CannotChange, match="cannot be written"):
        change.make()
    assert path.read_text(encoding="utf-8") == "{}"
    assert sorted(path.parent.iterdir()) == [path, change.file.backup]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pipes with a name in a folder")
def test_what_is_no_file_is_not_waited_for_and_told(tmp_path: Path) -> None:
    client, linux = clients()["cursor"], machine("linux", tmp_path)
    (tmp_path / ".cursor").mkdir()
    os.mkfifo(tmp_path / ".cursor/mcp.json")
    [found] = find(client, linux)
    assert isinstance(found, CannotChange)
    assert found.reason == "it is not a file"


@pytest.mark.skipif(sys.platform == "win32", reason="folders have no modes there")
def test_a_folder_that_nobody_may_look_into_is_told_where_it_matters(tmp_path: Path) -> None:
    client, linux = clients()["cursor"], machine("linux", tmp_path)
    (tmp_path / ".cursor").mkdir()
    with without_rights(tmp_path / ".cursor"):
        assert not list(find(clients()["zed"], linux))
        [found] = find(client, linux)
        assert isinstance(found, CannotChange)
        for act in (lambda: install(client, linux, samples.entry(client)), lambda: uninstall(client, linux)):
            with pytest.raises(CannotChange, match="Permission denied"):
                act()
    with without_rights(tmp_path):
        assert not any(linux.found(one) for one in clients().values())


@contextmanager
def without_rights(folder: Path) -> Iterator[None]:
    """Take all rights to a folder away, from root as well."""
    folder.chmod(0)
    root = os.geteuid() == 0
    if root:
        for above in folder.parents:
            if not above.stat().st_mode & 1:
                pytest.skip("nobody else may get to the folder of this test")
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o700)


@pytest.mark.parametrize("named", ["relative/folder", ".", "${HOME}/x"])
def test_a_variable_that_is_no_whole_path_moves_nothing(named: str, tmp_path: Path) -> None:
    moved = Machine(system="linux", home=tmp_path, environ={"XDG_CONFIG_HOME": named})
    assert moved.files(clients()["zed"]) == (tmp_path / ".config/zed/settings.json",)


@pytest.mark.skipif(sys.platform == "win32", reason="there it is not HOME that says it")
@pytest.mark.parametrize("home", ["", "home", "."])
def test_a_home_folder_that_is_no_whole_path_is_none(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", home)
    with pytest.raises(RuntimeError):
        Machine.here()


def test_what_a_killed_installation_left_goes_with_the_next_one(tmp_path: Path) -> None:
    client, linux = clients()["cursor"], machine("linux", tmp_path)
    folder = tmp_path / ".cursor"
    folder.mkdir()
    left, just_now, other = (
        folder / name for name in (".mcp.json.ab12_x9z.new", ".mcp.json.cd34_x9z.new", ".mcp.json.mine.new")
    )
    for file in (left, just_now, other):
        file.write_text("sk-half", encoding="utf-8")
    for file in (left, other):
        os.utime(file, (1, 1))
    for change in install(client, linux, samples.entry(client)):
        change.make()
    assert sorted(folder.iterdir()) == sorted([just_now, other, folder / "mcp.json"])


def test_the_file_from_before_the_first_installation_is_what_comes_back(tmp_path: Path) -> None:
    client, linux = clients()["zed"], machine("linux", tmp_path)
    path = linux.files(client)[0]
    path.parent.mkdir(parents=True)
    path.write_text("{}", encoding="utf-8")
    for command in ("/old/seedance-mcp", "/new/seedance-mcp"):
        for change in install(client, linux, samples.entry(client, command)):
            change.make()
    for change in uninstall(client, linux):
        change.make()
    assert path.read_text(encoding="utf-8") == "{}"
    assert list(path.parent.iterdir()) == [path]


def test_a_diff_of_a_large_file_comes_at_once_and_names_the_lines(tmp_path: Path) -> None:
    client, linux = clients()["claude-code"], machine("linux", tmp_path)
    history = {f"/p/{place}": {"said": ["word", "word"]} for place in range(3000)}
    content = {"before": history, "mcpServers": {"other": {"command": "x"}}, "projects": history}
    text = json.dumps(content, indent=1)
    (tmp_path / ".claude.json").write_text(text, encoding="utf-8")
    [change] = install(client, linux, samples.entry(client))
    begun = time.monotonic()
    shown = change.difference(samples.entry(client)).splitlines()
    # It takes minutes where each hidden text, or each pair of lines, costs a pass over everything.
    assert time.monotonic() - begun < 10
    line = text[: text.index('"mcpServers"')].count("\n") + 1
    assert shown[2].startswith(f"@@ -{line},")
    assert shown[3:5] == ['  "mcpServers": {', '   "other": {']
    assert len(shown) < 20


def test_a_key_makes_its_file_one_that_nobody_else_reads(tmp_path: Path) -> None:
    client, linux = clients()["zed"], machine("linux", tmp_path)
    path = linux.files(client)[0]
    path.parent.mkdir(parents=True)
    path.write_text("{}", encoding="utf-8")
    path.chmod(0o644)
    for change in install(client, linux, samples.entry(client)):
        change.make()
    assert samples.has_mode(path, 0o600)


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_somebody_else_stays_theirs_with_a_key_in_it(tmp_path: Path) -> None:
    client, linux = clients()["zed"], machine("linux", tmp_path)
    path = linux.files(client)[0]
    path.parent.mkdir(parents=True)
    path.write_text("{}", encoding="utf-8")
    os.chown(path, 4711, 4712)
    for change in install(client, linux, samples.entry(client)):
        change.make()
    assert (path.stat().st_uid, path.stat().st_gid) == (4711, 4712)
    assert samples.has_mode(path, 0o600)


@pytest.mark.skipif(sys.platform == "win32", reason="a command needs another name there")
def test_a_client_is_found_by_its_folder_or_its_command(tmp_path: Path) -> None:
    linux = machine("linux", tmp_path)
    assert not any(linux.found(client) for client in clients().values())
    (tmp_path / ".cursor").mkdir()
    program = tmp_path / "bin/gemini"
    program.parent.mkdir()
    program.touch(0o755)
    with_path = Machine(system="linux", home=tmp_path, environ={"PATH": str(program.parent)})
    assert [client.name for client in clients().values() if with_path.found(client)] == ["cursor", "gemini"]
