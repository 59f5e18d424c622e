"""Every client on every system, with its settings file in every state: what is written, what stays, what is refused."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from seedance_mcp.clients import (
    CannotChange,
    Change,
    Client,
    Installed,
    Machine,
    clients,
    find,
    install,
    uninstall,
)

from . import samples
from .samples import SYSTEMS

EVERY_CLIENT = pytest.mark.parametrize("client", clients().values(), ids=lambda client: client.name)

STATES: dict[str, Callable[[Client], bytes]] = {
    "empty": lambda client: b"",
    "blank": lambda client: b"\n",
    "others": lambda client: samples.others(client).encode(),
    "line ends of Windows": lambda client: samples.others(client).replace("\n", "\r\n").encode(),
    "byte order mark": lambda client: codecs.BOM_UTF8 + samples.others(client).encode(),
    "no line end at the end": lambda client: samples.others(client).rstrip("\n").encode(),
}

UNUSABLE: dict[str, Callable[[Client], bytes]] = {
    "broken": lambda client: samples.BROKEN[client.format].encode(),
    "latin-1": lambda client: samples.others(client).replace("m", "\xf6").encode("latin-1"),
    "UTF-16": lambda client: samples.others(client).encode("utf-16"),
    "a list for the entries": lambda client: samples.with_a_list(client).encode(),
    "read-only": lambda client: samples.others(client).encode(),
}


def machines(folder: Path) -> Iterator[Machine]:
    """Make a machine of each system, each in a folder of its own."""
    return (samples.machine(system, folder / system) for system in SYSTEMS)


def settings_file(client: Client, machine: Machine, content: bytes, mode: int = 0o640) -> Path:
    """Write the first settings file of a client, by whose folder a client is found."""
    path = machine.files(client)[0]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    return path


def make(changes: Iterable[Change]) -> None:
    """Carry changes out."""
    for change in changes:
        change.make()


def refusal(client: Client, machine: Machine) -> str:
    """Return why a client's settings are left as they are."""
    with pytest.raises(CannotChange) as refused:
        install(client, machine, samples.entry(client))
    return refused.value.reason


@EVERY_CLIENT
def test_a_file_that_is_not_there_is_made_for_the_user_alone_and_goes_again(
    client: Client, tmp_path: Path
) -> None:
    entry = samples.entry(client)
    for machine in machines(tmp_path):
        [change] = install(client, machine, entry)
        change.make()
        path = change.file.path
        assert samples.has_mode(path, 0o600)
        assert samples.without_entry(client, samples.read(client, path)) == {}
        started = samples.entry_in(client, samples.read(client, path))[client.command]
        assert started == ([entry.command] if client.as_list else entry.command)
        assert not any(again.needed for again in install(client, machine, entry))
        [found] = find(client, machine)
        assert isinstance(found, Installed)
        assert (found.start.command, found.start.arguments) == (entry.command, ())
        make(uninstall(client, machine))
        assert not path.exists()
        assert uninstall(client, machine) == []


@EVERY_CLIENT
@pytest.mark.parametrize("state", STATES)
def test_what_else_is_in_a_file_stays_and_uninstalling_restores_it(
    client: Client, state: str, tmp_path: Path
) -> None:
    before = STATES[state](client)
    entry = samples.entry(client)
    for machine in machines(tmp_path):
        path = settings_file(client, machine, before)
        content = samples.read(client, path)
        [change] = install(client, machine, entry)
        assert path.read_bytes() == before
        change.make()
        after = path.read_bytes()
        assert samples.without_entry(client, samples.read(client, path)) == content
        assert samples.entry_in(client, samples.read(client, path))
        assert _stays(before.rstrip(b"\r\n"), after)
        assert (b"\n" not in after.replace(b"\r\n", b"")) == (state == "line ends of Windows")
        assert samples.has_mode(path, 0o600 if entry.secrets else 0o640)
        assert change.file.backup.read_bytes() == before
        assert samples.has_mode(change.file.backup, 0o640)
        assert not any(again.needed for again in install(client, machine, entry))
        make(uninstall(client, machine))
        assert path.read_bytes() == before
        assert [file for file in path.parent.iterdir() if file.is_file()] == [path]


