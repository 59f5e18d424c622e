"""The id of a film, kept in a small file beside its document, so that a document that is moved stays the same film."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from contextlib import suppress
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread

from ..config import flush, open_private
from ..errors import FilmNotFound, InvalidRequest
from ..store import DamagedRecord, Store, films
from ..types import FILM_PREFIX, FilmRecord

_CHARACTERS = "abcdefghijklmnopqrstuvwxyz234567"
_LENGTH = 12
_FORM = re.compile(rf"{FILM_PREFIX}[a-z0-9]{{{_LENGTH}}}")
_ENDING = ".film"
_MOST_BYTES = 200


def new_id() -> str:
    """Make the id of a new film."""
    return FILM_PREFIX + "".join(secrets.choice(_CHARACTERS) for _ in range(_LENGTH))


async def id_of(document: Path, store: Store) -> str:
    """
    Return the id of a document's film, which is kept beside it from the first time on.

    A film that was made while nothing could be kept there goes by the id of its place, and keeps that.

    Raises:
        InvalidRequest: the file beside it holds something else, or is a link to nothing.
        StoreError: the database cannot be read.
    """
    of_place = await anyio.to_thread.run_sync(_id_of_place, document)
    first = new_id()
    with suppress(FilmNotFound, DamagedRecord):
        film = await store.read(partial(films.find_film, film_id=of_place))
        if Path(film.folder or "", film.name) == document:
            first = of_place
    return await anyio.to_thread.run_sync(id_beside, document, first)


def id_beside(document: Path, first: str) -> str:
    """
    Return the film's id from the file beside its document, `NAME.film`; if there is none, `first` is kept there. Blocks.

    Where nothing can be kept there, the id follows from the document's place.

    Raises:
        InvalidRequest: that file holds something else, or is a link to nothing.
    """
    path = document.with_suffix(_ENDING)
    known = _read(path)
    if known is not None:
        return known
    try:
        _keep(path, first)
    except FileExistsError:
        pass
    except OSError:
        return _id_of_place(document)
    known = _read(path)
    if known is None:  # with a new id each time, what was bought before would be bought again
        raise InvalidRequest(
            [f"{path} leads to nothing."], hint="It is a link: put back what it links to, or remove it."
        )
    return known


def check_belongs(document: Path, film: FilmRecord) -> None:
    """
    Make sure that a film is not that of another document, which lies beside the same id and is still there. Blocks.

    Raises:
        InvalidRequest: it is.
    """
    other = Path(film.folder or "", film.name)
    if not film.name or other == document or not other.exists() or other.samefile(document):
        return
    beside, there = document.with_suffix(_ENDING), other.with_suffix(_ENDING)
    try:
        if _read(there) != film.id:
            return
    except InvalidRequest:
        return
    if beside == there:
        whose = f"{beside.name} is that of {other.name}, and belongs to no second document"
        way = f"Give {document.name} another name, so that it is a film of its own"
    else:
        whose = f"{beside} has the id of another document's film: {other}"
        way = f"Remove {beside}, so that {document.name} is a film of its own"
    raise InvalidRequest(
        [f"{whose}."],
        hint=f"{way}; if it is to take the other's place, remove {other}. Nothing was bought.",
    )


def _id_of_place(document: Path) -> str:
    place = hashlib.sha256(os.fsencode(document.resolve())).hexdigest()
    return FILM_PREFIX + place[:_LENGTH]


def _read(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES).decode("ascii", "replace").strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InvalidRequest([f"{path} cannot be read: {error.strerror}."]) from None
    if not _FORM.fullmatch(text):
        raise InvalidRequest(
            [f"{path} holds no film's id."],
            hint="Remove it if it is yours to remove; the document is then a new film.",
        )
    return text


def _keep(path: Path, film_id: str) -> None:
    """Write the id under its name, whole or not at all. Raises FileExistsError: somebody else was quicker."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open_private(beside, new=True) as file:
            file.write(f"{film_id}\n".encode())
            flush(file)
        try:
            os.link(beside, path)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links
            with path.open("xb") as file:
                file.write(f"{film_id}\n".encode())
                flush(file)
    finally:
        beside.unlink(missing_ok=True)
