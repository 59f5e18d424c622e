"""Installs the server into a client's settings files, and takes it out again: foreseen as changes, then made."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from . import settings_files
from .entries import NAME, Entry, Start, as_installed, fields, in_projects, installed, is_installed, removed
from .known import Client, Machine
from .settings_files import SettingsFile
from .shapes import Unusable, Value

_LINES_AROUND = 3
_PLACE = re.compile(r"([-+])(\d+)")
"""Where a part of a diff begins, in its head."""


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

    `restores`: it becomes what its backup is, which is of no use any more then. `keep_backup`: as it is now, it is kept.
    `private`: there is a key in it that nobody but the user is to read.
    """

    client: Client
    file: SettingsFile
    after: str | None
    restores: bool = False
    keep_backup: bool = True
    private: bool = False

    @property
    def needed(self) -> bool:
        """Whether anything changes."""
        return self.after is None or self.file.raw is None or self.after != self.file.text

    @property
    def held_before(self) -> tuple[str, ...]:
        """The variables whose values stand in the entry as it is now, and so in the backup that is kept of it."""
        start = is_installed(self.client, self.file.text)
        return start.holds if start else ()

    def difference(self, entry: Entry | None = None) -> str:
        """Write the change as a unified diff. Comments and texts that are not of this entry are hidden: they may be keys."""
        shown, keep = self.client.editor.shown, _texts(self.client, entry)
        before = shown(self.file.text, keep).splitlines()
        after = shown(self.after or "", keep).splitlines()
        name = str(self.file.target)
        return "".join(
            f"{line}\n"
            for line in _difference(before, after, name, name if self.after is not None else "(removed)")
        )

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
                settings_files.replace(
                    self.file, self.after, keep_backup=self.keep_backup, private=self.private
                )
                if self.restores:
                    with suppress(OSError):
                        self.file.backup.unlink(missing_ok=True)
        except Unusable as error:
            raise CannotChange(self.file.path, str(error)) from None


@dataclass(frozen=True, kw_only=True)
class Installed:
    """
    A settings file that has an entry of this server, and how that starts it.

    `project` is the folder for which alone the client has the entry; None: it has it everywhere.
    """

    client: Client
    path: Path
    start: Start
    project: str | None = None

    @property
    def place(self) -> str:
        """The file, and the project where the entry is for one only."""
        return f"{self.path}{f' (for the project {self.project} only)' if self.project is not None else ''}"


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
                Change(
                    client=client,
                    file=file,
                    after=installed(client, file.text, entry, older=older),
                    keep_backup=_before(client, file) is None,
                    private=bool(entry.secrets),
                )
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
            text = settings_files.read(path, to_change=False).text
            if start := is_installed(client, text):
                yield Installed(client=client, path=path, start=start)
            for project, start in in_projects(client, text).items():
                yield Installed(client=client, path=path, start=start, project=project)
        except Unusable as error:
            yield CannotChange(path, str(error))


def _difference(before: list[str], after: list[str], name: str, new_name: str) -> Iterator[str]:
    """Yield a unified diff; what is the same at both ends is passed over first, for `difflib` takes minutes for megabytes."""
    most = min(len(before), len(after))
    head = next((place for place in range(most) if before[place] != after[place]), most)
    tail = next(
        (place for place in range(most - head) if before[-1 - place] != after[-1 - place]), most - head
    )
    first = max(head - _LINES_AROUND, 0)
    left = max(tail - _LINES_AROUND, 0)
    old, new = before[first : len(before) - left], after[first : len(after) - left]
    for line in difflib.unified_diff(old, new, name, new_name, n=_LINES_AROUND, lineterm=""):
        is_head = line.startswith("@@")
        yield _PLACE.sub(lambda found: f"{found[1]}{int(found[2]) + first}", line) if is_head else line


def _without(client: Client, file: SettingsFile) -> Change:
    """Foresee the file without the entry: as its backup is, if nothing else has changed since."""
    left = removed(client, file.text)
    if (before := _before(client, file)) is not None:
        return Change(client=client, file=file, after=before, restores=True, keep_backup=False)
    made_here = not file.backup.is_file() and as_installed(client, "", file.text) == file.text
    return Change(client=client, file=file, after=None if made_here else left)


def _before(client: Client, file: SettingsFile) -> str | None:
    """Return the text of the backup if the file is what installing made of it, byte for byte; else None."""
    try:
        backup = settings_files.read(file.backup, to_change=False)
        if backup.raw is None or backup.marked != file.marked:
            return None
        return backup.text if as_installed(client, backup.text, file.text) == file.text else None
    except Unusable:
        return None


def _texts(client: Client, entry: Entry | None) -> set[str]:
    """Return the texts of an entry that may be shown: all but keys."""
    if entry is None:
        return set()
    shown = Entry(command=entry.command, arguments=entry.arguments, variables=entry.variables)
    return {NAME, *_all_texts(fields(client, shown))}


def _all_texts(value: Value) -> Iterator[str]:
    if isinstance(value, str | int):
        yield str(value)
    elif isinstance(value, dict):
        for one in value.values():
            yield from _all_texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _all_texts(one)
