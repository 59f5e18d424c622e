"""Exports a film: its shots by number, the film, captions, sheets, what all was made of, and a timeline for editors."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import shutil
import time
import zipfile
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO

from anyio.from_thread import check_cancelled
from anyio.to_thread import run_sync

from ..config import flush, flush_folder
from ..errors import InvalidRequest, MediaError
from ..jobs import rename_new, slug
from ..texts import storable_value
from . import editor
from .exported import Exported, ExportedFilm, ExportedShot, ExportOptions, ending
from .facts import FACTS, film_facts, film_listed, listed, shot_facts, without_secrets

_BLOCK_BYTES = 1 << 20
_STAGING = re.compile(r"\.[0-9a-f]{16}\.unfinished-export")
_ABANDONED_SECONDS = 86_400.0
"""No export takes so long: what is older was left by a process that died."""

_OF_DOCUMENTS = (".toml", ".json", ".film")

_NO_LINK = frozenset(
    {errno.EXDEV, errno.EPERM, errno.ENOSYS, errno.EMLINK, errno.EOPNOTSUPP, errno.EACCES, errno.EINVAL}
)
"""Another disk, a file system without hard links, a file that has as many as it may, or one of somebody else."""

_ANY_MOMENT = (1980, 1, 1, 0, 0, 0)
"""The time of everything in a bundle, so that the same film gives the same file."""

_BUNDLE_VERSION = "1.0.0"
_PLACE = "media/"


@dataclass(frozen=True, kw_only=True)
class _File:
    """A file to be exported: `source` as a link, if it may be one, or a copy, which has to have this hash; or `content`."""

    name: str
    source: Path | None = None
    content: bytes = b""
    sha256: str | None = None
    link: bool = False
    what: str = "file"


async def export_film(
    film: ExportedFilm,
    shots: Sequence[ExportedShot],
    folder: Path,
    options: ExportOptions | None = None,
) -> Exported:
    """
    Write a film and all that belongs to it into a folder, which is made if it is not there.

    `01-<shot>.mp4` and so on, `film.mp4`, `film.srt`, `film.vtt`, `sheet.jpg` (several: `sheet-1.jpg` and so on),
    `cover.jpg`, the music, `film.json` with prompts, seeds, models, charges and hashes, and `film.otio` where the library
    for it is installed; without it a note says so. Clips are hard links where that is possible. Every file is
    made under a hidden name, its hash compared, and gets its name when all are there; `film.json` comes last. A file that
    is there already with the same content stays as it is, but for a hard link where copies are wanted; one of an earlier
    export of the film, unchanged since, gives way.

    Raises:
        InvalidRequest: there is no shot, two have one number, files with other content are in the way, another film was
            exported there, or what would be replaced may be a film's document.
        MediaError: a file is missing or has another hash than it had, or the folder cannot be written to.
        ConfigError: a bundle is asked for, and the library for it is not installed.
    """
    return await run_sync(partial(_export, film, shots, folder, options or ExportOptions()))


def _export(
    film: ExportedFilm, shots: Sequence[ExportedShot], folder: Path, options: ExportOptions
) -> Exported:
    names = _check(shots)
    if options.otioz and not editor.is_installed():
        raise editor.missing_library()
    if (other := film_listed(folder / FACTS)) not in (None, film.id):
        raise InvalidRequest(
            [f"{folder} has the files of another film, {other}."],
            hint="Nothing was written there. Choose another folder.",
        )
    files = [*_shot_files(shots, names), *_film_files(film)]
    if options.replace:
        _leave_documents(folder, [*(file.name for file in files), FACTS])
    for file in files:
        if file.source is not None and not file.source.is_file():
            raise MediaError(
                f"{file.source}: the {file.what} is not there any more.", hint="Nothing was exported."
            )
    try:
        return _written(film, shots, folder, options, files)
    except OSError as error:
        raise MediaError(
            f"The film cannot be exported to {folder}: {error.strerror or type(error).__name__}.",
            hint="Choose another folder, or free some space.",
        ) from error


def _written(
    film: ExportedFilm,
    shots: Sequence[ExportedShot],
    folder: Path,
    options: ExportOptions,
    files: Sequence[_File],
) -> Exported:
    with _staging(folder) as staging:
        hashes = {file.name: _staged(file, staging, options) for file in files}
        clips = [
            editor.EditorClip(shot=shot, name=file.name, facts=shot_facts(shot, file.name, hashes[file.name]))
            for shot, file in zip(shots, files, strict=False)
        ]
        timelines = list(_timelines(film, clips, staging, options))
        for file in timelines:
            hashes[file.name] = _hash(file.source) if file.source else _staged(file, staging, options)
        rest = {file.name: hashes[file.name] for file in [*files[len(clips) :], *timelines]}
        facts = _File(name=FACTS, content=film_facts(film, [clip.facts for clip in clips], rest))
        hashes[facts.name] = _staged(facts, staging, options)
        names = [file.name for file in (*files, *timelines, facts)]
        here = {name for name in names if _is_here(folder / name, hashes[name])}
        links = {name for name in here if options.copies and (folder / name).stat().st_nlink > 1}
        wanted = [name for name in names if name not in here]
        gives_way = set(names) if options.replace else _check_free(folder, wanted, names)
        for name in names[:-1]:
            if name in links or name not in here:
                _settle(staging / name, folder / name, replaces=name in links | gives_way)
        notes = [] if editor.is_installed() else [_no_timeline()]
        if options.replace:
            notes += _remove_earlier(folder, names)
        if facts.name not in here:  # last: until then, what the earlier one lists can be told
            _settle(staging / facts.name, folder / facts.name, replaces=facts.name in gives_way)
        flush_folder(folder)
    return Exported(folder=folder, files=tuple(folder / name for name in names), notes=tuple(notes))


def _remove_earlier(folder: Path, names: Sequence[str]) -> Iterator[str]:
    """Remove what an earlier export lists and this one has not, as it was written; name what somebody has changed."""
    for name, sha256 in listed(folder / FACTS).items():
        path = folder / name
        if name in names or name != path.name or path.is_symlink() or not path.is_file():
            continue
        if _hash(path) == sha256:
            path.unlink()
        else:
            yield f"{name} is of an earlier export and was changed since: it is kept."


def _check(shots: Sequence[ExportedShot]) -> list[str]:
    """Name the clips; a number before each keeps them apart and in order, whatever the shots are called."""
    if not shots:
        raise InvalidRequest(["The film has no shot that could be exported."], hint="Make it first.")
    numbers = [shot.number for shot in shots]
    if len(set(numbers)) < len(numbers) or min(numbers) < 1:
        raise InvalidRequest(["Two shots have the same number, or one has none."])
    width = max(2, len(str(max(numbers))))
    return [
        "-".join(filter(None, (f"{shot.number:0{width}}", slug(shot.id)))) + ending(shot.path)
        for shot in shots
    ]


def _shot_files(shots: Sequence[ExportedShot], names: Sequence[str]) -> Iterator[_File]:
    for shot, name in zip(shots, names, strict=True):
        what = f"video of shot {storable_value(shot.id)}"
        yield _File(name=name, source=shot.path, sha256=shot.sha256, link=True, what=what)


def _film_files(film: ExportedFilm) -> Iterator[_File]:
    if film.path is not None:
        name = f"film{ending(film.path)}"
        yield _File(name=name, source=film.path, sha256=film.sha256, what="film")
    for captions, kind in ((film.srt, "srt"), (film.vtt, "vtt")):
        if captions is not None:
            yield _File(name=f"film.{kind}", source=captions, what="file of captions")
    for number, sheet in enumerate(film.sheets, start=1):
        name = "sheet.jpg" if len(film.sheets) == 1 else f"sheet-{number}.jpg"
        yield _File(name=name, source=sheet, what="contact sheet")
    if film.cover is not None:
        yield _File(name="cover.jpg", source=film.cover, what="cover")
    if film.music is not None:
        yield _File(name=film.music.name, source=film.music.path, what="music")


@contextlib.contextmanager
def _staging(folder: Path) -> Generator[Path]:
    """Make a hidden folder for unfinished files inside; afterwards it is gone, and `folder` too if nothing came of it."""
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    staging = folder / f".{secrets.token_hex(8)}.unfinished-export"
    staging.mkdir()
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        if is_new:
            with contextlib.suppress(OSError):  # what was exported is in it
                folder.rmdir()


def _sweep(folder: Path) -> None:
    for left in folder.iterdir():
        if _STAGING.fullmatch(left.name) and not left.is_symlink():
            with contextlib.suppress(OSError):
                if time.time() - left.stat().st_mtime > _ABANDONED_SECONDS:
                    shutil.rmtree(left)


def _staged(file: _File, staging: Path, options: ExportOptions) -> str:
    """Put a file there under its name, and return its hash, which is what it has to be."""
    target = staging / file.name
    if file.source is None:
        _copied([file.content], target)
        return hashlib.sha256(file.content).hexdigest()
    expected = file.sha256
    if options.copies or not file.link or not _linked(file.source, target):
        was = _hash(file.source)
        expected = expected or was
        with file.source.open("rb") as source:
            _copied(_blocks(source), target)
    found = _hash(target)
    if found != (expected or found):
        raise MediaError(
            f"{file.source}: this is not the {file.what} as it was made; its content has changed since.",
            hint="Nothing was exported. Put the file back as it was, or have it made anew (redo).",
        )
    return found


def _linked(source: Path, target: Path) -> bool:
    try:
        os.link(source.resolve(), target)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        return False
    return True


def _copied(blocks: Iterable[bytes], target: Path) -> None:
    with target.open("xb") as file:
        for block in blocks:
            file.write(block)
        flush(file)


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(_BLOCK_BYTES):
        check_cancelled()
        yield block


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in _blocks(file):
            digest.update(block)
    return digest.hexdigest()


def _is_here(target: Path, sha256: str) -> bool:
    return target.is_file() and not target.is_symlink() and _hash(target) == sha256


def _check_free(folder: Path, wanted: Sequence[str], names: Sequence[str]) -> set[str]:
    """
    Return which of the wanted files give way: those of an earlier export of this film, as it was written.

    Raises:
        InvalidRequest: others are in the way, or the earlier export has files that this one has not (`names`).
    """
    earlier = listed(folder / FACTS)
    gives_way = {name for name in wanted if _is_here(folder / name, earlier.get(name, ""))}
    problems = [
        f"{name} is there already, with other content"
        for name in wanted
        if os.path.lexists(folder / name) and name not in gives_way and not (name == FACTS and earlier)
    ]
    if FACTS in wanted and earlier:
        gives_way.add(FACTS)
        problems += [
            f"{name} is of an earlier export and not of this one"
            for name in earlier
            if name not in names and name == Path(name).name and (folder / name).is_file()
        ]
    if problems:
        raise InvalidRequest(
            problems,
            hint=f"Nothing was written to {folder}. Choose another folder, or have its files replaced (replace).",
        )
    return gives_way


def _leave_documents(folder: Path, names: Sequence[str]) -> None:
    """Raise InvalidRequest if a file that would give way is no export's: a film's document, or the id beside it."""
    taken = [
        name
        for name in names
        if name.endswith(_OF_DOCUMENTS)
        and os.path.lexists(folder / name)
        and not (name == FACTS and film_listed(folder / FACTS) is not None)
    ]
    if taken:
        raise InvalidRequest(
            [f"{name} is there already, and no export wrote it" for name in taken],
            hint=f"It may be a film's document, so it is never replaced. Nothing was written to {folder}. Choose another"
            " folder.",
        )


def _settle(staged: Path, target: Path, *, replaces: bool) -> None:
    if replaces:
        staged.replace(target)
    else:
        rename_new(staged, target)


def _timelines(
    film: ExportedFilm, clips: Sequence[editor.EditorClip], staging: Path, options: ExportOptions
) -> Iterator[_File]:
    if not editor.is_installed():
        return
    plain = replace(film, title=without_secrets(film.title))
    yield _File(name="film.otio", content=editor.timeline(plain, clips).encode())
    if options.otioz:
        path = staging / "film.otioz"
        media = [clip.name for clip in clips] + ([film.music.name] if film.music else [])
        _bundle(path, editor.timeline(plain, clips, _PLACE), [staging / name for name in media])
        yield _File(name=path.name, source=path)


def _bundle(path: Path, timeline: str, clips: Sequence[Path]) -> None:
    """Write the three things that an `.otioz` is: its version, the timeline, and the media as they are."""
    with path.open("xb") as file, zipfile.ZipFile(file, "w") as bundle:
        for name, content in (("version.txt", _BUNDLE_VERSION), ("content.otio", timeline)):
            bundle.writestr(zipfile.ZipInfo(name, _ANY_MOMENT), content, zipfile.ZIP_DEFLATED)
        for clip in clips:
            entry = zipfile.ZipInfo(f"{_PLACE}{clip.name}", _ANY_MOMENT)
            with clip.open("rb") as source, bundle.open(entry, "w", force_zip64=True) as inside:
                for block in _blocks(source):
                    inside.write(block)
        bundle.close()
        flush(file)


def _no_timeline() -> str:
    error = editor.missing_library()
    return f"No film.otio was written. {error.message} {error.hint}"
