"""Writes the entry for somebody who pastes it: as a whole file, or as what goes into one that has something in it."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from .entries import NAME, Entry, fields, inputs, table_of, with_inputs
from .known import Client
from .shapes import Unusable, Value


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A text to be pasted; `below` says where, and is empty if it is the whole file."""

    below: str
    text: str


def snippet(client: Client, entry: Entry, *, older: bool = False) -> str:
    """Write the entry as a settings file that holds nothing else; it never holds a key."""
    shown = _without_keys(entry)
    path = (*table_of(client, "", older=older), NAME)
    return with_inputs(client, client.editor.document(path, fields(client, shown)), shown)


def pieces(client: Client, entry: Entry, text: str | None, *, older: bool = False) -> list[Piece]:
    """Write the entry for a settings file with this text, be it broken or unknown; no piece ever holds a key."""
    if text is not None and not text.strip():
        return [Piece(below="", text=snippet(client, entry, older=older))]
    shown = _without_keys(entry)
    try:
        table = table_of(client, text or "", older=older)
    except Unusable:
        table = table_of(client, "", older=older)
    value, name = fields(client, shown), ".".join(table)
    if client.format == "toml":  # a table has its whole name, wherever it stands
        return [Piece(below="the other tables", text=client.editor.document((*table, NAME), value))]
    if client.format == "yaml":
        member = client.editor.document((NAME,), value)
        return [Piece(below=f"`{name}:`", text=textwrap.indent(member, "  "))]
    found = [Piece(below=f"`{name}`", text=_inside(client, {NAME: value}))]
    if asked := inputs(shown) if client.keys.kind == "input" else []:
        found.append(Piece(below="`inputs`", text=_inside(client, asked)))
    return found


def _without_keys(entry: Entry) -> Entry:
    return Entry(command=entry.command, arguments=entry.arguments, variables=entry.variables)


def _inside(client: Client, value: Value) -> str:
    """Write what stands between the brackets of a JSON object or list."""
    lines = client.editor.put("", (), value).splitlines(keepends=True)
    return textwrap.dedent("".join(lines[1:-1]))
