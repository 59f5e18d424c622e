"""What the entry of this server says in each client's settings, how it gets there, and how it is read again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from ..texts import storable
from .known import Client
from .shapes import UnknownShape, Value

NAME = "seedance"
"""What the entry is called, everywhere."""

_INPUTS = "inputs"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """
    How the server is started, and which keys the client is to hand on.

    `variables` are referred to, and not held; `secrets` are held, for clients that cannot refer to a variable.
    """

    command: str
    arguments: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)


@dataclass(frozen=True, kw_only=True)
class Start:
    """
    How an entry that is there starts the server; `command` is empty if it does not say so.

    `holds` are the variables whose values stand in the entry itself: the server takes those, whatever is stored elsewhere.
    `names` are all that it gives the server, also those that it only refers to. `switched_off`: the client does not start it.
    """

    command: str
    arguments: tuple[str, ...]
    holds: tuple[str, ...] = field(default=(), compare=False)
    names: tuple[str, ...] = field(default=(), compare=False)
    switched_off: bool = field(default=False, compare=False)


def table_of(client: Client, text: str, *, older: bool = False) -> tuple[str, ...]:
    """
    Return the path of the table that holds the entries, judged by what the file has; `older` counts where it does not tell.

    Raises:
        Unusable: the file cannot be read.
    """
    if client.older_table is None:
        return client.table
    found = _object(client.editor.value(text, client.older_table))
    servers = found.get(client.table[-1])
    if isinstance(servers, dict) and not isinstance(cast("dict[str, Any]", servers).get("type"), str):
        return client.table
    if any(isinstance(one, dict) for one in found.values()):
        return client.older_table
    return client.older_table if older else client.table


def installed(client: Client, text: str, entry: Entry, *, older: bool = False) -> str:
    """
    Return the text of a settings file with the entry in it.

    Of an entry that is there only what is ours is changed, and its keys stay unless new ones are given.

    Raises:
        Unusable: the file cannot be edited with certainty.
    """
    if storable(entry.command) != entry.command:
        raise UnknownShape("the path of this program is no UTF-8, and cannot be written into it")
    editor = client.editor
    path = (*table_of(client, text, older=older), NAME)
    there = editor.value(text, path)
    if there is not None and not isinstance(there, dict):
        raise UnknownShape(f"{'.'.join(path)} is there and is no entry")
    changed = text
    if there is None:
        changed = editor.put(changed, path, fields(client, entry))
    else:
        known = cast("dict[str, Any]", there)
        for name, value in fields(client, entry, first=False).items():
            changed = _updated(client, changed, (*path, name), known.get(name), value)
    if editor.others(changed, path) != editor.others(text, path):
        raise UnknownShape("it cannot be changed without changing other things in it")
    if is_installed(client, changed) != Start(command=entry.command, arguments=entry.arguments):
        raise UnknownShape("the entry cannot be written into it so that it is read as it is meant")
    return with_inputs(client, changed, entry)


def removed(client: Client, text: str) -> str:
    """Return the text of a settings file without the entry, and without what only the entry needs. Raises Unusable."""
    path = (*table_of(client, text), NAME)
    there = _object(client.editor.value(text, path))
    changed = client.editor.drop(text, path)
    if client.editor.others(changed, path) != client.editor.others(text, path):
        raise UnknownShape("the entry cannot be taken out without changing other things")
    if client.keys.kind == "input" and there:
        ours = [_input_id(name) for name in _object(there.get(client.keys.field))]
        there = client.editor.value(changed, (_INPUTS,))
        listed = cast("list[Any]", there) if isinstance(there, list) else []
        places = [place for place, one in enumerate(listed) if _object(one).get("id") in ours]
        for place in reversed(places):
            changed = client.editor.drop(changed, (_INPUTS, str(place)))
        if places and len(places) == len(listed):
            changed = client.editor.drop(changed, (_INPUTS,))
    return changed


def is_installed(client: Client, text: str) -> Start | None:
    """Return how the entry in a settings file starts the server; None if there is none. Raises Unusable."""
    there = client.editor.value(text, (*table_of(client, text), NAME))
    return None if there is None else _start(client, there)


def in_projects(client: Client, text: str) -> dict[str, Start]:
    """Return how the entries start the server that the client has for single projects, by their paths. Raises Unusable."""
    if client.projects is None:
        return {}
    found: dict[str, Start] = {}
    for project, value in _object(client.editor.value(text, (client.projects,))).items():
        for name in client.table:
            value = _object(value).get(name)
        if (there := _object(value).get(NAME)) is not None:
            found[project] = _start(client, there)
    return found


def _start(client: Client, there: Any) -> Start:
    found = _object(there)
    command, arguments = found.get(client.command), found.get("args")
    if client.as_list and isinstance(command, list):
        command, *arguments = cast("list[Any]", command) or [""]
    listed = cast("list[Any]", arguments) if isinstance(arguments, list) else []
    return Start(
        command=command if isinstance(command, str) else "",
        arguments=tuple(map(str, listed)),
        holds=tuple(_held(client, found)),
        names=tuple(_named(client, found)),
        switched_off=found.get("disabled") is True or found.get("enabled") is False,
    )


def _held(client: Client, entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield the variables whose values an entry holds, and does not refer to."""
    for name, value in {**_object(entry.get("env")), **_object(entry.get(client.keys.field))}.items():
        if isinstance(value, str) and value.strip() and not _is_reference(client, name, value):
            yield name


