"""The command `install`, run as a person runs it: what it prints, asks, writes, and how it ends."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from .conftest import Run

SECRET = "install-canary-51c0ffee"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home folder of the command."""
    return tmp_path / "home"


def cursor(home: Path, text: str | None = None) -> Path:
    """Make Cursor's folder, and its settings if there is a text."""
    path = home / ".cursor" / "mcp.json"
    path.parent.mkdir(exist_ok=True)
    if text is not None:
        path.write_text(text, encoding="utf-8")
    return path


def test_a_client_is_listed_installed_examined_and_uninstalled(run: Run, home: Path) -> None:
    path = cursor(home, '{\n  "mcpServers": {} // mine\n}\n')
    before = path.read_bytes()
    found = {one["client"]: one for one in json.loads(run("install", "--list", "--json").stdout)["clients"]}
    assert found["cursor"] == {
        "client": "cursor",
        "title": "Cursor",
        "found": True,
        "installed": False,
        "file": str(path),
        "unreadable": [],
    }
    shown = run("install", "cursor", "--dry-run")
    assert '+    "seedance": {' in shown.stdout
    assert path.read_bytes() == before
    done = run("install", "cursor")
    assert (done.returncode, done.stdout) == (0, f"Installed into {path}\n")
    command = json.loads(path.read_text(encoding="utf-8").replace("// mine", ""))["mcpServers"]["seedance"][
        "command"
    ]
    assert Path(command).is_absolute()
    assert os.access(command, os.X_OK)
    assert "Nothing to do" in run("install", "cursor").stdout
    assert run("install", "--list").stdout.splitlines()[3].split()[:3] == ["cursor", "yes", "yes"]
    assert run("install", "cursor", "--uninstall").returncode == 0
    assert path.read_bytes() == before
    assert "has no entry" in run("install", "cursor", "--uninstall").stdout


def test_a_key_of_the_terminal_is_referred_to_and_never_written(run: Run, home: Path) -> None:
    path = cursor(home)
    said = [
        run("install", "cursor", word, FAL_KEY=SECRET) for word in ("--print", "--dry-run", "--key=FAL_KEY")
    ]
    entry = json.loads(path.read_text(encoding="utf-8"))["mcpServers"]["seedance"]
    assert entry["env"] == {"FAL_KEY": "${env:FAL_KEY}"}
    assert json.loads(said[0].stdout) == json.loads(path.read_text(encoding="utf-8"))
    assert SECRET not in "".join(one.stdout + one.stderr for one in said)


def test_settings_of_the_terminal_that_the_entry_lacks_are_named(run: Run, home: Path) -> None:
    path = cursor(home)
    cap = {"SEEDANCE_MAX_USD_PER_DAY": "4.25"}
    said = run("install", "cursor", **cap).stderr
    [line] = [line for line in said.splitlines() if line.startswith("Not in the entry: ")]
    assert "SEEDANCE_MAX_USD_PER_DAY" in line
    assert "config.toml or the environment of the entry." in line
    assert "4.25" not in said
    entry = json.loads(path.read_text(encoding="utf-8"))
    entry["mcpServers"]["seedance"]["env"] = cap
    path.write_text(json.dumps(entry), encoding="utf-8")
    assert "SEEDANCE_MAX_USD_PER_DAY" not in run("install", "cursor", **cap).stderr


def test_without_a_terminal_nobody_is_asked_and_it_is_said_what_is_left(run: Run, home: Path) -> None:
    done = run("install", "lm-studio", FAL_KEY=SECRET)
    assert done.returncode == 0
    assert "FAL_KEY is not in the entry: `seedance-mcp setup` stores it" in done.stderr
    assert "LM Studio was not found on this machine" in done.stderr
    assert SECRET not in (home / ".lmstudio/mcp.json").read_text(encoding="utf-8") + done.stdout + done.stderr


def test_a_broken_file_is_left_alone_and_the_snippet_is_shown(run: Run, home: Path) -> None:
    path = cursor(home, '{"mcpServers": ')
    done = run("install", "cursor")
    assert done.returncode == 2
    assert f"error [client]: {path} was left as it is: line 1:" in done.stderr
    assert "hint: Correct that and run it again.\n" in done.stderr
    assert 'by hand, below `mcpServers`:\n"seedance": {\n' in done.stderr
    assert path.read_text(encoding="utf-8") == '{"mcpServers": '
    refused = run("install", "cursor", "--uninstall")
    assert (refused.returncode, '"seedance"' in refused.stderr) == (2, False)
    row = run("install", "--list").stdout.splitlines()[3]
    assert row.split()[:3] == ["cursor", "yes", "?"]


def test_after_taking_out_an_entry_nothing_is_said_of_starting_it(run: Run, home: Path) -> None:
    cursor(home)
    said = run("install", "vscode", "--key", "FAL_KEY").stderr
    assert "start it there.\n" in said
    assert "VS Code asks for FAL_KEY once and stores it." in said
    assert "asks for" not in run("install", "vscode").stderr
    assert "switch it on" in run("install", "cursor").stderr
    assert {run("install", client, "--uninstall").stderr for client in ("vscode", "cursor")} == {""}
    run("install", "claude-code")
    assert "keeps the server until it ends" in run("install", "claude-code", "--uninstall").stderr


def test_a_dry_run_shows_tabs_as_they_are_and_says_what_is_hidden(run: Run, home: Path) -> None:
    cursor(home, '{\n\t"mcpServers": {\n\t\t"other": {"url": "https://mine"}\n\t}\n}\n')
    shown = run("install", "Cursor", "--dry-run")
    assert '\n-\t\t"other": {"url": "…"}\n+\t\t"other": {"url": "…"},\n+\t\t"seedance": {' in shown.stdout
    assert shown.stderr.startswith("… stands for a text that is hidden")


