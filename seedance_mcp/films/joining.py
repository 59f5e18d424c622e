"""Joins the takes that a film shows into one file, with its captions beside it."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import anyio.to_thread

from ..errors import MediaError
from ..jobs import Sources
from ..remarks import Advice
from ..types import FilmQuality, FilmRecord
from .chains import drift_advice
from .document import FilmDocument
from .freshness import take_name
from .requests import placed
from .states import ShotState

_SLUG_CHARACTERS = 40
_DIGITS = 32


def film_folder(record: FilmRecord, document: FilmDocument) -> Path:
    """Return the folder of a film's files. Its name begins with the title, so another title is another folder."""
    words = re.findall(r"\w+", unicodedata.normalize("NFC", document.title))
    slug = "-".join(words)[:_SLUG_CHARACTERS].strip("-").lower()
    return Path(record.output_dir) / "-".join(filter(None, (slug, record.id)))


def film_path(record: FilmRecord, document: FilmDocument, quality: FilmQuality) -> Path:
    """Return where the film is, or will be."""
    return film_folder(record, document) / f"film-{quality}.mp4"


def made_of(document: FilmDocument, states: Sequence[ShotState]) -> str:
    """Return the digest of what a film's file is made of: the takes, how they are joined, captions and music."""
    takes = {
        state.shot: state.chosen and take_name(state.chosen.shot, state.chosen.number) for state in states
    }
    shots = [
        (takes.get(shot.id), shot.id, shot.enter.model_dump(), shot.continues == "last_frame")
        for shot in document.shots
    ]
    says = [[line.text for line in shot.says] for shot in document.shots] if document.captions.show else []
    rest = document.model_dump(mode="json", include={"title", "music", "captions", "loudness_lufs"})
    return hashlib.sha256(json.dumps([shots, says, rest], sort_keys=True).encode()).hexdigest()[:_DIGITS]


async def join_film(
    record: FilmRecord,
    document: FilmDocument,
    states: Sequence[ShotState],
    *,
    quality: FilmQuality,
    sources: Sources,
) -> tuple[Advice, ...]:
    """
    Join what every shot shows into the film, in the place of an earlier one, and write its captions; costs nothing.

    Returns what was measured and can be seen: seams that are none, and drift of colour.

    Raises:
        MediaError: a shot has no take, a take or the music cannot be used, or the files cannot be written.
    """
    from ..media import captions, join  # with what they need, on first use

    videos = {state.shot: _video(state) for state in states}
    await anyio.to_thread.run_sync(partial(_make_sure, {shot: path for shot, (path, _) in videos.items()}))
    music = None
    if document.music is not None:
        file = await sources.open(placed(document.music.file, record.folder), kind="audio")
        if file.path is None:
            raise MediaError(
                "The music has to be a file on this machine.", hint="Save it, and name its path."
            )
        music = join.Soundtrack(
            path=str(file.path),
            volume_db=document.music.volume_db,
            duck_db=document.music.duck_db,
            fade_seconds=document.music.fade_seconds,
            loop=document.music.loop,
        )
    cut = join.Cut(
        clips=tuple(
            join.Clip(
                path=videos[shot.id][0],
                name=shot.id,
                entry=shot.enter.kind,
                overlap=shot.enter.overlap,
                drop_first=shot.continues == "last_frame",
            )
            for shot in document.shots
        ),
        cues=tuple(
            cue
            for shot, after in zip(document.shots, (*document.shots[1:], None), strict=True)
            if shot.says
            for cue in captions.spread(
                [line.text for line in shot.says],
                # While the next shot fades in, its own words may begin.
                (videos[shot.id][1] or shot.seconds) - (after.enter.overlap if after else 0.0),
                shot.id,
            )
        )
        if document.captions.show
        else (),
        language=document.captions.language,
        music=music,
        loudness_lufs=document.loudness_lufs,
        title=document.title,
        comment=f"{record.id} version {record.version}, {quality}",
    )
    path = film_path(record, document, quality)
    await anyio.to_thread.run_sync(partial(_make_folder, path.parent))
    joined = await join.join(cut, path)
    texts = {
        path.with_suffix(".srt"): captions.srt(joined.cues),
        path.with_suffix(".vtt"): captions.vtt(joined.cues),
    }
    await anyio.to_thread.run_sync(partial(_write, texts if joined.cues else {}, stale=tuple(texts)))
    if quality == "animatic":
        return ()  # placeholders show nothing of one another
    unlike = [
        Advice(
            "seam_seen",
            f"Shot {shot.id} does not begin on the picture on which {parent.id} ends: look at that cut.",
        )
        for shot in document.shots[1:]
        if shot.continues == "last_frame"
        and shot.id not in joined.dropped
        and (parent := document.parent(shot)) is not None
        and document.shots[document.shots.index(shot) - 1] == parent
    ]
    return (*unlike, *await drift_advice(document, states))


def captions_of(path: Path) -> tuple[str, ...]:
    """Return the caption files beside a film. Blocks."""
    return tuple(
        str(beside) for beside in (path.with_suffix(".srt"), path.with_suffix(".vtt")) if beside.is_file()
    )


def _video(state: ShotState) -> tuple[str, float | None]:
    job = state.job
    if state.chosen is None or job is None or job.id != state.chosen.job_id or job.artifacts is None:
        raise MediaError(f"Shot {state.shot} has no take to show.", hint="Plan the film again.")
    return job.artifacts.video_path, job.artifacts.duration_seconds


def _make_sure(videos: Mapping[str, str]) -> None:
    for shot, path in videos.items():
        if not Path(path).is_file():
            raise MediaError(
                f"The video of shot {shot} is not at {path} any more.",
                hint="Put it back, or have that shot made anew.",
            )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MediaError(
            f"The folder {folder} cannot be made: {error.strerror}.", hint="Make room, or give it the rights."
        ) from error


def _write(texts: Mapping[Path, str], *, stale: Sequence[Path]) -> None:
    """Write the texts, each whole or not at all, and remove those of an earlier film that this one has not."""
    try:
        for path, text in texts.items():
            beside = path.with_name(f".{path.name}.part")
            beside.write_text(text, encoding="utf-8")
            beside.replace(path)
        for path in stale:
            if path not in texts:
                path.unlink(missing_ok=True)
    except OSError as error:
        raise MediaError(
            f"The captions cannot be written: {error.strerror}.", hint="Make room on the disk."
        ) from error