def _named(client: Client, entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield the variables that an entry gives the server, held or referred to."""
    for given in (entry.get("env"), entry.get(client.keys.field)):
        if isinstance(given, dict | list):
            yield from map(str, cast("dict[str, Any] | list[Any]", given))


def _is_reference(client: Client, name: str, value: str) -> bool:
    keys = client.keys
    return bool(keys.form) and value in (keys.reference(name), keys.reference(_input_id(name)))


def as_installed(client: Client, before: str, after: str) -> str | None:
    """
    Return the text `before` with the entry that stands in `after`.

    None if it had one itself, or if that entry has a value that only somebody else writes. Raises Unusable.
    """
    path = (*table_of(client, after), NAME)
    if client.editor.value(before, path) is not None:
        return None
    entry = client.editor.value(after, path)
    if not _is_written_here(entry):
        return None
    named = _object(_object(entry).get(client.keys.field))
    asked = [name for name, value in named.items() if value == client.keys.reference(_input_id(name))]
    changed = client.editor.put(before, path, entry)
    return with_inputs(client, changed, Entry(command="", variables=tuple(asked)))


def fields(client: Client, entry: Entry, *, first: bool = True) -> dict[str, Value]:
    """Return what the entry says; without `first`, only what is written at every installation."""
    start: dict[str, Value] = (
        {client.command: [entry.command, *entry.arguments]}
        if client.as_list
        else {client.command: entry.command, "args": list(entry.arguments)}
    )
    found: dict[str, Value] = {**client.fixed, **start, **(client.first if first else {})}
    keys = client.keys
    if keys.kind == "names":
        if entry.variables:
            found[keys.field] = list(entry.variables)
        return found
    if keys.kind == "plain":
        values = dict(entry.secrets)
    else:
        spelt = _input_id if keys.kind == "input" else str
        values = {name: keys.reference(spelt(name)) for name in entry.variables}
    if values:
        found[keys.field] = values
    return found


def _updated(client: Client, text: str, path: Sequence[str], there: Any, value: Value) -> str:
    """Write one field of an entry that is there; what the user has added to a list or an object of it stays."""
    put = client.editor.put
    if isinstance(value, Mapping) and isinstance(there, dict):
        known = cast("dict[str, Any]", there)
        for name, one in cast("Mapping[str, Value]", value).items():
            if known.get(name) != one:
                text = put(text, (*path, name), one)
        return text
    if path[-1] == client.keys.field and isinstance(there, list) and isinstance(value, list):
        names = cast("list[Any]", there)
        value = [*names, *(one for one in value if one not in names)]
    if there == value or (there is None and value == []):
        return text
    return put(text, path, value)


def inputs(entry: Entry) -> list[dict[str, Value]]:
    """Return what makes a client of the kind `input` ask for each key."""
    return [
        {"type": "promptString", "id": _input_id(name), "description": name, "password": True}
        for name in entry.variables
    ]


def with_inputs(client: Client, text: str, entry: Entry) -> str:
    """Add what makes the client ask for each key and store it."""
    if client.keys.kind != "input" or not entry.variables:
        return text
    there = client.editor.value(text, (_INPUTS,))
    if there is not None and not isinstance(there, list):
        raise UnknownShape(f"{_INPUTS} is no list")
    listed = cast("list[Any]", there or [])
    known = {_object(one).get("id") for one in listed}
    new = [one for one in inputs(entry) if one["id"] not in known]
    if there is None:
        return client.editor.put(text, (_INPUTS,), new) if new else text
    for place, one in enumerate(new, len(listed)):
        text = client.editor.put(text, (_INPUTS, str(place)), one)
    return text


def _is_written_here(value: Any) -> bool:
    """Return whether an entry is made of what entries are made of here: clients and users add nulls, fractions and dates."""
    if isinstance(value, dict):
        return all(map(_is_written_here, cast("dict[str, Any]", value).values()))
    if isinstance(value, list):
        return all(map(_is_written_here, cast("list[Any]", value)))
    return isinstance(value, str | int)


def _input_id(variable: str) -> str:
    return f"{NAME}-{variable.lower().replace('_', '-')}"


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
