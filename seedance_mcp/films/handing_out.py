"""A film as its sheet and its export take it: the clips that it shows now, and what they are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import anyio.to_thread

from ..errors import JobNotFinished
from ..media import FilmSheet, ShotClip, film_sheets, open_plain
from ..types import Artifacts, Job, MediaFile
from .document import Shot
from .exported import ExportedFilm, ExportedMusic, ExportedShot
from .film import Film, folder_of
from .joining import repeating
from .states import ShotState
from .unchanged import make_sure


def file_of(film: Film) -> Path:
    """Return the path of a film's file. Raises JobNotFinished: it is not joined yet."""
    if film.film_path is not None:
        return Path(film.film_path)
    shots = [f"{state.shot} is {state.job.id}" for state in film.shots if state.job and state.job.artifacts]
    looked_at = f" Shots can be looked at by their jobs: {', '.join(shots)}." if shots else ""
    raise JobNotFinished(
        f"The film is {film.status}, and there is no file of it.",
        hint=f"check_status with job_id {film.id} tells how far it is.{looked_at}",
    )


async def read_film(film: Film, start: int, most: int) -> tuple[bytes, int]:
    """
    Read at most so many bytes of a film's file from a place on, and return them with the size of the whole.

    Raises:
        JobNotFinished: it is not joined yet.
        MediaError: its file is gone, or is a link or anything else but a file.
    """
    return await anyio.to_thread.run_sync(_read, file_of(film), start, most)


def _read(path: Path, start: int, most: int) -> tuple[bytes, int]:
    with os.fdopen(open_plain(path), "rb") as file:
        file.seek(start)
        return file.read(most), os.fstat(file.fileno()).st_size


def sheet_files(film: Film) -> tuple[Path, ...]:
    """Return the contact sheets that a worker has drawn of a film whose shots are not here, as far as they are here. Blocks."""
    names = (
        [file.name for file in film.cut.files if file.name.endswith(".jpg")] if film.cut is not None else []
    )
    return tuple(path for name in names if (path := folder_of(film) / name).is_file())


async def sheets_of(film: Film) -> tuple[FilmSheet, ...]:
    """
    Draw the shots that a film shows, a row for each; those without a take are left out.

    Raises:
        JobNotFinished: no shot has a take.
        MediaError: a take cannot be read, or was changed.
    """
    shown = _shown(film)
    if not shown:
        raise JobNotFinished(f"No shot of film {film.id} has a take yet.", hint="Make the film first.")
    repeats = await _repeating(film)
    clips = [
        ShotClip(path=Path(files.video_path), shot=shot.id, take=state.take, drop_first=shot.id in repeats)
        for shot, state, _, files in shown
    ]
    return await film_sheets(clips)


async def sheets_of_shots(shots: Sequence[ExportedShot]) -> tuple[FilmSheet, ...]:
    """Draw what is exported, a row for each shot. Raises MediaError: a clip cannot be read."""
    return await film_sheets(
        [ShotClip(path=shot.path, shot=shot.id, take=shot.take, drop_first=shot.drop_first) for shot in shots]
    )


async def _repeating(film: Film) -> tuple[str, ...]:
    """
    Name the shots that begin on the last picture of the one before, as joining finds them.

    Raises:
        MediaError: a take cannot be read, or was changed.
    """
    videos = {shot.id: files for shot, _, _, files in _shown(film)}
    await make_sure(videos)
    return await repeating(film.document, videos)


def exported_film(film: Film, music: MediaFile | None = None) -> ExportedFilm:
    """Return the film's own files, and its music."""
    captions = {path.suffix: path for path in map(Path, film.captions)}
    return ExportedFilm(
        id=film.id,
        title=film.document.title,
        quality=film.quality,
        path=Path(film.film_path) if film.film_path is not None else None,
        srt=captions.get(".srt"),
        vtt=captions.get(".vtt"),
        music=_music(film, music),
    )


def _music(film: Film, file: MediaFile | None) -> ExportedMusic | None:
    told = film.document.music
    if told is None or file is None or file.path is None:
        return None
    return ExportedMusic(
        path=file.path,
        seconds=file.duration_seconds or 0.0,
        volume_db=told.volume_db,
        duck_db=told.duck_db,
        fade_seconds=told.fade_seconds,
        loop=told.loop,
    )


async def exported_shots(film: Film) -> tuple[ExportedShot, ...]:
    """
    Return the clips that the film shows, in its order.

    Raises:
        JobNotFinished: a shot has no take, or one that nobody could measure.
        MediaError: a take cannot be read, or was changed.
    """
    shown = {shot.id: (shot, state, job, files) for shot, state, job, files in _shown(film)}
    lacking = [
        shot.id
        for shot in film.document.shots
        if shot.id not in shown or not (shown[shot.id][3].fps and shown[shot.id][3].duration_seconds)
    ]
    if lacking:
        raise JobNotFinished(
            f"There is no measured take of {', '.join(lacking)}.",
            hint="Make the film first; nothing was exported.",
        )
    repeats = await _repeating(film)
    return tuple(
        replace(_exported(number, *shown[shot.id]), drop_first=shot.id in repeats)
        for number, shot in enumerate(film.document.shots, start=1)
    )


def _exported(number: int, shot: Shot, state: ShotState, job: Job, files: Artifacts) -> ExportedShot:
    fps, seconds = files.fps or 0.0, files.duration_seconds or 0.0
    return ExportedShot(
        id=shot.id,
        number=number,
        prompt=job.request.prompt or shot.prompt,
        path=Path(files.video_path),
        seconds=seconds,
        frames=round(seconds * fps),
        fps=fps,
        has_audio=bool(files.has_audio),
        take=state.take or 0,
        job_id=job.id,
        provider=job.provider,
        model=job.model,
        seed=job.request.seed,
        charge=job.charge,
        sha256=files.sha256,
        entry=shot.enter.kind,
        overlap=shot.enter.overlap,
    )


def _shown(film: Film) -> list[tuple[Shot, ShotState, Job, Artifacts]]:
    """The shots whose take is there and is the one that their state tells of."""
    found: list[tuple[Shot, ShotState, Job, Artifacts]] = []
    for state in film.shots:
        job = state.job
        if state.chosen is not None and job is not None and job.id == state.chosen.job_id and job.artifacts:
            found.append((film.document.shot(state.shot), state, job, job.artifacts))
    return found
