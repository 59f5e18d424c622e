"""The tools for looking at videos, and for keeping what was thought of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from ... import presentation
from ...types import (
    FILM_PREFIX,
    MAX_COMPARED,
    MAX_SHEET_FRAMES,
    SCORES,
    SET_PREFIX,
    Look,
    Reviewer,
    Show,
    Verdict,
)
from ..answers import answer, job_link, picture, video_link, video_resource
from ..calls import Call
from ..signatures import Closed
from ..tooling import Answer
from .answering import JobId, if_possible, meanwhile
from .films import film_choice, film_file, film_rows, is_film

Scores = Annotated[
    dict[str, Any] | None,
    WithJsonSchema(
        {
            "type": "object",
            "description": f"1 to 5 (best): {', '.join(SCORES)}",
        }
    ),
]
Source = Annotated[str, Field(max_length=4096)]

_MADE_HERE = ("job:job_", "job_", SET_PREFIX, FILM_PREFIX)
"""What ids begin with; anything else that is to be looked at is a path."""


class LookArguments(Closed):
    """What `view_video` takes to say what is to be seen of a video."""

    show: Show = Field("frames", description="cuts: both sides of each")
    frames: int = Field(9, ge=1, le=MAX_SHEET_FRAMES)
    start: float | None = None
    end: float | None = None
    compare: tuple[Source, ...] = Field((), max_length=MAX_COMPARED - 1, description="Sources beside it")

    @property
    def look(self) -> Look:
        """The same as one look."""
        return Look(**self.model_dump(exclude_none=True))


async def view_video(
    call: Call,
    *,
    source: Annotated[str, Field(max_length=4096, description="Job, set or film id, or local path")],
    looking: LookArguments,
) -> Answer:
    """
    Show videos as one picture (frames with times, cuts or sound), and measure cuts, blacks, freezes, silences.
    Costs nothing. Judge the result by it before making another.
    """
    call.refuse_paths(one for one in (source, *looking.compare) if not one.startswith(_MADE_HERE))
    compared = tuple([str(await film_file(call, other) or other) for other in looking.compare])
    look = replace(looking.look, compare=compared)
    film = await film_file(call, source)
    viewed = await call.app.viewing.view(str(film or source), look, film.parent if film else None)
    rows = await film_rows(call, source) if look == Look(frames=look.frames) else []
    shown = presentation.views.view(viewed)
    facts = shown.facts
    size = f"{facts.width}x{facts.height}, {facts.duration_seconds:g} s, {facts.fps:g} fps"
    seen = f"see its {looking.show}" if shown.image else "nothing is drawn"
    if shown.others:
        seen = f"see it as A beside {', '.join(other.letter for other in shown.others)}"
    headline = f"{size}; {presentation.views.not_there(facts)}{seen}."
    job_id = source.removeprefix("job:")
    counts = (await presentation.reviews.known(call.app, [job_id])).get(job_id)
    shown = shown.model_copy(
        update={
            "review": presentation.reviews.shown(counts) if counts else None,
            "finished_meanwhile": await meanwhile(call),
        }
    )
    links = [video_link(path) for path in (shown.video_path, *(other.video_path for other in shown.others))]
    if not call.caller.local:
        asked = [one.removeprefix("job:") for one in (source, *looking.compare)]
        links = [
            video_resource(one, kind="films" if is_film(one) else "jobs")
            for one in asked
            if is_film(one) or one.startswith("job_")
        ]
    drawn = rows or ([picture(viewed.sheet.jpeg)] if viewed.sheet else [])
    return answer(headline, shown, *links, *drawn)


class ReviewArguments(Closed):
    """What `review` takes beside the verdict: more of the opinion, whose it is, and what follows for a film."""

    notes: str | None = None
    scores: Scores = None
    by: Reviewer | None = Field(None, description="person: their own words")
    choose: bool = Field(False, description="Let its film show this take")


async def review(
    call: Call,
    *,
    job_id: JobId,
    verdict: Verdict,
    more: ReviewArguments,
) -> Answer:
    """
    Keep a verdict on a video. Costs nothing. The person's outranks yours.
    """
    from ...jobs import opinion

    judged, by = opinion(verdict, more.notes, more.scores), more.by
    chosen = await film_choice(call, job_id, by or "assistant") if more.choose else ""
    kept, counts = await call.app.reviews.add(job_id, judged, by=by or "assistant", relayed=by == "person")
    headline = f"Kept: {kept.opinion.verdict}, by the {kept.by}."
    if counts != kept:
        headline += f" What counts is the {counts.by}'s: {counts.opinion.verdict}."
    film_id = await if_possible(call.app.films.of_job(job_id), None)
    shown = presentation.reviews.kept(counts, film_id).model_copy(
        update={"finished_meanwhile": await meanwhile(call)}
    )
    return answer(headline + chosen, shown, job_link(job_id))
