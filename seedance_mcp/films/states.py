"""Where each shot of a film stands at one quality. Nothing of it is kept: it follows from the takes and their jobs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import Literal

from ..errors import MediaError
from ..texts import listed
from ..types import FilmQuality, Job, JobState, Mark, Review, RowRefusal, Take
from .choosing import Choosing, verdict_words
from .document import FilmDocument, Shot
from .freshness import changed_keys, differences, inputs_of, key_of, take_name

State = Literal["missing", "current", "stale", "making", "failed", "unclear", "blocked"]

_UNCLEAR = frozenset({JobState.UNKNOWN, JobState.UNRESOLVED})
"""It may have been bought: nothing is bought in its place."""

_FAILED = frozenset(
    {
        JobState.FAILED,
        JobState.CANCELLED,
        JobState.EXPIRED,
        JobState.MISSING,
        JobState.REJECTED,
        JobState.NOT_SENT,
        JobState.ABSENT,
    }
)


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why an attempt came to nothing: `code` is an error's, `said` the provider's own one, and `hint` what to do."""

    take: Take
    code: str
    message: str
    hint: str = ""
    said: str = ""


@dataclass(frozen=True, kw_only=True)
class ShotState:
    """
    One shot at one quality: `why` says in words what a person should know of the state.

    `take` is the number of the take that the film shows, or of the one that is being made or has failed; its `job` and
    what that costs in `usd`. `failure` is that of the newest attempt. `chosen` is the take that the film shows, None if it
    has none, and `takes` are the finished ones, by number, among which somebody may choose. `bad` is the verdict that calls
    for another than the chosen take. `inputs` are those of the document as it is now, and `changed` the kinds of them in
    which the chosen take differs.
    """

    shot: str
    state: State
    why: tuple[str, ...] = ()
    take: int | None = None
    job: Job | None = None
    usd: Decimal | None = None
    failure: Failure | None = None
    chosen: Take | None = None
    takes: tuple[Take, ...] = ()
    bad: Review | None = None
    inputs: Mapping[str, str] = field(default_factory=dict[str, str])
    changed: frozenset[str] = frozenset()

    @property
    def is_usable(self) -> bool:
        """Whether the film has a take to show here."""
        return self.chosen is not None


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """
    Everything that the states of a film's shots at one quality follow from.

    `media` as in `inputs_of`; `reviews` are those in force, by the jobs of the takes; `refusals` are of rows that could
    not be bought, by shot and number; `open_plans` are the plans whose orders are still being made. `missing` as in `Found`.
    """

    quality: FilmQuality
    takes: Sequence[Take]
    marks: Sequence[Mark]
    jobs: Mapping[str, Job]
    media: Mapping[str, str | None]
    reviews: Mapping[str, Review] = field(default_factory=dict[str, Review])
    refusals: Mapping[tuple[str, int], RowRefusal] = field(default_factory=dict[tuple[str, int], RowRefusal])
    open_plans: Collection[str] = ()
    missing: Mapping[str, MediaError | None] = field(default_factory=dict[str, "MediaError | None"])

    @cached_property
    def choosing(self) -> Choosing:
        """Tells which of several takes is shown."""
        return Choosing(self.marks, self.reviews)

    def job(self, take: Take) -> Job | None:
        """Return the job that makes a take; None: it is not bought."""
        return self.jobs.get(take.job_id) if take.job_id is not None else None

    def failure(self, take: Take) -> Failure | None:
        """Tell why no video comes of a take; None: there is one, or it is not known yet."""
        job, refusal = self.job(take), self.refusals.get((take.shot, take.number))
        if job is not None and job.state in _FAILED:
            return Failure(
                take=take,
                code=job.error_code or "",
                message=job.error or f"it ended as {job.status.value}",
                hint=job.error_hint or "",
                said=job.provider_code or "",
            )
        if job is None and refusal is not None:
            return Failure(take=take, code=refusal.code, message=refusal.message, hint=refusal.hint)
        return None

    def is_done(self, take: Take) -> bool:
        """Return whether a take's video is there."""
        job = self.job(take)
        return job is not None and job.state is JobState.DONE


