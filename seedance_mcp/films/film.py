"""A film as it is told of: how far it is, what its shots look like, and where its files are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from stat import S_ISREG
from typing import Literal

from ..remarks import Advice
from ..store import film_outcomes
from ..types import NOT_BOUGHT_STATES, FilmCut, FilmOrder, FilmQuality, FilmRecord, Job, JobState, Take
from .clips import lost_clips
from .document import FilmDocument
from .evidence import Found
from .joining import captions_of, film_path, made_of
from .named import placed
from .states import ShotState, shot_states

FilmStatus = Literal["planned", "making", "stopped", "joining", "succeeded", "cancelled"]


@dataclass(frozen=True, kw_only=True)
class Film:
    """
    A film at the quality at which it was last made.

    `plan` is the token of the plan that was agreed to last. `maximum_usd` is what its order holds at most, `expected_usd`
    what that probably comes to, `spent_usd` what all takes of the film have been charged, or hold. `problems` say what
    stands in the way, `advice` what is to be known about its file. `duration_seconds` is the length by the document. `takes`
    are those of every quality, planned and bought, and `jobs` what makes them, by id; `chosen` the number of the take that
    somebody chose, by its shot. `cut` are its files where a worker has joined it, which may be in an object store alone.
    """

    record: FilmRecord
    document: FilmDocument
    status: FilmStatus
    quality: FilmQuality
    plan: str | None
    shots: tuple[ShotState, ...]
    expected_usd: Decimal
    maximum_usd: Decimal
    spent_usd: Decimal
    film_path: str | None
    sheet_path: str | None
    captions: tuple[str, ...]
    duration_seconds: float
    cut: FilmCut | None = None
    takes: tuple[Take, ...] = ()
    jobs: Mapping[str, Job] = field(default_factory=dict[str, Job])
    chosen: Mapping[str, int] = field(default_factory=dict[str, int])
    problems: tuple[str, ...] = ()
    advice: tuple[Advice, ...] = ()

    @property
    def id(self) -> str:
        """The film's id."""
        return self.record.id

    @property
    def is_busy(self) -> bool:
        """Whether something still happens to it by itself."""
        return self.status in ("making", "joining")


@dataclass(frozen=True, kw_only=True)
class FilmUpdate:
    """How far a film is: so many of its shots are there, and one line for a person."""

    film: Film
    done: int
    total: int
    words: str


def film_of(found: Found) -> Film:
    """Say how far a film is. Blocks: it looks for the film's files."""
    order = found.order
    quality: FilmQuality = order.quality if order is not None else "final"
    evidence = found.evidence(quality)
    shots = shot_states(found.document, evidence)
    join = join_of_now(found, quality, shots)
    cut = _cut(found)
    path = film_path(found.record, found.document, quality, cut.name if cut else "")
    sheet = path.with_suffix(".jpg")
    here = not found.is_elsewhere and path.is_file() and order is not None and order.ended == "done"
    is_told = here or found.is_elsewhere or cut is not None
    return Film(
        record=found.record,
        document=found.document,
        status=_status(found, order, shots, there=is_told),
        quality=quality,
        plan=order.plan if order is not None else None,
        shots=shots,
        expected_usd=_expected(found, order),
        maximum_usd=order.maximum_usd if order is not None else Decimal(0),
        spent_usd=sum(
            (
                (job.charge or job.maximum).usd
                for job in found.jobs.values()
                if job.state not in NOT_BOUGHT_STATES
            ),
            Decimal(0),
        ),
        film_path=str(path) if here else None,
        sheet_path=str(sheet) if (here or cut) and sheet.is_file() else None,
        captions=captions_of(path) if here or cut else (),
        duration_seconds=found.document.seconds,
        cut=cut,
        takes=found.takes,
        jobs=found.jobs,
        chosen={
            state.shot: choice.number
            for state in shots
            if (choice := evidence.choosing.choice(state.takes)) is not None
        },
        problems=(*found.problems, *_problems(found, shots, path, there=here, is_of_now=join is not None)),
        advice=join.advice if join is not None and is_told else (),
    )


def _cut(found: Found) -> FilmCut | None:
    """The files of the last order, if workers have made and joined it."""
    order = found.order
    if order is None or order.ended != "done" or not found.is_by_workers:
        return None
    join = found.joins.get(order.quality)
    return join.cut if join is not None else None


def join_of_now(found: Found, quality: FilmQuality, shots: Sequence[ShotState]) -> film_outcomes.Join | None:
    """Return the last time that the film was joined; None where that was of other takes, or in another way."""
    join = found.joins.get(quality)
    return join if join is not None and join.made_of == made_of(found.document, shots) else None


