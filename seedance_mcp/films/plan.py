"""What making a film would buy: its rows with their prices, and the token by which somebody agrees to just these."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from ..errors import ConfigError, InvalidRequest, SeedanceError
from ..jobs import Planner
from ..texts import digits, listed
from ..types import FilmQuality, FilmRecord, Price, Take, VideoRequest
from .chains import chain_advice
from .clips import unusable_clips
from .document import FilmDocument, Shot
from .freshness import inputs_of, key_of, take_name
from .lessons import lessons
from .plan_words import grouped, problems_of, what_became, why_bought
from .requests import Planned, ShotRequests, Wish, with_usual_length
from .states import Evidence, ShotState, shot_states

if TYPE_CHECKING:
    from ..catalog import Offer
    from ..remarks import Advice

_TOKEN_DIGITS = 16
_KEY_FORM = re.compile(r"[A-Za-z0-9._-]{8,64}")
_SHOT_DIGITS = 12

QUALITIES: tuple[FilmQuality, ...] = ("animatic", "draft", "final")


@dataclass(frozen=True, kw_only=True)
class PlanRow:
    """
    One take that making the film buys: why, where and for how much.

    `inputs` are what it is made from, `files` the hashes of the files that `request` names, `parent` and `parent_take` name
    the take that it continues. `request` has a stand-in for that one (`requests.TAKE`).
    """

    shot: str
    take: int
    why: str
    offer: Offer
    provider: str
    model: str
    expected: Price
    maximum: Price
    parent: str | None
    request: VideoRequest
    inputs: Mapping[str, str]
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    parent_take: int | None = None


@dataclass(frozen=True, kw_only=True)
class FilmPlan:
    """
    A film's plan at one quality: `token` is what somebody agrees to, and fits these very rows alone.

    `waiting` are rows for stale shots that nobody has asked to be made anew: they are priced and not bought. `totals` has what
    all missing shots may cost at each quality at which they can be made, `elsewhere` what these rows cost at other offers,
    both in USD. `refusal` is what would refuse it now, be it for a key or a cap; `notes` begin with that. With `problems`
    nothing of it can be made. `is_asked`: a person has to agree to its price by the settings of now.
    """

    film_id: str
    version: int
    quality: FilmQuality
    rows: tuple[PlanRow, ...]
    token: str
    expected: Price
    maximum: Price
    budget_left: Decimal
    totals: Mapping[FilmQuality, Price]
    problems: tuple[str, ...] = ()
    advice: tuple[Advice, ...] = ()
    notes: tuple[str, ...] = ()
    shots: tuple[ShotState, ...] = ()
    waiting: tuple[PlanRow, ...] = ()
    refusal: SeedanceError | None = None
    elsewhere: Mapping[str, Price] = field(default_factory=dict[str, Price])
    redo: tuple[str, ...] = ()
    is_asked: bool = False

    @property
    def refused(self) -> str:
        """Why it could not be made now, in words; empty if it could."""
        return f"It could not be made now. {self.refusal.message}" if self.refusal is not None else ""

    def take(self, row: PlanRow) -> Take:
        """Write a row as the order of this plan keeps it."""
        return Take(
            film_id=self.film_id,
            shot=row.shot,
            number=row.take,
            order=self.token,
            quality=self.quality,
            request_key=_request_key(self.film_id, row),
            inputs=row.inputs,
            request=row.request,
            maximum=row.maximum,
            files=row.files,
            parent=row.parent,
            parent_take=row.parent_take,
        )

    @property
    def told(self) -> Mapping[str, str]:
        """A few words on each row, by its shot, by which a later plan is compared with this one."""
        return {
            row.shot: f"take {row.take}, {row.model} at {row.provider}, {row.maximum.usd:f} USD, {key_of(row.inputs)}"
            for row in self.rows
        }


@dataclass(frozen=True, kw_only=True)
class Basis:
    """What a film is planned from: its document as it was read, and the evidence on its takes by quality."""

    record: FilmRecord
    document: FilmDocument
    evidence: Mapping[FilmQuality, Evidence]
    orders: int

    def numbers(self) -> dict[str, int]:
        """The highest number that was used up, by shot."""
        takes = self.evidence["final"].takes
        return {
            shot: max(take.number for take in takes if take.shot == shot)
            for shot in {take.shot for take in takes}
        }


@dataclass(frozen=True, kw_only=True)
class _Rows:
    rows: tuple[PlanRow, ...]
    waiting: tuple[PlanRow, ...]
    planned: tuple[Planned, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]


class FilmPlanner:
    """Plans films; buys and keeps nothing."""

    def __init__(self, planner: Planner, requests: ShotRequests) -> None:
        self._planner = planner
        self._requests = requests

    async def plan(
        self, basis: Basis, quality: FilmQuality, redo: Sequence[str], budget_left: Decimal
    ) -> FilmPlan:
        """
        Plan what is missing or has failed, what the document says otherwise now, what of that others continue, and `redo`.

        Raises:
            InvalidRequest: `redo` names no shot.
        """
        unknown = [name for name in redo if all(name != shot.id for shot in basis.document.shots)]
        if unknown:
            raise InvalidRequest([f"redo: there is no shot {listed(unknown)}."])
        states = shot_states(basis.document, basis.evidence[quality])
        found = await self._rows(basis, quality, states, redo)
        unusable = await unusable_clips(found.rows, states, basis.evidence[quality])
        problems = (*found.problems, *unusable)
        totals = {} if problems else {quality: _sum([row.maximum for row in found.rows])}
        for other in QUALITIES:
            if other != quality:
                there = await self._rows(basis, other, shot_states(basis.document, basis.evidence[other]), ())
                if not there.problems:
                    totals[other] = _sum([row.maximum for row in there.rows])
        return FilmPlan(
            film_id=basis.record.id,
            version=basis.record.version,
            quality=quality,
            rows=found.rows,
            token=_token(basis, quality, found.rows),
            expected=_sum([row.expected for row in found.rows]),
            maximum=_sum([row.maximum for row in found.rows]),
            budget_left=budget_left,
            totals={name: totals[name] for name in QUALITIES if name in totals},
            problems=problems,
            advice=self._advice(basis, quality, states, found),
            notes=(*found.notes, *_on_placeholders(found.rows)) if quality != "animatic" else found.notes,
            shots=states,
            waiting=found.waiting,
            elsewhere={} if quality == "animatic" else self._elsewhere(found.planned),
            redo=tuple(redo),
        )

    async def _rows(
        self, basis: Basis, quality: FilmQuality, states: Sequence[ShotState], redo: Collection[str]
    ) -> _Rows:
        found = {state.shot: state for state in states}
        numbers = basis.numbers()
        rows: dict[str, PlanRow] = {}
        waiting: list[PlanRow] = []
        planned: list[Planned] = []
        problems: list[str] = []
        notes: list[str] = []
        impossible: set[str] = set()
        drafts = _drafts(basis) if quality == "final" else {}
        for shot in basis.document.shots:
            state = found[shot.id]
            parent = basis.document.parent(shot)
            why = why_bought(
                state,
                asked_for=shot.id in redo,
                made_anew=parent.id if parent and parent.id in rows else None,
            )
            waits = why is None and state.state == "stale"
            if why is None and not waits:
                continue
            before = self._parent_take(parent, rows, found)
            if parent is not None and before is None and parent.id not in impossible:
                notes += [] if waits else [f"shot {shot.id} waits for {what_became(found[parent.id])}."]
                continue
            document = basis.document
            if parent is not None and before is None:  # only to tell what is wrong with this one as well
                impossible.add(shot.id)
                document, before = with_usual_length(document, parent), (parent.id, 1)
            draft = drafts.get(shot.id)
            wish = Wish(
                film_id=basis.record.id,
                document=document,
                shot=shot,
                quality=quality,
                number=numbers.get(shot.id, 0) + 1,
                parent=None if before is None else take_name(*before),
                draft=draft.job
                if draft is not None
                and draft.state == "current"
                and draft.bad is None
                and state.bad is None
                and shot.id not in redo
                else None,
            )
            try:
                one = await self._requests.plan(wish, basis.record.folder)
                row = _row(wish, one, why or "; ".join(state.why), basis.evidence[quality], before)
            except (InvalidRequest, ConfigError) as error:
                problems += [] if waits else problems_of(shot, error)
                impossible.add(shot.id)
                continue
            if shot.id in impossible:
                continue
            if waits:
                waiting.append(row)
                continue
            rows[shot.id] = row
            planned.append(one)
            notes += one.notes
        return _Rows(
            rows=tuple(rows.values()),
            waiting=tuple(waiting),
            planned=tuple(planned),
            problems=tuple(dict.fromkeys(problems)),
            notes=grouped(notes),
        )

    @staticmethod
    def _parent_take(
        parent: Shot | None, rows: Mapping[str, PlanRow], states: Mapping[str, ShotState]
    ) -> tuple[str, int] | None:
        """The take that a shot continues: the one that is planned for its parent, else the one that the film shows."""
        if parent is None:
            return None
        if parent.id in rows:
            return parent.id, rows[parent.id].take
        chosen = states[parent.id].chosen
        return None if chosen is None else (chosen.shot, chosen.number)

    def _advice(
        self, basis: Basis, quality: FilmQuality, states: Sequence[ShotState], found: _Rows
    ) -> tuple[Advice, ...]:
        """What is known of each request, what earlier takes of its shot teach, and what is known of long chains."""
        advice = [
            one for planned in found.planned for one in self._planner.advice(planned.plan, planned.asked)
        ]
        stands = {state.shot: state for state in states}
        for row, planned in zip(found.rows, found.planned, strict=True):
            elsewhere = partial(self._ready_elsewhere, planned)
            advice += lessons(stands[row.shot], row.request, basis.evidence[quality], elsewhere)
        advice += chain_advice(basis.document) if quality != "animatic" and found.rows else ()
        return tuple(dict.fromkeys(advice))

    def _ready_elsewhere(self, planned: Planned) -> list[str]:
        return [
            f"{other.name} ({digits(other.estimate.price.usd)} USD)"
            for other in self._planner.elsewhere(planned.asked, planned.plan)
            if other.ready and other.estimate is not None
        ]

    def _elsewhere(self, planned: Sequence[Planned]) -> dict[str, Price]:
        """What all rows cost together at each other offer that can make every one of them, the cheapest first."""
        sums: dict[str, Price] = {}
        counts: dict[str, int] = {}
        for one in planned:
            for other in self._planner.elsewhere(one.asked, one.plan):
                if other.estimate is None:
                    continue
                price = _sum([other.estimate.price])
                sums[other.name] = _sum([sums[other.name], price]) if other.name in sums else price
                counts[other.name] = counts.get(other.name, 0) + 1
        whole = [name for name in sums if counts[name] == len(planned)]
        return {name: sums[name] for name in sorted(whole, key=lambda name: sums[name].usd)}


def _drafts(basis: Basis) -> dict[str, ShotState]:
    return {state.shot: state for state in shot_states(basis.document, basis.evidence["draft"])}


def _on_placeholders(rows: Sequence[PlanRow]) -> tuple[str, ...]:
    drawn = [row.shot for row in rows if row.offer.provider.placeholder]
    return (
        (f"shot {listed(drawn)}: a placeholder drawn on this machine, no video of a model.",) if drawn else ()
    )


def _row(
    wish: Wish, planned: Planned, why: str, evidence: Evidence, before: tuple[str, int] | None
) -> PlanRow:
    estimate, offer = planned.plan.estimate, planned.plan.offer
    if estimate is None:
        raise InvalidRequest([f"its price at {offer.label} is unknown; name another model or provider"])
    return PlanRow(
        shot=wish.shot.id,
        take=wish.number,
        why=why,
        offer=offer,
        provider=offer.provider.name,
        model=offer.model.id,
        expected=estimate.price,
        maximum=estimate.maximum,
        parent=before[0] if before and planned.waits else None,
        parent_take=before[1] if before and planned.waits else None,
        request=planned.request,
        files=planned.files,
        inputs=inputs_of(wish.document, wish.shot, media=evidence.media, parent=wish.parent),
    )


def _sum(prices: Sequence[Price]) -> Price:
    usd = sum((price.usd for price in prices), Decimal(0))
    return Price(amount=usd, currency="USD", usd=usd, known=all(price.known for price in prices))


def _token(basis: Basis, quality: FilmQuality, rows: Sequence[PlanRow]) -> str:
    """Name a plan by everything that it buys; a plan that buys the same after an order has ended is another one."""
    told = [
        (
            *(row.shot, row.take, dict(sorted(row.inputs.items()))),
            *(row.request.model_dump(mode="json"), f"{row.maximum.usd:f}"),
        )
        for row in rows
    ]
    written = json.dumps([basis.record.id, basis.record.version, basis.orders, quality, told], sort_keys=True)
    return hashlib.sha256(written.encode()).hexdigest()[:_TOKEN_DIGITS]


def _request_key(film_id: str, row: PlanRow) -> str:
    """Name a row's purchase: the same row is the same job, whoever buys it and whenever."""
    key = f"{film_id}.{row.shot}.{key_of(row.inputs)}.{row.take}"
    if _KEY_FORM.fullmatch(key):
        return key
    shot = hashlib.sha256(row.shot.encode()).hexdigest()[:_SHOT_DIGITS]
    return f"{film_id}..{shot}.{key_of(row.inputs)}.{row.take}"  # two points, as no shot is called like a digest then
