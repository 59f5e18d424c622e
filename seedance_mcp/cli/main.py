"""Turns the words of the command line into one command; only that command's module is imported."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import os
import signal
import sys
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any, NoReturn, Protocol, TextIO, cast

from ..errors import InvalidRequest
from ..texts import unusable

_COMMANDS = {
    "setup": "Store a provider's key, check it at no cost, and see what a first video costs.",
    "install": "Enter the server into the settings of Claude, Cursor, VS Code and other clients.",
    "demo": "Make a placeholder video through the real server: free, offline, no key.",
    "generate": "Make a video and save it; prints its path.",
    "estimate": "Say what a video would cost, here and elsewhere. Spends nothing.",
    "film": "Make a film of many shots from a document; only what changed is bought again.",
    "approve": "Agree to a price that an assistant asked about.",
    "board": "See jobs and spending, play videos and approve prices on a page in the browser.",
    "serve": "Serve assistants over HTTP instead of stdin and stdout, on this machine or, with tokens, on others.",
    "work": "Buy what `serve --no-buy` reserves, and bring it to its end; with a database in PostgreSQL.",
    "migrate": "Prepare the database in PostgreSQL, or bring it up to date.",
    "tokens": "Make, list and revoke the tokens by which `serve` knows who calls.",
    "models": "List the models, what they can do and what they cost.",
    "jobs": "List, show, cancel or resolve jobs; what was spent.",
    "watch": "Bring open jobs to their end and save their videos.",
    "view": "Write a contact sheet of a video and measure it.",
    "doctor": "Check settings, keys, folders and providers: could a video be made now?",
}


_TEAM = "--team"


class Command(Protocol):
    """What every module of a command has."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's arguments."""
        ...

    def execute(self, arguments: argparse.Namespace) -> int:
        """Do it and return the exit code."""
        ...


class FilmCommand(Command, Protocol):
    """The command that can do without its verb."""

    def spelled_out(self, argv: list[str]) -> list[str]:
        """Return the words with the verb that goes without saying."""
        ...


class _Parser(argparse.ArgumentParser):
    """Reports wrong usage in the same two lines as every other error; each command and verb takes a team."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        if " " in self.prog:  # not that which has the commands
            self.add_argument(
                _TEAM,
                metavar="TEAM",
                default=argparse.SUPPRESS,
                help="Which team it is for, where SEEDANCE_TEAMS names several",
            )

    def parse_known_args(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, args: Any = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Parse; what nobody knows is refused here, where it is known which command it was meant for."""
        found, rest = super().parse_known_args(args, namespace)
        if rest:
            self._unknown(rest, takes_a_prompt="prompt" in found)
        return found, rest

    def _unknown(self, words: list[str], *, takes_a_prompt: bool) -> NoReturn:
        message = f"unrecognized arguments: {' '.join(words)}"
        if takes_a_prompt and not words[0].startswith("-"):
            _refuse(message, 'Put the whole prompt into quotation marks: "a red fox".')
        self.error(message)

    def error(self, message: str) -> NoReturn:
        from ..config import command  # only here: help has to come at once

        _refuse(message, command(f"{self.prog} --help".removeprefix("seedance-mcp ")))


def _refuse(message: str, hint: str) -> NoReturn:
    print(f"error [usage]: {message}\nhint: {hint}", file=sys.stderr)
    sys.exit(2)


def execute(argv: list[str]) -> int:
    """Run the command that `argv` names and return its exit code."""
    _never_fail_on_a_character()
    output, said = _Forgiving(sys.stdout), _Forgiving(sys.stderr)
    sys.stdout, sys.stderr = cast("TextIO", output), cast("TextIO", said)
    argv = _team_after_the_command(argv)
    name = next((word for word in argv if not word.startswith("-")), None)
    with _interrupted_at_once():
        command = _load(name) if name in _COMMANDS else None
    if name == "film" and command is not None:
        argv = cast("FilmCommand", command).spelled_out(argv)
    parser = _parser(name, command)
    arguments = parser.parse_args(argv)
    if command is None:
        parser.error("say which command to run")
    _refuse_what_is_no_text(arguments)
    _refuse_what_is_empty(arguments, argv)
    if "team" in arguments:
        from ..config import choose_team

        choose_team(arguments.team)
    code = command.execute(arguments)
    output.flush()
    if output.failure is None:
        return code
    # The flush at exit must not fail once more.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(output.failure, BrokenPipeError):  # the reader of the pipe has gone, as with `| head -1`
        return code
    print(f"error [output]: stdout cannot be written: {output.failure.strerror}", file=sys.stderr)
    print("hint: What the command did is done; `seedance-mcp jobs` shows it.", file=sys.stderr)
    return code or 1


