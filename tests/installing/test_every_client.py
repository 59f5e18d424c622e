"""Every client on every system, with its settings file in every state: what is written, what stays, what is refused."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from seedance_mcp.clients import CannotChange, Client, Installed, Machine, clients, find, install, uninstall

from . import samples
from .samples import SYSTEMS

CLIENTS = tuple(clients().values())
EVERY = pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
ON_EVERY_SYSTEM = pytest.mark.parametrize("system", SYSTEMS)

STATES = {
    "empty": lambda client: b"",
    "blank": lambda client: b"\n",
    "others": lambda client: samples.others(client).encode(),
    "crlf": lambda client: samples.others(client).replace("\n", "\r\n").encode(),
    "bom": lambda client: codecs.BOM_UTF8 + samples.others(client).encode(),
    "no newline at the end": lambda client: samples.others(client).rstrip("\n").encode(),
}


def settings_file(client: Client, machine: Machine, content: bytes, mode: int = 0o640) -> Path:
    """Write the first settings file of a client, which is how a client is there."""
    path = machine.files(client)[0]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    return path


def make_all(changes: list[object]) -> None:
    """Carry the changes out."""
    for change in changes:
        change.make()  # type: ignore[attr-defined]


def refusal(client: Client, machine: Machine) -> str:
    """Return why a client's settings are left as they are."""
    with pytest.raises(CannotChange) as refused:
        install(client, machine, samples.entry(client))
    return refused.value.reason


@EVERY
@ON_EVERY_SYSTEM
def test_a_file_that_is_not_there_is_made_for_the_user_alone_and_goes_again(
    client: Client, system: str, tmp_path: Path
) -> None:
    machine = samples.machine(system, tmp_path / "home")
    entry = samples.entry(client)
    [change] = install(client, machine, entry)
    change.make()
    path = change.file.path
    assert path.stat().st_mode & 0o777 == 0o600
    assert samples.without_entry(client, samples.read(client, path)) == {}
    started = samples.entry_in(client, samples.read(client, path))[client.command]
    assert started == ([entry.command] if client.as_list else entry.command)
    assert not any(change.needed for change in install(client, machine, entry))
    [found] = find(client, machine)
    assert isinstance(found, Installed)
    assert (found.start.command, found.start.arguments) == (entry.command, ())
    make_all(list(uninstall(client, machine)))
    assert not path.exists()
    assert uninstall(client, machine) == []


@EVERY
@ON_EVERY_SYSTEM
@pytest.mark.parametrize("state", STATES)
def test_what_else_is_in_a_file_stays_and_uninstalling_restores_it(
    client: Client, system: str, state: str, tmp_path: Path
) -> None:
    machine = samples.machine(system, tmp_path / "home")
    before = STATES[state](client)
    path = settings_file(client, machine, before)
    content = samples.read(client, path)
    entry = samples.entry(client)
    [change] = install(client, machine, entry)
    assert path.read_bytes() == before
    change.make()
    after = path.read_bytes()
    assert samples.without_entry(client, samples.read(client, path)) == content
    assert samples.entry_in(client, samples.read(client, path))
    assert _stays(before.rstrip(b"\r\n"), after)
    assert (b"\n" not in after.replace(b"\r\n", b"")) == (state == "crlf")
    assert path.stat().st_mode & 0o777 == 0o640
    assert change.file.backup.read_bytes() == before
    assert change.file.backup.stat().st_mode & 0o777 == 0o640
    assert not any(change.needed for change in install(client, machine, entry))
    make_all(list(uninstall(client, machine)))
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir() if file.is_file()] == [path.name]


@EVERY
def test_uninstalling_without_the_backup_leaves_what_others_wrote(client: Client, tmp_path: Path) -> None:
    machine = samples.machine("linux", tmp_path / "home")
    path = settings_file(client, machine, samples.others(client).encode())
    [change] = install(client, machine, samples.entry(client))
    change.make()
    change.file.backup.unlink()
    make_all(list(uninstall(client, machine)))
    assert path.read_text(encoding="utf-8") == samples.others(client)