@EVERY_CLIENT
def test_uninstalling_without_the_backup_leaves_what_others_wrote(client: Client, tmp_path: Path) -> None:
    machine = samples.machine("linux", tmp_path)
    path = settings_file(client, machine, samples.others(client).encode())
    [change] = install(client, machine, samples.entry(client))
    change.make()
    change.file.backup.unlink()
    make(uninstall(client, machine))
    assert path.read_text(encoding="utf-8") == samples.others(client)


@EVERY_CLIENT
def test_an_older_entry_is_brought_up_to_date_and_keeps_the_users_own_fields(
    client: Client, tmp_path: Path
) -> None:
    entry = samples.entry(client)
    for machine in machines(tmp_path):
        path = settings_file(client, machine, samples.with_ours(client).encode())
        before = samples.read(client, path)
        [change] = install(client, machine, entry)
        change.make()
        now, then = (samples.entry_in(client, content) for content in (samples.read(client, path), before))
        assert now[client.command] == ([entry.command] if client.as_list else entry.command)
        ours = {client.command, client.keys.field}
        assert {name: now[name] for name in then if name not in ours} == {
            name: value for name, value in then.items() if name not in ours
        }
        kept = then.get(client.keys.field, {})
        assert kept.items() <= {**now.get(client.keys.field, {})}.items() if kept else True
        assert samples.without_entry(client, samples.read(client, path)) == samples.without_entry(
            client, before
        )
        assert ("where it was" in path.read_text(encoding="utf-8")) == (client.format in ("toml", "yaml"))
        assert not any(again.needed for again in install(client, machine, entry))


@EVERY_CLIENT
@pytest.mark.parametrize("state", UNUSABLE)
def test_a_file_that_cannot_be_edited_with_certainty_is_left_alone(
    client: Client, state: str, tmp_path: Path
) -> None:
    content = UNUSABLE[state](client)
    for machine in machines(tmp_path):
        path = settings_file(client, machine, content, mode=0o440 if state == "read-only" else 0o640)
        assert samples.OTHER_SECRET not in refusal(client, machine)
        assert path.read_bytes() == content
        assert list(path.parent.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="making links takes a right that few have there")
@EVERY_CLIENT
def test_a_link_is_followed_and_stays_a_link(client: Client, tmp_path: Path) -> None:
    content = samples.others(client).encode()
    target = tmp_path / "dotfiles" / "settings"
    target.parent.mkdir()
    for machine in machines(tmp_path):
        target.write_bytes(content)
        path = machine.files(client)[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)
        make(install(client, machine, samples.entry(client)))
        assert path.is_symlink()
        assert samples.entry_in(client, samples.read(client, target))
        make(uninstall(client, machine))
        assert path.is_symlink()
        assert target.read_bytes() == content
        target.unlink()
        assert refusal(client, machine) == "it is a link that leads to no file"


@EVERY_CLIENT
def test_no_key_and_no_comment_of_anybody_is_in_a_diff(client: Client, tmp_path: Path) -> None:
    machine = samples.machine("linux", tmp_path)
    settings_file(client, machine, samples.others(client).encode())
    entry = samples.entry(client)
    [change] = install(client, machine, entry)
    shown = change.difference(entry)
    assert entry.command in shown
    change.make()
    shown += "".join(change.difference() for change in uninstall(client, machine))
    assert "SOME_API_KEY" in shown
    for hidden in (samples.OTHER_SECRET, "sk-ours", "mine", "not ours", "the developer's"):
        assert hidden not in shown


def _stays(before: bytes, after: bytes) -> bool:
    """Return whether all lines are still there in their order; a comma more is what lets another member follow."""
    left = iter(after.splitlines())
    return all(any(now in (line, line + b",") for now in left) for line in before.splitlines())
