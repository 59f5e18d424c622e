"""Writes an example of a document, and copies a film out for an editor."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ...config import Settings, command
from ...errors import InvalidRequest, MediaError
from ...films import ExportOptions, export_film, exported_film, exported_shots, sheets_of_shots, starter
from ...texts import inert, number_of
from ..opening import opened
from ..words import told
from .as_json import id_of


def new(path: Path) -> int:
    """
    Write an example with every field explained, and print its path.

    Raises:
        InvalidRequest: something is there already, or the ending is another than .toml.
        MediaError: it cannot be written.
    """
    if path.suffix.lower() != ".toml":
        raise InvalidRequest(
            [f"{path}: the example is TOML, so its name has to end in .toml."], hint="Name it so."
        )
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(starter(path.stem))
    except FileExistsError:
        raise InvalidRequest(
            [f"{path}: there is something with this name already, and it is not overwritten."],
            hint="Name a file that is not there yet.",
        ) from None
    except OSError as error:
        raise MediaError(
            f"{path} cannot be written: {error.strerror}.",
            hint="Name a file in a folder that can be written to.",
        ) from None
    print(path)
    print(f"To see it for nothing: {command(f'film {path.name} --quality animatic')}", file=sys.stderr)
    return 0


async def export(settings: Settings, named: Path | str, folder: Path, options: ExportOptions) -> int:
    """Copy the film, its shots and what an editor needs into a folder, and print that."""
    async with opened(settings, watch=False) as app:
        film = await app.films.fetched(await app.films.find(await id_of(app, named)))
        shots = await exported_shots(film)
        sheets = await sheets_of_shots(shots)
        with TemporaryDirectory() as place:
            drawn = tuple(Path(place) / f"sheet-{sheet.number}.jpg" for sheet in sheets)
            for file, sheet in zip(drawn, sheets, strict=True):
                file.write_bytes(sheet.sheet.jpeg)
            files = replace(exported_film(film, await app.films.music(film)), sheets=drawn)
            made = await export_film(files, shots, folder, options)
    for note in (*map(told, film.problems), *made.notes):
        print(f"note: {inert(note)}", file=sys.stderr)
    print(f"{number_of(len(made.files), 'file')} of {film.id}, quality {film.quality}", file=sys.stderr)
    print(made.folder)
    return 0
