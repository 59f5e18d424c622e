"""The command `install`: enters the server into a client's settings file, or takes it out again."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

from ...clients import (
    CannotChange,
    Change,
    Client,
    Entry,
    Installed,
    Machine,
    Unusable,
    clients,
    find,
    install,
    pieces,
    settings_files,
    uninstall,
)
from ...config import Settings, default_settings_file, read_settings, server_command
from ...errors import InvalidRequest
from ...texts import inert, listed
from ..consent import asks_for_a_key, at_a_terminal
from ..text import json_text, table
from ..words import told

_VERSION_SECONDS = 15


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the client, and what is to be done with its settings."""
    parser.add_argument(
        "client",
        nargs="?",
        type=_name,
        choices=list(clients()),
        metavar="CLIENT",
        help=", ".join(clients()),
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--list", action="store_true", help="Say which clients are here, and which have the server"
    )
    what.add_argument(
        "--print", action="store_true", help="Print the entry, to be pasted by hand; change nothing"
    )
    what.add_argument("--uninstall", action="store_true", help="Take the entry out again")
    parser.add_argument(
        "--dry-run", action="store_true", help="Show as a diff what would change; change nothing"
    )
    parser.add_argument(
        "--key",
        action="append",
        metavar="VARIABLE",
        help="A provider's key that the client has to hand on (may be repeated). Without it: those that this terminal's"
        " environment sets. What `setup` stored needs none of this",
    )
    parser.add_argument("--json", action="store_true", help="With --list: print JSON")
    parser.epilog = (
        "Other entries and comments stay as they are; the file as it was is kept beside it. No key is ever shown."
        " Exit code 0: done, or there was nothing to do; 2: refused, and then nothing was changed."
    )


def _name(written: str) -> str:
    """Return the name of the client that goes by this name or title, in any case; else what was written."""
    wanted = written.strip().casefold()
    names = (one.name for one in clients().values() if wanted in (one.name, one.title.casefold()))
    return next(names, written)


def execute(arguments: argparse.Namespace) -> int:
    """List, print, install or uninstall."""
    try:
        machine = Machine.here()
    except RuntimeError:
        raise InvalidRequest(
            ["The home folder is not known."], hint="Set HOME (on Windows USERPROFILE)."
        ) from None
    if arguments.list:
        return _list(machine, as_json=arguments.json)
    if arguments.client is None:
        raise InvalidRequest(
            [f"Say which client: {', '.join(clients())}."],
            hint="`seedance-mcp install --list` says which are here.",
        )
    client = clients()[arguments.client]
    if arguments.uninstall:
        return _uninstall(client, machine, dry_run=arguments.dry_run)
    return _install(client, machine, arguments)


def _list(machine: Machine, *, as_json: bool) -> int:
    rows: list[dict[str, object]] = []
    for client in clients().values():
        places = list(find(client, machine))
        there = [place for place in places if isinstance(place, Installed)]
        files = [place.path for place in there if place.project is None] or machine.files(client)
        projects = [place.place for place in there if place.project is not None]
        unread = [str(place) for place in places if isinstance(place, CannotChange)]
        rows.append(
            {
                "client": client.name,
                "title": client.title,
                "found": machine.found(client),
                "installed": any(place.project is None for place in there),
                "file": ", ".join([*map(str, files), *projects]),
                "unreadable": unread,
            }
        )
    if as_json:
        print(json_text({"clients": rows}))
        return 0
    yes = {True: "yes", False: "-"}
    cells = [
        (
            str(row["client"]),
            yes[bool(row["found"])],
            "?" if row["unreadable"] else yes[bool(row["installed"])],
            inert(str(row["file"])),
        )
        for row in rows
    ]
    print(table(("CLIENT", "HERE", "INSTALLED", "FILE"), cells))
    return 0


