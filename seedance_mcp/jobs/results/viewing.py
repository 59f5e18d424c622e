"""Looking at videos: jobs', or local files that may be read."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ...config import Settings
from ...errors import InspectionFailed, InvalidRequest, JobNotFinished, MediaError
from ...media import (
    MARK_BYTES,
    Row,
    Sheet,
    VideoFacts,
    comparison_sheet,
    contact_sheet,
    cut_sheet,
    is_marked,
    mark,
    probe_videos,
    sound_sheet,
)
from ...store import Store
from ...types import MAX_COMPARED, MAX_SHEET_FRAMES, SET_PREFIX, Job, JobStatus, Look, VideoSet
from ..local_files.final_files import keep_bytes
from ..local_files.readable_files import LocalFiles
from ..local_files.unfinished import writer_of

_SHEET_BYTES = 150_000
_SMALL_BYTES = 60_000
_SMALL_FRAMES = 4
"""Frames of each video in the small sheet of a set."""
_MOST_CUTS = 12
"""Most cuts drawn on one sheet: with two frames each, these can still be told apart."""
_MOST_NAMED = 20


@dataclass(frozen=True, kw_only=True)
class Other:
    """A further video of a comparison: how it was named, what was measured."""

    source: str
    facts: VideoFacts


@dataclass(frozen=True, kw_only=True)
class Viewed:
    """
    A video as seen: measured facts of all of it, its sheet, and the file of that.

    There are none where there is nothing to draw; then `notes` say why. `others` were drawn beside it.
    """

    facts: VideoFacts
    sheet: Sheet | None
    file: Path | None
    others: tuple[Other, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Found:
    """Where a source's video lies. `folder` is where its sheet goes: None is the output folder."""

    source: str
    path: Path
    folder: Path | None
    label: str


@dataclass(frozen=True)
class _Drawn:
    """A sheet, what kind it is by the end of its name, and what there is to say of it."""

    kind: str
    sheet: Sheet | None
    notes: tuple[str, ...] = ()


