"""The fields of a video request as command-line arguments, read from the fields themselves."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from .. import tolerant_json
from ..config import Settings
from ..errors import InvalidRequest
from ..media import spellings
from ..texts import one_line
from ..types import VideoRequest
from .words import told

_NOT_A_FILE = ("https://", "http://", "data:", "media:", "job:", "file:")
_OF_A_FILE = re.compile(r"file:(?://(?:localhost)?(?=/)|(?=/(?!/)))", re.IGNORECASE)


def add_request_arguments(parser: argparse.ArgumentParser) -> None:
    """Add one argument for every field of `VideoRequest`; the prompt comes without a flag."""
    for name, field in VideoRequest.model_fields.items():
        flag, help_text = f"--{name.replace('_', '-')}", told(field.description or "").replace("%", "%%")
        if name == "prompt":
            parser.add_argument("prompt", nargs="?", help=help_text)
        elif bool in get_args(field.annotation):
            parser.add_argument(
                flag, action=argparse.BooleanOptionalAction, default=None, help=help_text or None
            )
        elif _is_many(field):
            what = "KEY=VALUE" if get_origin(field.annotation) is dict else "SOURCE"
            parser.add_argument(
                flag, action="append", metavar=what, help=f"{help_text} (may be repeated)".strip()
            )
        else:
            parser.add_argument(flag, metavar=name.rpartition("_")[2].upper(), help=help_text)


def add_variations(parser: argparse.ArgumentParser) -> None:
    """Add how many videos of the request are meant."""
    parser.add_argument(
        "--variations",
        type=whole_number(2, 6),
        metavar="N",
        help="So many takes at once; limits are for all of them",
    )


def read_request(arguments: argparse.Namespace) -> VideoRequest:
    """
    Build the request from parsed arguments. Relative paths are made absolute.

    Raises:
        InvalidRequest: values that no request can have, all of them at once.
    """
    given = {
        name: _options(value) if name == "provider_options" else value
        for name in VideoRequest.model_fields
        if (value := getattr(arguments, name)) is not None
    }
    try:
        request = VideoRequest.model_validate(given)
    except ValidationError as error:
        raise InvalidRequest([_problem(details) for details in error.errors()]) from None
    return request.model_copy(update=_absolute(request))


def allow_named_files(settings: Settings, request: VideoRequest) -> Settings:
    """The same settings, with the folders of the files that the person has named opened for reading."""
    folders = {Path(source).parent for _, _, source in request.media() if is_file(source)}
    return settings.also_reading(*sorted(folders))


def is_file(source: str) -> bool:
    """True for a path; false for a URL, `media:<id>` or `job:<id>`."""
    return not source.lower().startswith(_NOT_A_FILE)


def absolute(source: str) -> str:
    """
    Make a path absolute, also one in quotes, with shell escapes or as a `file:` URL; everything else stays as it is.

    Raises:
        InvalidRequest: nobody knows the home folder that it begins with.
    """
    if not is_file(source) and not _OF_A_FILE.match(source):
        return source
    meant = [whole(Path(text)) for text in spellings(source) if not _OF_A_FILE.match(text)]
    return str(next((path for path in meant if path.exists()), meant[0]))


def whole(path: Path) -> Path:
    """
    Make a path absolute; `~` is the home folder.

    Raises:
        InvalidRequest: nobody knows the home folder that it begins with.
    """
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        raise InvalidRequest(
            [f"{path}: the home folder that it begins with is not known."], hint="Write the whole path."
        ) from None


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """Make a parser for argparse of a whole number within these bounds."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
        return value

    return read


def seconds(text: str) -> float:
    """Parse a time in a video for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a time in seconds, such as 2.5")
    return value


def amount(text: str) -> Decimal:
    """Parse an amount of US dollars for argparse."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount in USD, such as 0.50")
    return value


def _is_many(field: FieldInfo) -> bool:
    return get_origin(field.annotation) in (tuple, dict)


def _options(pairs: list[str]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise InvalidRequest([f"provider_options: {pair!r} is not of the form KEY=VALUE"])
        try:
            options[name] = tolerant_json.read_strictly(value)
        except ValueError:
            options[name] = value
    return options


def _absolute(request: VideoRequest) -> dict[str, str | tuple[str, ...]]:
    changed: dict[str, str | tuple[str, ...]] = {}
    for name in {field for field, _, _ in request.media()}:
        value: str | tuple[str, ...] = getattr(request, name)
        changed[name] = absolute(value) if isinstance(value, str) else tuple(absolute(item) for item in value)
    return changed


_NUMBERS = {
    "int_parsing": "a whole number in digits alone",
    "float_parsing": "a number",
    "int_from_float": "a whole number",
}


def _problem(details: ErrorDetails) -> str:
    place, message = details["loc"], details["msg"]
    name = ".".join(str(part) for part in place)
    if details["type"] in _NUMBERS:
        field = VideoRequest.model_fields.get(str(place[0]))
        meant = f" ({field.description})" if field and field.description else ""
        return f"{name}: {one_line(str(details['input']), 40)!r} is not {_NUMBERS[details['type']]}{meant}"
    return f"{name}: {message[:1].lower()}{message[1:]}"
