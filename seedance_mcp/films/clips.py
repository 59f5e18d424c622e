"""Tells of the clips that a film shows which of them are not there any more, or are not the files that were bought."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from anyio.to_thread import run_sync

from ..errors import MediaError
from ..texts import one_line
from .states import Evidence, ShotState
from .unchanged import BACK_OR_ANEW, NAME_CHARACTERS, make_sure

if TYPE_CHECKING:
    from .plan import PlanRow


def lost_clips(states: Sequence[ShotState], evidence: Evidence, anew: Collection[str] = ()) -> Iterator[str]:
    """
    Say of shots which clip is gone or has another size, and what to do about it; not of those that are made anew.

    Hashes are compared where a clip is used: reading all of a film takes too long for a look at it. What another machine saved,
    and can be fetched, is not lost. Blocks.
    """
    for state in states:
        job = evidence.job(state.chosen) if state.chosen is not None else None
        if job is None or job.artifacts is None or state.shot in anew:
            continue
        path = Path(job.artifacts.video_path)
        name = one_line(state.shot, NAME_CHARACTERS)
        try:
            if path.stat().st_size != job.artifacts.bytes:
                yield f"shot {name}: The video at {path} was changed after it was made. {BACK_OR_ANEW}"
        except FileNotFoundError:
            if job.id in evidence.missing:
                why = evidence.missing[job.id]
                if why is not None:
                    yield f"shot {name}: {why.message} {why.hint}"
                continue
            yield f"shot {name}: The video is not at {path} any more. {BACK_OR_ANEW}"
        except OSError as error:
            reason = error.strerror or type(error).__name__
            yield f"shot {name}: The video at {path} cannot be read: {reason}. {BACK_OR_ANEW}"


async def unusable_clips(
    rows: Sequence[PlanRow], states: Sequence[ShotState], evidence: Evidence
) -> tuple[str, ...]:
    """Say which clips a plan needs are gone, and which rows continue one that is not the file that was bought any more."""
    anew = {row.shot for row in rows}
    lost = await run_sync(lambda: tuple(lost_clips(states, evidence, anew)))
    return lost or await _changed_parents(rows, evidence)


async def _changed_parents(rows: Sequence[PlanRow], evidence: Evidence) -> tuple[str, ...]:
    bought = {(row.shot, row.take) for row in rows}
    takes = {(take.shot, take.number): take for take in evidence.takes}
    problems: list[str] = []
    for row in rows:
        parent = takes.get((row.parent or "", row.parent_take or 0))
        job = (
            evidence.job(parent)
            if parent is not None and (row.parent, row.parent_take) not in bought
            else None
        )
        try:
            if parent is not None and job is not None and job.artifacts is not None:
                await make_sure({parent.shot: job.artifacts}, continued=True)
        except MediaError as error:
            problems.append(f"shot {row.shot}.continues: {error.message} {error.hint}")
    return tuple(problems)