class Viewing:
    """Looks at videos. `load` loads a job and `load_set` a set by its id, or raises JobNotFound."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        load: Callable[[str], Awaitable[Job]],
        load_set: Callable[[str], Awaitable[VideoSet]],
    ) -> None:
        self._store = store
        self._settings = settings
        self._load = load
        self._load_set = load_set

    async def view(self, source: str, look: Look | None = None, folder: Path | None = None) -> Viewed:
        """
        Look at a finished job's video, at a local video file that may be read, or at the finished videos of a set side by
        side, and measure them.

        The sheet is written to `folder`, else beside a job's video, else into the output folder. An earlier sheet of ours
        of the same kind is replaced. Any other file, and one that was changed since, is left alone: then the sheet gets a
        name with `-2` and so on.

        Raises:
            InvalidRequest: so it cannot be looked at, such as from after its end.
            JobNotFound, JobNotFinished, MediaError: there is nothing to look at, or the sheet cannot be written.
        """
        look = look or Look()
        source, *beside = [one for named in (source, *look.compare) for one in await self._named(named)]
        look = replace(look, compare=tuple(beside))
        _check(look)
        found = [await self._find(one) for one in (source, *look.compare)]
        _check_different(found)
        facts = await probe_videos([one.path for one in found])
        drawn = await _draw(look, found, facts)
        sheet, file = drawn.sheet, None
        if sheet is not None:
            sheet = Sheet(jpeg=mark(sheet.jpeg), width=sheet.width, height=sheet.height)
            video = found[0] if folder is None else replace(found[0], folder=folder)
            file = await self._keep(sheet.jpeg, video, drawn.kind)
        others = [
            Other(source=one.source, facts=measured)
            for one, measured in zip(found[1:], facts[1:], strict=True)
        ]
        return Viewed(facts=facts[0], sheet=sheet, file=file, others=tuple(others), notes=drawn.notes)

    async def side_by_side(self, videos: VideoSet) -> bytes | None:
        """Draw the finished videos of a set under each other, a JPEG of at most 60 kB; None with fewer than two."""
        made = [job for job in videos.jobs if job.status is JobStatus.SUCCEEDED and job.artifacts is not None]
        lengths = [job.artifacts.duration_seconds or 0.0 for job in made if job.artifacts is not None]
        if len(made) < 2:
            return None
        times = [place * max(lengths) / _SMALL_FRAMES for place in range(_SMALL_FRAMES)]
        try:
            found = [await self._find(job.id) for job in made]
            rows = [Row(path=one.path, label=one.label) for one in found]
            return (await comparison_sheet(rows, times, max_bytes=_SMALL_BYTES)).jpeg
        except (MediaError, InspectionFailed):
            return None

    async def _named(self, source: str) -> tuple[str, ...]:
        """What a source stands for: itself, or the finished videos of a set."""
        if not source.startswith(SET_PREFIX):
            return (source,)
        videos = await self._load_set(source)
        made = tuple(job.id for job in videos.jobs if job.status is JobStatus.SUCCEEDED)
        if made:
            return made
        if videos.finished:
            raise MediaError(f"No video of the set {source} came about.", hint="check_status tells why.")
        raise JobNotFinished(f"No video of the set {source} is finished yet.")

    async def _keep(self, jpeg: bytes, video: _Found, kind: str) -> Path:
        folder = video.folder or self._settings.output_dir
        name = f"{video.path.stem}-{kind}", ".jpg"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return await keep_bytes(jpeg, folder, name, writer_of(self._store), replaces=is_marked)
        except OSError as error:
            raise MediaError(
                f"The contact sheet cannot be written to {folder}: {error.strerror or type(error).__name__}.",
                hint="Free some space there, or make the folder writable.",
            ) from error

    async def _find(self, source: str) -> _Found:
        job_id = source.removeprefix("job:")
        files = LocalFiles(self._store, self._settings)
        if not job_id.startswith("job_"):
            file = await files.named(source)
            if file.kind != "video" or file.path is None:
                raise MediaError(f"{source} is not a video.", hint="Pass a job id or the path of a video.")
            return _Found(source, file.path, file.path.parent if file.recorded else None, file.path.name)
        job = await self._load(job_id)
        if job.artifacts is None:
            if job.finished:
                raise MediaError(
                    f"Job {job_id} ended as {job.status} and has no video.", hint="Use another job."
                )
            raise JobNotFinished(f"Job {job_id} is {job.status}; there is no video to look at yet.")
        path = Path(job.artifacts.video_path)
        if not path.is_file():
            raise MediaError(
                f"The video of job {job_id} is no longer at {path}.",
                hint="Put it back, or pass its new path.",
            )
        await files.check_video(job)
        return _Found(source, path, path.parent, f"...{job_id[-6:]}")


def _check(look: Look) -> None:
    problems: list[str] = []
    end = math.inf if look.end is None else look.end
    if not 1 <= look.frames <= MAX_SHEET_FRAMES:
        problems.append(f"frames is {look.frames}; allowed are 1 to {MAX_SHEET_FRAMES}")
    if not (math.isfinite(look.start) and look.start >= 0):
        problems.append(f"start is {look.start:g}; it is a time in seconds from 0 on")
    elif not end > look.start:
        problems.append(f"end is {end:g}; it has to be later than start, which is {look.start:g}")
    if len(look.compare) >= MAX_COMPARED:
        problems.append(
            f"compare names {len(look.compare)} videos; allowed are {MAX_COMPARED - 1} beside source"
        )
    if look.compare and look.show != "frames":
        problems.append(f'show is "{look.show}"; several videos are compared by their frames only')
    if problems:
        raise InvalidRequest(problems)


def _check_different(found: list[_Found]) -> None:
    seen: dict[Path, str] = {}
    for one in found:
        path = one.path.resolve()
        if path in seen:
            raise InvalidRequest([f"{one.source} is the same video as {seen[path]}"], hint="Name each once.")
        seen[path] = one.source


async def _draw(look: Look, found: list[_Found], facts: list[VideoFacts]) -> _Drawn:
    longest = max(facts, key=lambda video: video.duration_seconds)
    length = longest.duration_seconds
    if look.start >= length:
        which = "the longest video ends" if len(found) > 1 else "the video ends"
        raise InvalidRequest([f"start is {look.start:g}; {which} at {length:g} s"])
    end = length if look.end is None else min(look.end, length)
    if len(found) > 1:
        last = max(look.start, min(end, length - 1 / longest.fps))
        return await _comparison(found, look, last)
    draw = {"frames": _frames, "cuts": _cuts, "sound": _sound}[look.show]
    return await draw(facts[0], look, end)


async def _comparison(found: list[_Found], look: Look, last: float) -> _Drawn:
    count = min(look.frames, MAX_SHEET_FRAMES // len(found))
    times = [look.start + place * (last - look.start) / max(1, count - 1) for place in range(count)]
    rows = [Row(path=one.path, label=one.label) for one in found]
    notes = (
        () if count == look.frames else (f"{count} frames of each: a sheet has {MAX_SHEET_FRAMES} in all.",)
    )
    return _Drawn("compare", await comparison_sheet(rows, times, max_bytes=_SHEET_BYTES - MARK_BYTES), notes)


async def _frames(facts: VideoFacts, look: Look, end: float) -> _Drawn:
    sheet = await contact_sheet(
        facts.path, frames=look.frames, start=look.start, end=end, max_bytes=_SHEET_BYTES - MARK_BYTES
    )
    return _Drawn("sheet", sheet)


async def _cuts(facts: VideoFacts, look: Look, end: float) -> _Drawn:
    cuts = [cut for cut in facts.cuts if look.start <= cut <= end]
    if not cuts:
        note = f"There is no cut between {look.start:.2f} and {end:.2f} s, so nothing is drawn."
        return _Drawn("cuts", None, (note,))
    shown, rest = cuts[:_MOST_CUTS], cuts[_MOST_CUTS:]
    sheet = await cut_sheet(facts.path, shown, max_bytes=_SHEET_BYTES - MARK_BYTES)
    if not rest:
        return _Drawn("cuts", sheet)
    named = ", ".join(f"{cut:g}" for cut in rest[:_MOST_NAMED])
    more = f" and {len(rest) - _MOST_NAMED} more" if len(rest) > _MOST_NAMED else ""
    note = (
        f"{len(shown)} of {len(cuts)} cuts are drawn. With start {rest[0]:g} the next are: {named}{more} s."
    )
    return _Drawn("cuts", sheet, (note,))


async def _sound(facts: VideoFacts, look: Look, end: float) -> _Drawn:
    if not facts.has_audio:
        return _Drawn("sound", None, ("The video has no sound track, so nothing is drawn.",))
    draw = partial(sound_sheet, facts.path, start=look.start, end=end, cuts=facts.cuts)
    return _Drawn("sound", await draw(max_bytes=_SHEET_BYTES - MARK_BYTES))