def join_that_stands(
    found: Found, quality: FilmQuality, shots: Sequence[ShotState]
) -> film_outcomes.Join | None:
    """Return the join of now whose file is there, without a problem and of the music as it is now, else None. Blocks."""
    join, music = join_of_now(found, quality, shots), found.document.music
    if join is None or join.problem is not None:
        return None
    path = film_path(found.record, found.document, quality)
    try:
        made = path.stat()
        heard = Path(placed(music.file, found.record.folder)).stat() if music is not None else None
    except (OSError, ValueError):
        return None
    # Another file of the same name may be as old as it likes; its status is of when it was put there.
    is_heard = heard is None or max(heard.st_mtime, heard.st_ctime) <= made.st_mtime
    return join if S_ISREG(made.st_mode) and is_heard else None


def lies_whole(found: Found, quality: FilmQuality) -> bool:
    """Return whether all that is joined into a film's folder is there: its file, its sheet, and its captions. Blocks."""
    document = found.document
    path = film_path(found.record, document, quality)
    spoken = document.captions.show and any(shot.says for shot in document.shots)
    endings = (".mp4", ".jpg", *((".srt", ".vtt") if spoken else ()))
    return all(path.with_suffix(ending).is_file() for ending in endings)


def _problems(
    found: Found, shots: Sequence[ShotState], path: Path, *, there: bool, is_of_now: bool
) -> Iterator[str]:
    """Say what no shot tells: rows of the last order that were not bought, clips that are lost, a file that is not of now."""
    order = found.order
    is_looked_for = order is not None and not found.is_elsewhere and not found.is_by_workers
    lost = list(lost_clips(shots, found.evidence(order.quality))) if order and is_looked_for else []
    again = (
        "Plan and make the film again: its shots are there, and joining is free."
        if not lost and all(state.state == "current" and state.bad is None for state in shots)
        else "Plan the film again to see what making it costs now."
    )
    rows = {(take.shot, take.number) for take in found.takes if order and take.order == order.plan}
    for one in found.refusals:
        if (one.shot, one.take) in rows:
            yield f"shot {one.shot}: {one.message} {one.hint}".strip()
    yield from lost
    if (
        found.is_by_workers
        and order is not None
        and order.ended_at is None
        and order.drawn_jobs < min(1, order.jobs)
    ):
        yield "It waits for a worker (`seedance-mcp work`) that makes it."
    if found.is_elsewhere and order is not None and order.ended_at is None:
        yield "It is made by another machine on the same job database, which ordered it; this one only shows it."
    if order is None or order.ended != "done":
        return
    join = found.joins.get(order.quality)
    if join is not None and join.problem is not None:
        yield f"The film was not joined: {join.problem}"
    elif found.is_elsewhere:
        yield f"Its file is on the machine that made it, at {path}. To have one here, make it here: its shots are there."
    elif not there and (join is None or join.cut is None):
        yield f"There is no {path}. {again}"
    elif not there and join is not None and join.cut is not None and join.cut.place is None:
        yield (
            f"Its file {path.name} is on the machine of the worker that made it: where several have no object store"
            " (SEEDANCE_OBJECT_STORE), they need one output folder for all (SEEDANCE_OUTPUT_DIR)."
        )
    elif join is not None and not is_of_now:
        yield f"{path.name} is not of what its shots show now. {again}"


def update_of(film: Film) -> FilmUpdate:
    """Say in one line how far a film is."""
    done = sum(state.is_usable and state.state != "making" for state in film.shots)
    total = len(film.shots)
    making = [state.shot for state in film.shots if state.state == "making"]
    failed = [state.shot for state in film.shots if state.state in ("failed", "unclear", "blocked")]
    parts = [f"{done} of {total} shots"]
    parts += [f"making {', '.join(making)}"] if making else []
    parts += [f"not made: {', '.join(failed)}"] if failed else []
    parts += ["joining"] if film.status == "joining" else []
    return FilmUpdate(film=film, done=done, total=total, words="; ".join(parts))


def _status(
    found: Found, order: FilmOrder | None, shots: tuple[ShotState, ...], *, there: bool
) -> FilmStatus:
    if order is None:
        return "planned"
    if order.ended_at is None:
        rows = [take for take in found.takes if take.order == order.plan]
        jobs = [found.jobs.get(take.job_id or "") for take in rows]
        done = all(job is not None and job.state is JobState.DONE for job in jobs)
        return "joining" if done and all(state.is_usable for state in shots) else "making"
    if order.ended == "cancelled":
        return "cancelled"
    join = found.joins.get(order.quality)
    not_joined = join is not None and join.problem is not None  # what is there is an earlier cut
    return "succeeded" if there and not not_joined else "stopped"


def _expected(found: Found, order: FilmOrder | None) -> Decimal:
    """What the rows of an order come to: charged, expected, or at most."""
    total = Decimal(0)
    for take in found.takes:
        if order is not None and take.order == order.plan:
            job = found.jobs.get(take.job_id or "")
            price = take.maximum if job is None else job.charge or job.estimate
            total += price.usd
    return total


def folder_of(film: Film) -> Path:
    """Return the folder of a film's files."""
    return film_path(film.record, film.document, film.quality).parent
