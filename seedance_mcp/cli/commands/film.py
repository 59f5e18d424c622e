"""The command `film`: a document of shots is planned, agreed to, made and joined; and what is done with it then."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, get_args

import anyio

from ...config import Settings, load_settings
from ...errors import ConfigError, InvalidRequest
from ...films import ExportOptions, FilmDocument, Market, limits, read_document
from ...texts import inert, listed
from ...types import FILM_PREFIX, MAX_REVIEW_CHARACTERS, FilmQuality, Verdict
from ..arguments import amount, is_file, whole
from ..films import as_json, exporting, looking, making
from ..words import told

_VERBS = ("new", "plan", "make", "show", "review", "export", "cancel")
_OF_ANY_FILM = ("show", "export", "cancel")
"""Those that need no document: an assistant's film has none."""

_DEFAULT_NAME = "film.toml"
_FILE = "The film's document, .toml or .json"


def spelled_out(argv: Sequence[str]) -> list[str]:
    """Put in the verb that goes without saying: `film FILE` makes the film. A verb that there is not is no file either."""
    words = list(argv)
    place = words.index("film") + 1
    while place < len(words) and words[place].partition("=")[0] == "--team":
        place += 1 if "=" in words[place] else 2
    word = words[place] if place < len(words) else "-"
    if word not in _VERBS and not word.startswith("-") and (not word.isalpha() or Path(word).exists()):
        words.insert(place, "make")
    return words


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verbs; without one it is `make`."""
    parser.epilog = "`seedance-mcp film FILE` is the same as `seedance-mcp film make FILE`."
    verbs = parser.add_subparsers(metavar="VERB", dest="verb", required=True, help="Without one: make")
    new = verbs.add_parser("new", help="Write an example of a document, with every field explained")
    new.add_argument("file", nargs="?", default=_DEFAULT_NAME, help=f"Where to ({_DEFAULT_NAME})")
    plan = verbs.add_parser("plan", help="Say what making it would buy, and for how much; buys nothing")
    make = verbs.add_parser("make", help="Show the plan, ask, and make what it lists")
    show = verbs.add_parser("show", help="Say how each shot stands")
    review = verbs.add_parser(
        "review", help="Keep your verdict on the take that a shot shows, or choose which it shows"
    )
    export = verbs.add_parser("export", help="Copy the shots, the film and what an editor needs to a folder")
    cancel = verbs.add_parser("cancel", help="Stop making it; what is not bought yet is not bought")
    for verb in (plan, make, review):
        verb.add_argument("file", help=_FILE)
    for verb in (show, export, cancel):
        verb.add_argument("file", help=f"{_FILE}, or the film's id")
    for verb in (plan, make):
        verb.add_argument(
            "--quality",
            choices=get_args(FilmQuality),
            default="final",
            help="animatic is a free rehearsal of the right length, draft cheaper takes",
        )
        verb.add_argument(
            "--redo", action="append", default=[], metavar="SHOT", help="Make it anew (may be repeated)"
        )
        verb.add_argument(
            "--keep",
            action="append",
            default=[],
            metavar="SHOT",
            help="Accept its take although what it was made from has changed (may be repeated)",
        )
    make.add_argument(
        "--yes-up-to", type=amount, metavar="USD", help="Agree to a plan that costs at most this, unasked"
    )
    review.add_argument("shot", nargs="?")
    review.add_argument("verdict", nargs="?", choices=get_args(Verdict))
    review.add_argument("--note", metavar="TEXT", help=f"At most {MAX_REVIEW_CHARACTERS} characters")
    export.add_argument(
        "--to", required=True, metavar="DIR", help="A folder; files in it with other content are in the way"
    )
    review.add_argument(
        "--choose",
        action="append",
        default=[],
        type=_choice,
        metavar="SHOT=TAKE",
        help="Show this take of it; SHOT= takes that back, and a --keep (may be repeated)",
    )
    export.add_argument(
        "--otioz", action="store_true", help="Also one .otioz file with all that an editor needs"
    )
    export.add_argument(
        "--replace", action="store_true", help="Replace them, and remove what only an earlier export had"
    )
    export.add_argument(
        "--copies", action="store_true", help="Copy the clips: links to them would change with the copy"
    )
    for verb in (plan, make, show):
        verb.add_argument("--json", action="store_true", help="Print JSON")


def execute(arguments: argparse.Namespace) -> int:
    """Do what the verb says."""
    path = whole(Path(arguments.file))
    if arguments.verb == "new":
        return exporting.new(path)
    if arguments.verb in _OF_ANY_FILM and arguments.file.startswith(FILM_PREFIX) and not path.exists():
        return _look(load_settings(), arguments.file, arguments)
    try:
        document = _document(path, getattr(arguments, "quality", "final"))
        if arguments.verb in ("plan", "make"):
            _check_shots(document, arguments.redo, arguments.keep)
            _check_apart(arguments.redo, arguments.keep)
    except InvalidRequest as error:
        if getattr(arguments, "json", False):
            as_json.print_problems(error.problems, getattr(arguments, "quality", None))
        for problem in error.problems:
            print(f"error [{error.code}]: {inert(problem)}", file=sys.stderr)
        print(f"hint: {inert(told(error.hint))}", file=sys.stderr)
        return 2
    settings = _reading_what_it_names(load_settings(), document, path.parent)
    match arguments.verb:
        case "plan":
            return anyio.run(making.plan, settings, path, _wish(arguments), arguments.json)
        case "make":
            return making.make(settings, path, _wish(arguments), arguments.yes_up_to, arguments.json)
        case "review":
            return _review(settings, path, document, arguments)
        case _:
            return _look(settings, path, arguments)


def _look(settings: Settings, named: Path | str, arguments: argparse.Namespace) -> int:
    """Do what needs no document with the film of one, or of an id."""
    if arguments.verb == "show":
        return anyio.run(looking.show, settings, named, arguments.json)
    if arguments.verb == "cancel":
        return anyio.run(looking.cancel, settings, named)
    options = ExportOptions(otioz=arguments.otioz, replace=arguments.replace, copies=arguments.copies)
    return anyio.run(exporting.export, settings, named, whole(Path(arguments.to)), options)


def _review(settings: Settings, path: Path, document: FilmDocument, arguments: argparse.Namespace) -> int:
    """
    Keep a verdict, or choices, or both.

    Raises:
        InvalidRequest: there is neither, or only a half of a verdict.
    """
    if (arguments.shot is None) != (arguments.verdict is None) or not (arguments.shot or arguments.choose):
        raise InvalidRequest(
            ["A verdict needs a shot and one of good, usable or bad; a choice needs --choose SHOT=TAKE."],
            hint="Nothing was kept.",
        )
    _check_shots(document, [arguments.shot] if arguments.shot else [], [shot for shot, _ in arguments.choose])
    if arguments.verdict is not None:
        anyio.run(looking.review, settings, path, arguments.shot, arguments.verdict, arguments.note)
    if arguments.choose:
        anyio.run(looking.choose, settings, path, arguments.choose)
    return 0


def _choice(text: str) -> tuple[str, int | None]:
    """Read `SHOT=TAKE`. Raises ArgumentTypeError."""
    shot, sign, take = text.rpartition("=")
    if not (sign and shot) or (take and not (take.isascii() and take.isdigit())):
        raise argparse.ArgumentTypeError(f"{text!r} is not SHOT=TAKE, with the number of a take")
    return shot, int(take) if take else None


def _wish(arguments: argparse.Namespace) -> making.Wish:
    return making.Wish(quality=arguments.quality, redo=tuple(arguments.redo), keep=tuple(arguments.keep))


def _document(path: Path, quality: FilmQuality) -> FilmDocument:
    """
    Read the document before anything is opened.

    Raises:
        InvalidRequest: it is not there, or everything that is wrong with it, each with its place.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidRequest(
            [f"{path} cannot be read: {error.strerror}."],
            hint="`seedance-mcp film new` writes an example. Nothing was bought.",
        ) from None
    return read_document(content, path.name, path.parent, partial(_limits, quality=quality))