def _install(client: Client, machine: Machine, arguments: argparse.Namespace) -> int:
    was_here, older = machine.found(client), _is_older(client, machine)
    settings = read_settings().settings
    known = _key_variables(settings)
    wanted = _wanted_keys(settings, known, arguments.key)
    command, words = server_command()
    refers = client.keys.kind != "plain"
    entry = Entry(command=command, arguments=tuple(words), variables=wanted if refers else ())
    if arguments.print:
        files = machine.files(client)
        where = " or ".join(map(str, files))
        for piece in pieces(client, entry, _text_of(files), older=older):
            _say(f"Paste this into {where}{f', below {piece.below}' if piece.below else ''}:")
            print(piece.text, end="", flush=True)
    else:
        try:
            foreseen = install(client, machine, entry, older=older)  # before anybody types a key
            if not refers and wanted and not arguments.dry_run and at_a_terminal():
                entry = replace(entry, secrets=_typed(client, wanted, foreseen))
                foreseen = install(client, machine, entry, older=older)
            done = _carried_out(foreseen, entry, dry_run=arguments.dry_run, done="Installed into")
        except CannotChange as error:
            _refused(client, error, entry, older=older)
            return 2
        if not was_here:
            later = "" if arguments.dry_run else "; the entry is there for when it is"
            _say(f"{client.title} was not found on this machine{later}.")
        if done and not arguments.dry_run:
            _say(client.restart)
    places = [place for place in find(client, machine) if isinstance(place, Installed)]
    starts = [place.start for place in places if place.project is None]
    held = [name for start in starts for name in start.holds]
    missing = [name for name in wanted if name not in held]
    _say_what_is_left(
        client,
        entry,
        missing,
        has_a_key=settings.secret(*known) is not None or not set(held).isdisjoint(known),
    )
    _say_which_settings_stay_here(settings, {name for start in starts for name in start.names})
    return 0


def _say_what_is_left(client: Client, entry: Entry, wanted: Iterable[str], *, has_a_key: bool) -> None:
    """Say what the entry needs to start the server, and the server for a first video."""
    if not Path(entry.command).is_absolute():
        _say(
            f"{entry.command} is not on the PATH of this terminal: the entry works where the client finds it."
        )
    left_out = [name for name in wanted if name not in entry.variables and name not in entry.secrets]
    if left_out:
        _say(
            f"The settings of {client.title} cannot refer to the environment, so {listed(left_out)} is not in the entry:"
            " `seedance-mcp setup` stores it for all clients."
        )
    elif entry.variables and client.keys.kind == "input":
        _say(f"{client.title} asks for {listed(entry.variables)} once and stores it.")
    elif entry.variables:
        _say(f"{client.title} takes {listed(entry.variables)} from the environment that it is started in.")
    elif not entry.secrets and not has_a_key:
        _say(
            "No key is set: videos are placeholders. `seedance-mcp setup` stores a provider's key for all clients."
        )


def _say_which_settings_stay_here(settings: Settings, given: Collection[str]) -> None:
    """Say which settings only this terminal has, such as a lower cap: a server that a client starts would not heed them."""
    here = [
        name
        for name, origin in sorted(settings.sources.items())
        if name.startswith("SEEDANCE_") and origin == "environment" and name not in given
    ]
    if here:
        file = default_settings_file()
        _say(
            f"Not in the entry: {', '.join(here)}; write them into {f'{file} or ' if file else ''}the environment of the entry."
        )


def _uninstall(client: Client, machine: Machine, *, dry_run: bool) -> int:
    try:
        changes = uninstall(client, machine)
        _carried_out(changes, None, dry_run=dry_run, done="Taken out of")
    except CannotChange as error:
        print(f"error [client]: {inert(str(error))}", file=sys.stderr)
        print("hint: Take the entry `seedance` out of it by hand.", file=sys.stderr)
        return 2
    if not changes:
        print(f"{client.title} has no entry of this server.")
    elif not dry_run and (
        words := client.restart if client.after_uninstall is None else client.after_uninstall
    ):
        _say(words)
    for place in find(client, machine):
        if isinstance(place, Installed) and place.project is not None:
            _say(f"Not taken out: the entry in {place.place}.")
    return 0