def _team_after_the_command(argv: list[str]) -> list[str]:
    """Put a team that is named before the command behind it, where each command takes one."""
    if not argv or argv[0].partition("=")[0] != _TEAM:
        return argv
    width = 1 if "=" in argv[0] else 2
    named, rest = argv[:width], argv[width:]
    return [*rest[:1], *named, *rest[1:]] if rest and rest[0] in _COMMANDS else argv


@contextlib.contextmanager
def _interrupted_at_once() -> Generator[None]:
    """Let Ctrl-C end the process while modules load: nothing is open yet, and a library would raise whatever it likes."""
    here = threading.current_thread() is threading.main_thread()
    usual = here and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if usual:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        if usual:
            signal.signal(signal.SIGINT, signal.default_int_handler)


class _Forgiving:
    """A stream that passes over what cannot be written: no word about a purchase is worth breaking off its command."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.failure: OSError | None = None
        """The first one."""

    def write(self, text: str) -> int:
        """Write if possible."""
        try:
            return self._stream.write(text)
        except OSError as error:
            self.failure = self.failure or error
            return len(text)

    def flush(self) -> None:
        """Flush if possible."""
        try:
            self._stream.flush()
        except OSError as error:
            self.failure = self.failure or error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _refuse_what_is_no_text(arguments: argparse.Namespace) -> None:
    """
    Refuse bytes that are no text in the encoding of this terminal.

    Raises:
        InvalidRequest: names each argument that holds some.
    """
    given: dict[str, object] = vars(arguments)
    problems = [
        problem
        for name, value in given.items()
        for problem in unusable(name, str(value) if isinstance(value, Path) else value)
    ]
    if problems:
        raise InvalidRequest(problems)


def _refuse_what_is_empty(arguments: argparse.Namespace, argv: list[str]) -> None:
    """
    Refuse an empty value: most often a variable of the shell that is not set, and what is bought without it is another thing.

    Raises:
        InvalidRequest: names each argument that is empty.
    """
    options = [word.partition("=")[0] for word in argv if word.startswith("--")]
    given: dict[str, object] = vars(arguments)
    problems: list[str] = []
    for name, value in given.items():
        option = f"--{name.replace('_', '-')}"
        values = cast("list[object]", value) if isinstance(value, list) else [value]
        if any(isinstance(text, str) and not text.strip() for text in values):
            shown = option if any(option.startswith(word) for word in options) else name
            problems.append(f"{shown} is empty")
    if problems:
        raise InvalidRequest(
            problems,
            hint="Give a value, or leave it away. A shell writes nothing in the place of a variable that is not set."
            " Nothing was spent.",
        )


def _load(name: str | None) -> Command:
    return cast("Command", importlib.import_module(f".commands.{name}", __package__))


def _parser(chosen: str | None, command: Command | None) -> argparse.ArgumentParser:
    from importlib.metadata import version

    parser = _Parser(
        prog="seedance-mcp",
        description="Make Seedance videos: price first, one payment, the finished MP4 on disk.",
        epilog="Without a command it is an MCP server on stdin and stdout, to be started by an assistant."
        " Exit codes: 0 done, 1 the job ended without a video (it failed, the provider refused it, or it could not be"
        " sent), 2 no job (wrong usage, or refused here), 3 the job has not ended or it is not known whether it was"
        " bought, 130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"seedance-mcp {version('seedance-mcp')}")
    commands = parser.add_subparsers(metavar="COMMAND", title="commands")
    for name, summary in _COMMANDS.items():
        sub = commands.add_parser(name, help=summary, description=summary)
        if name == chosen and command is not None:
            command.configure(sub)
    return parser


def _never_fail_on_a_character() -> None:
    """A prompt may hold any character; a Windows console or a C locale may not know it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