def shot_states(document: FilmDocument, evidence: Evidence) -> tuple[ShotState, ...]:
    """
    Tell where each shot stands, in the order of the film.

    A take is a shot's by its id. Where none of those is current, one of another name that no shot shows counts, if it
    is made from the very same or was accepted for it: so a shot that was given another name is not missing.
    """
    own = _States(document, evidence, ()).all()
    shown = {
        _identity(state.chosen) for state in own if state.chosen is not None and state.state == "current"
    }
    spare = [
        take
        for take in evidence.takes
        if take.quality == evidence.quality and evidence.is_done(take) and _identity(take) not in shown
    ]
    return _States(document, evidence, evidence.choosing.by_preference(spare)).all() if spare else own


def kept_for(marks: Iterable[Mark], shot: str, number: int) -> list[Mapping[str, str]]:
    """Return the inputs for which a take was accepted, since the last time that this was taken back."""
    accepted: list[Mapping[str, str]] = []
    for mark in marks:
        if (mark.shot, mark.take, mark.kind) == (shot, number, "kept"):
            accepted = [*accepted, mark.inputs] if mark.inputs else []
    return accepted


def _identity(take: Take) -> str:
    return take_name(take.shot, take.number)


class _States:
    """One walk over the shots, each after the one that it continues; `spare` are takes that no shot shows."""

    def __init__(self, document: FilmDocument, evidence: Evidence, spare: Iterable[Take]) -> None:
        self._document = document
        self._evidence = evidence
        self._spare = list(spare)
        self._found: dict[str, ShotState] = {}

    def all(self) -> tuple[ShotState, ...]:
        for shot in self._document.shots:
            self._found[shot.id] = self._of(shot)
        return tuple(self._found.values())

    def _of(self, shot: Shot) -> ShotState:
        before = self._document.parent(shot)
        parent = self._found[before.id] if before is not None else None
        continued = _identity(parent.chosen) if parent is not None and parent.chosen is not None else None
        inputs = inputs_of(self._document, shot, media=self._evidence.media, parent=continued)
        takes = [
            take
            for take in self._evidence.takes
            if take.shot == shot.id and take.quality == self._evidence.quality
        ]
        chosen = self._evidence.choosing.shown(filter(self._evidence.is_done, takes))
        changed = self._changed(chosen, inputs)
        if chosen is None or changed:
            same = self._same(shot, inputs, takes)
            if same is not None:
                self._spare.remove(same)
                chosen, changed = same, frozenset[str]()
        return self._judged(shot, _Look(inputs, chosen, changed, parent), takes)

    def _judged(self, shot: Shot, look: _Look, takes: Sequence[Take]) -> ShotState:
        attempt = next(
            (
                take
                for take in reversed(takes)
                if take.job_id is not None
                or take.order in self._evidence.open_plans
                or self._evidence.failure(take) is not None
            ),
            None,
        )
        newer = attempt is not None and (
            look.chosen is None or look.chosen.shot != shot.id or attempt.number > look.chosen.number
        )
        job = self._evidence.job(attempt) if attempt is not None else None
        failure = self._evidence.failure(attempt) if attempt is not None and newer else None
        look = replace(look, failure=failure)
        blocked = look.parent is not None and look.parent.state in ("failed", "blocked", "unclear")
        if attempt is not None and newer:
            if job is not None and job.state in _UNCLEAR:
                return self._state(shot, "unclear", look, attempt, (job.error or "It may have been bought.",))
            if job is not None and not job.finished:
                return self._state(shot, "making", look, attempt)
            waits = job is None and attempt.order in self._evidence.open_plans
            if waits and failure is None and not blocked:
                return self._state(shot, "making", look, attempt)
        if failure is not None and look.chosen is None:
            return self._state(shot, "failed", look, failure.take, (failure.message,))
        failed = (f"take {failure.take.number} failed: {failure.message}",) if failure is not None else ()
        if look.chosen is None:
            if blocked and look.parent is not None:
                return self._state(
                    shot, "blocked", look, None, (f"{look.parent.shot}, which it continues, is not there",)
                )
            return self._state(shot, "missing", look, None)
        chosen = look.chosen
        bad = self._evidence.choosing.called_bad(chosen, self._choosable(chosen.shot))
        look = replace(look, bad=bad)
        judged = (verdict_words(chosen.number, bad),) if bad is not None else ()
        if look.changed:
            parent = self._document.parent(shot)
            why = differences(chosen.inputs, look.inputs, parent=parent.id if parent else None)
            return self._state(shot, "stale", look, chosen, (*why, *judged, *failed))
        return self._state(shot, "current", look, chosen, (*self._kept(shot, look), *judged, *failed))

    def _kept(self, shot: Shot, look: _Look) -> tuple[str, ...]:
        """Say in what a take differs that is shown because somebody accepted it."""
        chosen = look.chosen
        if chosen is None or not changed_keys(chosen.inputs, look.inputs):
            return ()
        parent = self._document.parent(shot)
        why = differences(chosen.inputs, look.inputs, parent=parent.id if parent else None)
        return (f"kept, although {listed(why)}",)

    def _state(
        self, shot: Shot, state: State, look: _Look, take: Take | None, why: tuple[str, ...] = ()
    ) -> ShotState:
        job = self._evidence.job(take) if take is not None else None
        price = None if job is None else job.charge or job.estimate
        return ShotState(
            shot=shot.id,
            state=state,
            why=why,
            take=take.number if take is not None else None,
            job=job,
            usd=price.usd if price is not None else None,
            failure=look.failure,
            chosen=look.chosen,
            bad=look.bad,
            takes=self._choosable(look.chosen.shot if look.chosen is not None else shot.id),
            inputs=look.inputs,
            changed=look.changed,
        )

    def _same(self, shot: Shot, inputs: Mapping[str, str], takes: Sequence[Take]) -> Take | None:
        """
        The spare take that is made from the very same, or was accepted for it under whatever name its shot had then.

        Of the shot's own takes none where somebody chose one of them, and a bad one only in the place of nothing.
        """
        choosing = self._evidence.choosing
        done = [take for take in takes if self._evidence.is_done(take)]
        is_chosen = choosing.choice(done) is not None
        same = [
            take
            for take in self._spare
            if not (take.shot == shot.id and is_chosen)
            and not (done and choosing.is_bad(take))
            and not self._changed(take, inputs)
        ]
        if not same:
            return None
        # Where not all inputs are known here, takes may fit that are made from different things.
        certain = set(same[0].inputs) <= set(inputs) or len({key_of(take.inputs) for take in same}) == 1
        return same[0] if certain else None

    def _choosable(self, shot: str) -> tuple[Take, ...]:
        return tuple(
            take
            for take in self._evidence.takes
            if take.shot == shot and take.quality == self._evidence.quality and self._evidence.is_done(take)
        )

    def _changed(self, take: Take | None, inputs: Mapping[str, str]) -> frozenset[str]:
        if take is None:
            return frozenset()
        accepted = kept_for(self._evidence.marks, take.shot, take.number)
        found = [changed_keys(stamped, inputs) for stamped in (take.inputs, *accepted)]
        return frozenset() if not all(found) else found[0]


@dataclass(frozen=True)
class _Look:
    """What was found of one shot before its state is judged."""

    inputs: Mapping[str, str]
    chosen: Take | None
    changed: frozenset[str]
    parent: ShotState | None
    failure: Failure | None = None
    bad: Review | None = None