@EVERY
@ON_EVERY_SYSTEM
def test_an_older_entry_is_brought_up_to_date_and_keeps_the_users_own_fields(
    client: Client, system: str, tmp_path: Path
) -> None:
    machine = samples.machine(system, tmp_path / "home")
    path = settings_file(client, machine, samples.with_ours(client).encode())
    before = samples.read(client, path)
    entry = samples.entry(client)
    [change] = install(client, machine, entry)
    assert "/old/seedance-mcp" not in change.difference(entry)
    change.make()
    now = samples.entry_in(client, samples.read(client, path))
    assert now[client.command] == ([entry.command] if client.as_list else entry.command)
    assert {
        name: now[name]
        for name in samples.entry_in(client, before)
        if name != client.command and name != client.keys.field
    } == {
        name: value
        for name, value in samples.entry_in(client, before).items()
        if name != client.command and name != client.keys.field
    }
    own_keys = samples.entry_in(client, before).get(client.keys.field)
    if isinstance(own_keys, dict):
        assert own_keys.items() <= now[client.keys.field].items()
    assert samples.without_entry(client, samples.read(client, path)) == samples.without_entry(client, before)
    assert ("where it was" in path.read_text(encoding="utf-8")) == (client.format in ("toml", "yaml"))
    assert not any(change.needed for change in install(client, machine, entry))


@EVERY
@ON_EVERY_SYSTEM
@pytest.mark.parametrize("state", ["broken", "not UTF-8", "UTF-16", "read-only", "a folder", "a list"])
def test_a_file_that_cannot_be_edited_with_certainty_is_left_alone(
    client: Client, system: str, state: str, tmp_path: Path
) -> None:
    machine = samples.machine(system, tmp_path / "home")
    text = samples.others(client)
    content = {
        "broken": samples.BROKEN[client.format].encode(),
        "not UTF-8": text.replace("some", "s\xf6me").replace("dark", "d\xe4rk").encode("latin-1"),
        "UTF-16": text.encode("utf-16"),
        "a list": _with_a_list(client).encode(),
    }.get(state, text.encode())
    path = settings_file(client, machine, content, mode=0o440 if state == "read-only" else 0o640)
    if state == "a folder":
        path.unlink()
        path.mkdir()
    reason = refusal(client, machine)
    assert samples.OTHER_SECRET not in reason
    if state == "a folder":
        assert reason == "it is not a file"
    else:
        assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


@EVERY
@ON_EVERY_SYSTEM
def test_a_link_is_followed_and_stays_a_link(client: Client, system: str, tmp_path: Path) -> None:
    machine = samples.machine(system, tmp_path / "home")
    content = samples.others(client).encode()
    target = tmp_path / "dotfiles" / "settings"
    target.parent.mkdir()
    target.write_bytes(content)
    path = machine.files(client)[0]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)
    make_all(list(install(client, machine, samples.entry(client))))
    assert path.is_symlink()
    assert samples.entry_in(client, samples.read(client, target))
    make_all(list(uninstall(client, machine)))
    assert path.is_symlink()
    assert target.read_bytes() == content
    target.unlink()
    assert refusal(client, machine) == "it is a link that leads to no file"


@EVERY
def test_no_key_of_anybody_is_in_a_diff(client: Client, tmp_path: Path) -> None:
    machine = samples.machine("linux", tmp_path / "home")
    commented = samples.others(client)
    settings_file(client, machine, commented.encode())
    entry = samples.entry(client)
    [change] = install(client, machine, entry)
    shown = change.difference(entry)
    assert entry.command in shown
    change.make()
    shown += "".join(change.difference() for change in uninstall(client, machine))
    assert "SOME_API_KEY" in shown
    for secret in (samples.OTHER_SECRET, "sk-ours", "mine", "not ours", "the developer's"):
        assert secret not in shown


def _with_a_list(client: Client) -> str:
    """Write a file that has something else where the entries would have to be."""
    if client.format == "toml":
        return 'mcp_servers = ["a"]\n'
    if client.format == "yaml":
        return "extensions:\n- a\n- b\n"
    return f'{{"{client.table[0]}": ["a"]}}'


def _stays(before: bytes, after: bytes) -> bool:
    """Return whether all lines are still there in their order; a comma more is what lets another member follow."""
    left = iter(after.splitlines())
    return all(any(now in (line, line + b",") for now in left) for line in before.splitlines())
