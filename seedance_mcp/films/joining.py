"""Joins the takes that a film shows into one file, with its captions and its contact sheet beside it."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread

from ..config import write_whole
from ..errors import MediaError, SeedanceError
from ..jobs import Sources
from ..remarks import Advice
from ..types import Artifacts, FilmQuality, FilmRecord
from .chains import drift_advice
from .document import FilmDocument, Shot
from .freshness import take_name
from .music import open_music
from .named import placed
from .requests import ANIMATIC_PROVIDER
from .states import ShotState
from .unchanged import make_sure

if TYPE_CHECKING:
    from ..media import ShotClip
    from ..media.join import Clip, Joined

_SLUG_CHARACTERS = 40
_DIGITS = 32
_HEARD_LU = 1.0
"""A smaller difference of loudness is not heard."""


def film_folder(record: FilmRecord, document: FilmDocument) -> Path:
    """Return the folder of a film's files. Its name begins with the title, so another title is another folder."""
    words = re.findall(r"\w+", unicodedata.normalize("NFC", document.title))
    slug = "-".join(words)[:_SLUG_CHARACTERS].strip("-").lower()
    return Path(record.output_dir) / "-".join(filter(None, (slug, record.id)))


def film_path(record: FilmRecord, document: FilmDocument, quality: FilmQuality, cut: str = "") -> Path:
    """Return where the film is, or will be; as one worker joined it, its `cut` is in its name."""
    return film_folder(record, document) / f"{'-'.join(filter(None, ('film', quality, cut)))}.mp4"


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
    cut: str = "",
) -> tuple[Advice, ...]:
    """
    Join what every shot shows into the film, in the place of an earlier one, and write its captions and its contact sheet
    beside it; costs nothing. Without a sheet it is a film all the same. A `cut` is in the names of all these files.

    Returns what is to be known about it: why its pictures were rendered, how loud it is where that is not what was asked for,
    why there is no sheet, and what was measured and can be seen: seams that are none, and drift of colour.

    Raises:
        MediaError: a shot has no take, a take was changed, it or the music cannot be used, or the files cannot be written.
    """
    from ..media import ShotClip, captions, join  # with what they need, on first use

    videos = {state.shot: _video(state) for state in states}
    await make_sure(videos)
    music = None
    if document.music is not None:
        file = await open_music(sources, placed(document.music.file, record.folder))
        music = join.Soundtrack(
            path=str(file.path),
            volume_db=document.music.volume_db,
            duck_db=document.music.duck_db,
            fade_seconds=document.music.fade_seconds,
            loop=document.music.loop,
        )
    joining = join.Cut(
        clips=_clips(document.shots, videos),
        cues=tuple(
            cue
            for shot, after in zip(document.shots, (*document.shots[1:], None), strict=True)
            if shot.says
            for cue in captions.spread(
                [line.text for line in shot.says],
                # While the next shot fades in, its own words may begin.
                (videos[shot.id].duration_seconds or shot.seconds) - (after.enter.overlap if after else 0.0),
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
    path = film_path(record, document, quality, cut)
    await anyio.to_thread.run_sync(partial(_make_folder, path.parent))
    joined = await join.join(joining, path)
    srt, vtt = (path.with_suffix(ending) for ending in (".srt", ".vtt"))
    texts = {srt: captions.srt(joined.cues), vtt: captions.vtt(joined.cues)} if joined.cues else {}
    try:
        await anyio.to_thread.run_sync(
            partial(_put, {file: text.encode() for file, text in texts.items()}, {srt, vtt})
        )
    except OSError as error:
        raise MediaError(
            f"The captions cannot be written: {error.strerror}.", hint="Make room on the disk."
        ) from error
    clips = [
        ShotClip(
            path=Path(videos[state.shot].video_path),
            shot=state.shot,
            take=state.take,
            drop_first=state.shot in joined.dropped,
        )
        for state in states
    ]
    told = (*_told(joined, document), *await _draw_sheet(path, clips))
    if any(state.job is None or state.job.provider == ANIMATIC_PROVIDER for state in states):
        return told  # those show nothing of one another
    return (*told, *_seams_seen(joined, document), *await drift_advice(document, states))


async def repeating(document: FilmDocument, videos: Mapping[str, Artifacts]) -> tuple[str, ...]:
    """
    Name the shots of which the film does not show the first picture, because it is the last one of the shot before.

    `videos` has the takes by shot; where one of the two has none, nothing is repeated.

    Raises:
        MediaError: a take cannot be used.
    """
    from ..media import join

    # What follows a shot without a take begins anew: each run of shots is measured by itself.
    runs: list[list[Shot]] = [[]]
    for shot in document.shots:
        if shot.id in videos:
            runs[-1].append(shot)
        else:
            runs.append([])
    found: list[str] = []
    for shots in runs:
        if any(shot.continues == "last_frame" for shot in shots[1:]):
            found += await join.repeats(join.Cut(clips=_clips(shots, videos)))
    return tuple(found)


def _clips(shots: Sequence[Shot], videos: Mapping[str, Artifacts]) -> tuple[Clip, ...]:
    from ..media import join

    return tuple(
        join.Clip(
            path=videos[shot.id].video_path,
            name=shot.id,
            entry=shot.enter.kind,
            overlap=shot.enter.overlap,
            drop_first=shot.continues == "last_frame",
        )
        for shot in shots
    )


async def _draw_sheet(path: Path, clips: Sequence[ShotClip]) -> tuple[Advice, ...]:
    """Write the contact sheet beside the film, on several pictures if it has many shots; what went wrong, in words."""
    from ..media import film_sheets

    drawn: dict[Path, bytes] = {}
    why: SeedanceError | OSError | None = None
    try:
        for sheet in await film_sheets(clips):
            ending = f"-{sheet.number}" if sheet.number > 1 else ""
            drawn[path.with_name(f"{path.stem}{ending}.jpg")] = sheet.sheet.jpeg
    except SeedanceError as error:
        why = error
    try:
        await anyio.to_thread.run_sync(partial(_put, drawn, await anyio.to_thread.run_sync(_sheets, path)))
    except OSError as error:
        why = why or error
    if why is None:
        return ()
    words = why.message if isinstance(why, SeedanceError) else why.strerror or type(why).__name__
    return (Advice("film_without_sheet", f"The contact sheet of the film was not drawn: {words}"),)


def _sheets(path: Path) -> list[Path]:
    """The contact sheets that lie beside a film."""
    name = re.compile(rf"{re.escape(path.stem)}(-\d+)?\.jpg")
    return [file for file in path.parent.iterdir() if name.fullmatch(file.name)]


def _told(joined: Joined, document: FilmDocument) -> Iterator[Advice]:
    """Say how a film was joined where that is not as everybody wants it."""
    if joined.why_rendered is not None:
        yield Advice("film_rendered", f"All pictures were rendered once, as {joined.why_rendered}.")
    aim, loudness = document.loudness_lufs, joined.loudness_lufs
    if aim is not None and loudness is not None and abs(loudness - aim) > _HEARD_LU:
        yield Advice(
            "film_level",
            f"The film is at {loudness:.1f} LUFS and not at {aim:g}: its loudest moments would be distorted otherwise.",
        )


def _seams_seen(joined: Joined, document: FilmDocument) -> Iterator[Advice]:
    for before, shot in pairwise(document.shots):
        continues = shot.continues == "last_frame" and document.parent(shot) == before
        if continues and shot.id not in joined.dropped:
            yield Advice(
                "seam_seen",
                f"Shot {shot.id} does not begin on the picture on which {before.id} ends: look at that cut.",
            )


def captions_of(path: Path) -> tuple[str, ...]:
    """Return the caption files beside a film. Blocks."""
    return tuple(
        str(beside) for beside in (path.with_suffix(".srt"), path.with_suffix(".vtt")) if beside.is_file()
    )


def files_beside(path: Path) -> tuple[Path, ...]:
    """Return a film's file with all that was joined with it: captions and contact sheets. Blocks."""
    return (path, *map(Path, captions_of(path)), *sorted(_sheets(path)))


def _video(state: ShotState) -> Artifacts:
    job = state.job
    if state.chosen is None or job is None or job.id != state.chosen.job_id or job.artifacts is None:
        raise MediaError(f"Shot {state.shot} has no take to show.", hint="Plan the film again.")
    return job.artifacts


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MediaError(
            f"The folder {folder} cannot be made: {error.strerror}.", hint="Make room, or give it the rights."
        ) from error


def _put(contents: Mapping[Path, bytes], known: Iterable[Path]) -> None:
    """Remove of the `known` what is not among these, and write them, each whole or not at all. Blocks, raises OSError."""
    for path in known:
        if path not in contents:
            path.unlink(missing_ok=True)
    for path, content in contents.items():
        write_whole(path, content)
