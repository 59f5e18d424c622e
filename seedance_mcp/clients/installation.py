"""Installs the server into a client's settings files, and takes it out again: foreseen as changes, then made."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import settings_files
from .entries import NAME, Entry, Start, as_installed, fields, installed, is_installed, removed
from .known import Client, Machine
from .settings_files import SettingsFile
from .shapes import Unusable, Value


class CannotChange(Exception):
    """A settings file is left as it is."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} was left as it is: {reason}.")
        self.path = path
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Change:
    """
    What becomes of one settings file; `after` is None if it is to be removed.

    `restores`: it becomes what its backup is, which is of no use any more then.
    """

    client: Client
    file: SettingsFile
    after: str | None
    restores: bool = False

    @property
    def needed(self) -> bool:
        """Whether anything changes."""
        return self.after is None or self.file.raw is None or self.after != self.file.text

    def difference(self, entry: Entry | None = None) -> str:
        """Write the change as a unified diff. Comments and texts that are not of this entry are hidden: they may be keys."""
        shown, keep = self.client.editor.shown, _texts(self.client, entry)
        before = shown(self.file.text, keep).splitlines()
        after = shown(self.after or "", keep).splitlines()
        name = str(self.file.target)
        lines = difflib.unified_diff(
            before, after, name, name if self.after is not None else "(removed)", lineterm=""
        )
        return "".join(f"{line}\n" for line in lines)

    def make(self) -> None:
        """
        Write it.

        Raises:
            CannotChange: nothing was written.
        """
        try:
            if self.after is None:
                settings_files.remove(self.file)
            else:
                settings_files.replace(self.file, self.after, keep_backup=not self.restores)
                if self.restores:
                    self.file.backup.unlink(missing_ok=True)
        except Unusable as error:
            raise CannotChange(self.file.path, str(error)) from None


@dataclass(frozen=True, kw_only=True)
class Installed:
    """A settings file that has an entry of this server, and how that starts it."""

    client: Client
    path: Path
    start: Start


def install(client: Client, machine: Machine, entry: Entry, *, older: bool = False) -> list[Change]:
    """
    Foresee what is written for a client, file by file; nothing is touched.

    Raises:
        CannotChange: one of the files cannot be edited.
    """
    changes: list[Change] = []
    for path in machine.files(client):
        try:
            file = settings_files.read(path)
            changes.append(
                Change(client=client, file=file, after=installed(client, file.text, entry, older=older))
            )
        except Unusable as error:
            raise CannotChange(path, str(error)) from None
    return changes


def uninstall(client: Client, machine: Machine) -> list[Change]:
    """
    Foresee what taking the entry out does, for each file that has one.

    A file that is exactly what installing made of its backup gets the bytes of the backup again, and one that
    installing made is removed.

    Raises:
        CannotChange: one of the files cannot be edited.
    """
    changes: list[Change] = []
    for path in machine.all_files(client):
        try:
            file = settings_files.read(path)
            if is_installed(client, file.text) is not None:
                changes.append(_without(client, file))
        except Unusable as error:
            raise CannotChange(path, str(error)) from None
    return changes


def find(client: Client, machine: Machine) -> Iterator[Installed | CannotChange]:
    """Yield where the server is installed, and which files of a client could not be looked into."""
    for path in machine.all_files(client):
        try:
            text = path.read_bytes().removeprefix(b"\xef\xbb\xbf").decode()
            if start := is_installed(client, text):
                yield Installed(client=client, path=path, start=start)
        except UnicodeDecodeError:
            yield CannotChange(path, "it is not written in UTF-8")
        except (OSError, Unusable) as error:
            yield CannotChange(path, str(error))


def _without(client: Client, file: SettingsFile) -> Change:
    """Foresee the file without the entry: as its backup is, if nothing else has changed since."""
    left = removed(client, file.text)
    if not file.backup.is_file():
        made_here = as_installed(client, "", file.text) == file.text
        return Change(client=client, file=file, after=None if made_here else left)
    try:
        before = settings_files.read(file.backup).text
        if as_installed(client, before, file.text) == file.text:
            return Change(client=client, file=file, after=before, restores=True)
    except Unusable:
        pass
    return Change(client=client, file=file, after=left)


def _texts(client: Client, entry: Entry | None) -> set[str]:
    """Return the texts of an entry that may be shown: all but keys."""
    if entry is None:
        return set()
    shown = Entry(command=entry.command, arguments=entry.arguments, variables=entry.variables)
    return {NAME, *_all_texts(fields(client, shown))}


def _all_texts(value: Value) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _all_texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _all_texts(one)