def _carried_out(changes: Iterable[Change], entry: Entry | None, *, dry_run: bool, done: str) -> bool:
    """Make the changes, or show them; tells whether there were any. Raises CannotChange."""
    changed = False
    for change in changes:
        path, target = change.file.path, change.file.target
        if not change.needed:
            print(f"Nothing to do: {inert(str(path))} has the entry as it has to be.")
            continue
        changed = True
        if dry_run:
            difference = _inert_lines(change.difference(entry))
            if "…" in difference:
                _say("… stands for a text that is hidden, as it may be a key; only lines with - or + change:")
            print(difference, end="", flush=True)
            continue
        change.make()
        removed = " (the file held nothing else and was removed)" if change.after is None else ""
        print(f"{done} {inert(str(path))}{removed}")
        if change.file.is_link:
            _say(f"It is a link; what was changed is {target}.")
        if change.file.raw is not None and change.file.backup.exists():
            holds = change.held_before if change.keep_backup else ()
            _say(f"As it was before{f', with {listed(holds)} in it' if holds else ''}: {change.file.backup}")
    return changed


def _inert_lines(text: str) -> str:
    """Write a text of several lines so that it commands no terminal; tabs stay."""
    return "".join("\t".join(map(inert, line.split("\t"))) + "\n" for line in text.split("\n")[:-1])


def _key_variables(settings: Settings) -> list[str]:
    from ...catalog import Catalog

    return [name for info in Catalog.load(settings.catalog).providers.values() for name in info.key_variables]


def _wanted_keys(settings: Settings, known: list[str], named: list[str] | None) -> tuple[str, ...]:
    """
    Return the variables of keys that the client is to hand on.

    Raises:
        InvalidRequest: a name is that of no provider's key.
    """
    if named is None:
        return tuple(name for name in known if settings.sources.get(name) == "environment")
    if wrong := [name for name in named if name not in known]:
        raise InvalidRequest(
            [f"{name} is not the variable of a provider's key" for name in wrong],
            hint=f"Known are {listed(known)}.",
        )
    return tuple(dict.fromkeys(named))


def _typed(client: Client, variables: Iterable[str], changes: Iterable[Change]) -> dict[str, str]:
    """Ask for keys that will stand in the client's settings. Raises ConfigError."""
    files = listed([str(change.file.path) for change in changes])
    _say(
        f"The settings of {client.title} cannot refer to the environment: a key would stand in plain text in {files}."
        " `seedance-mcp setup` stores it for all clients instead."
    )
    typed = {name: asks_for_a_key(f"{name} (not shown; Enter leaves it out): ") for name in variables}
    return {name: key for name, key in typed.items() if key}


def _is_older(client: Client, machine: Machine) -> bool:
    """Ask a client, whose versions keep their entries in different places, for its version; False if nobody can say."""
    if client.older_below is None or (program := machine.program(client.name)) is None:
        return False
    try:
        said = subprocess.run(  # noqa: S603  the client's own command, found on the PATH
            [program, "--version"],
            capture_output=True,
            timeout=_VERSION_SECONDS,
            stdin=subprocess.DEVNULL,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return False
    version = re.search(rb"(\d+)\.\d", said)
    return version is not None and int(version[1]) < client.older_below


def _text_of(files: Iterable[Path]) -> str | None:
    """Return the text of the first of these settings files that has any; None if one cannot be read."""
    try:
        texts = [settings_files.read(path, to_change=False).text for path in files]
    except Unusable:
        return None
    return next((text for text in texts if text.strip()), "")


def _refused(client: Client, error: CannotChange, entry: Entry, *, older: bool) -> None:
    print(f"error [client]: {inert(str(error))}", file=sys.stderr)
    print("hint: Correct that and run it again.", file=sys.stderr)
    for piece in pieces(client, entry, _text_of([error.path]), older=older):
        where = f", below {piece.below}" if piece.below else ""
        print(f"Or paste this into it by hand{where}:", file=sys.stderr)
        print(_inert_lines(piece.text), end="", file=sys.stderr)


def _say(text: str) -> None:
    print(inert(told(text)), file=sys.stderr)