def _limits(data: Any, quality: FilmQuality) -> Sequence[str]:
    """What no model takes of a document that is wrong elsewhere; nothing where settings or catalogue cannot be read."""
    from ...catalog import Catalog

    try:
        settings = load_settings()
        catalog = Catalog.load(settings.catalog)
    except ConfigError:
        return ()
    return limits(data, Market(catalog, settings.provider, settings.model), quality)


def _check_shots(document: FilmDocument, *names: Sequence[str]) -> None:
    known = [shot.id for shot in document.shots]
    unknown = [name for some in names for name in some if name not in known]
    if unknown:
        raise InvalidRequest(
            [f"There is no shot {name!r}." for name in dict.fromkeys(unknown)],
            hint=f"There are: {listed(known)}. Nothing was bought.",
        )


def _check_apart(redo: Sequence[str], keep: Sequence[str]) -> None:
    both = [name for name in dict.fromkeys(redo) if name in keep]
    if both:
        raise InvalidRequest(
            [f"Shot {name!r} cannot both be made anew and kept." for name in both],
            hint="Say --redo or --keep of it. Nothing was bought.",
        )


def _reading_what_it_names(settings: Settings, document: FilmDocument, folder: Path) -> Settings:
    """The same settings, with the folders of the files that the person's document names opened for reading."""
    members = document.cast.values()
    sources = [source for member in members for source in (*member.images, member.voice)]
    sources += [source for shot in document.shots for source in (shot.first_frame, shot.last_frame)]
    sources.append(document.music.file if document.music else None)
    files = [source for source in sources if source and is_file(source) and "://" not in source]
    return settings.also_reading(*sorted({(folder / Path(file).expanduser()).parent for file in files}))