def test_a_client_is_found_by_its_settings_file_and_a_dry_run_makes_no_entry(run: Run, home: Path) -> None:
    said = run("install", "claude-code", "--dry-run").stderr
    assert "Claude Code was not found on this machine.\n" in said
    (home / ".claude.json").write_text("{}", encoding="utf-8")
    done = run("install", "Claude Code")
    assert done.stdout == f"Installed into {home / '.claude.json'}\n"
    assert "was not found" not in done.stderr


def test_what_is_no_client_or_no_key_is_refused(run: Run, home: Path) -> None:
    assert "Say which client: claude-desktop," in run("install").stderr
    unknown = run("install", "emacs").stderr
    assert ("invalid choice: 'emacs'" in unknown, "claude-code" in unknown) == (True, True)
    refused = run("install", "cursor", "--key", "HOME")
    assert (refused.returncode, "HOME is not the variable" in refused.stderr) == (2, True)
    assert not (home / ".cursor").exists()


def test_a_key_that_stays_in_the_backup_is_named(run: Run, home: Path) -> None:
    entry = {"command": "/x", "env": {"FAL_KEY": SECRET}}
    path = cursor(home, json.dumps({"mcpServers": {"seedance": entry}}))
    done = run("install", "cursor", "--uninstall")
    backup = path.with_name("mcp.json.before-seedance")
    assert f"As it was before, with FAL_KEY in it: {backup}" in done.stderr
    assert SECRET in backup.read_text(encoding="utf-8")
    assert SECRET not in path.read_text(encoding="utf-8") + done.stdout + done.stderr
    backup.unlink()


@pytest.mark.parametrize("field", [{"disabled": True}, {"enabled": False}])
def test_the_check_up_says_that_an_entry_is_switched_off(
    run: Run, home: Path, field: dict[str, bool]
) -> None:
    cursor(home, json.dumps({"mcpServers": {"seedance": {"command": "/nowhere", **field}}}))
    findings = json.loads(run("doctor", "--offline", "--json", "--start-entries").stdout)["findings"]
    [found] = [one for one in findings if one["subject"] == "cursor"]
    assert (found["verdict"], "switched off there" in found["text"]) == ("off", True)


def test_an_entry_for_one_project_is_named_with_its_project(run: Run, home: Path) -> None:
    entry = {"mcpServers": {"seedance": {"command": "/nowhere"}}}
    path = home / ".claude.json"
    path.write_text(json.dumps({"projects": {"/work/fox": entry, "/work/hen": {}}}), encoding="utf-8")
    [row] = [line for line in run("install", "--list").stdout.splitlines() if line.startswith("claude-code")]
    assert row.split()[1:3] == ["yes", "-"]
    assert row.endswith(f"{path} (for the project /work/fox only)")
    findings = json.loads(run("doctor", "--offline", "--json").stdout)["findings"]
    [found] = [one for one in findings if one["area"] == "clients"]
    assert f"in {path} (for the project /work/fox only), but its command /nowhere" in found["text"]
    assert "install claude-code" not in found["hint"]
    left = run("install", "claude-code", "--uninstall").stderr
    assert left == f"Not taken out: the entry in {path} (for the project /work/fox only).\n"


def test_a_home_folder_that_is_no_whole_path_is_refused(run: Run, tmp_path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("there it is not HOME that says it")
    done = run("install", "cursor", HOME="somewhere")
    assert (done.returncode, "The home folder is not known" in done.stderr) == (2, True)
    assert not (tmp_path / "somewhere").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="the client's own command is a script of a shell here")
@pytest.mark.parametrize(("version", "table"), [("1.4.2", "mcp"), ("2.0.0", "servers")])
def test_a_client_whose_versions_differ_is_asked_for_its_own(
    run: Run, home: Path, tmp_path: Path, version: str, table: str
) -> None:
    program = tmp_path / "bin" / "opencode"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho opencode {version}\n", encoding="utf-8")
    program.chmod(0o755)
    run("install", "opencode", PATH=f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    content = json.loads((home / ".config/opencode/opencode.jsonc").read_text(encoding="utf-8"))
    assert "seedance" in (content["mcp"] if table == "mcp" else content["mcp"]["servers"])


def test_the_check_up_says_whether_what_an_entry_starts_is_still_there(run: Run, home: Path) -> None:
    def clients(*words: str) -> dict[str, dict[str, str]]:
        findings = json.loads(run("doctor", "--offline", "--json", *words).stdout)["findings"]
        return {one["subject"]: one for one in findings if one["area"] == "clients"}

    assert clients()["clients"]["verdict"] == "off"
    path = cursor(home)
    run("install", "cursor")
    assert clients("--start-entries")["cursor"]["verdict"] == "ok"
    for command, trouble in (
        ("/nowhere/seedance-mcp", "is not there, or is no program"),
        ("seedance-mcp", "is no whole path"),
    ):
        path.write_text(json.dumps({"mcpServers": {"seedance": {"command": command}}}), encoding="utf-8")
        found = clients()["cursor"]
        assert (found["verdict"], trouble in found["text"]) == ("warning", True)
    path.write_text(json.dumps({"mcpServers": {"seedance": {"command": sys.executable}}}), encoding="utf-8")
    assert "does not say its version" in clients("--start-entries")["cursor"]["text"]
