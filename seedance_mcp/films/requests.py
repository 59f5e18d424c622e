"""A shot as it is bought: chooses its model, writes it for that, and prices it, with what it continues standing in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidRequest, SeedanceError
from ..jobs import Plan, Planner, Sources, is_path
from ..types import FilmQuality, Job, MediaFile, VideoRequest
from .casting import cast_shot
from .document import FilmDocument, Shot
from .freshness import take_name
from .named import placed

if TYPE_CHECKING:
    from ..catalog import Catalog, Model, Offer
    from ..jobs import ResolvedRequest

TAKE = "take:"
"""Begins a source that stands for an earlier take of the film, whose job is not known yet: `take:s01.2`."""

_LAST_FRAME = "/last_frame"
_MOST_SEED = 2**31 - 1
ANIMATIC_PROVIDER = "sandbox"
_STAND_IN_SIZE = (1280, 720)
_STAND_IN_BYTES = 1_000_000
_USUAL_SECONDS = 5


@dataclass(frozen=True, kw_only=True)
class Wish:
    """
    A shot that is wanted at a quality as take `number`.

    `parent` names the take that it continues. `draft` is the job of the shot's draft that the film shows.
    """

    film_id: str
    document: FilmDocument
    shot: Shot
    quality: FilmQuality
    number: int
    parent: str | None = None
    draft: Job | None = None


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A shot with where it is bought: `request` is what is sent there later, and `notes` what to know of it."""

    plan: Plan
    asked: ResolvedRequest
    request: VideoRequest
    waits: bool
    notes: tuple[str, ...] = ()

    @property
    def files(self) -> dict[str, str]:
        """The hashes of the local files that are sent: what is bought later is made from these, or not at all."""
        named = {source for _, _, source in self.request.media() if is_path(source) and not is_take(source)}
        return {
            source: file.sha256
            for source, file in self.asked.media.items()
            if source in named and file.sha256
        }


class ShotRequests:
    """Makes the requests of a film's shots. Paths in its document start at `folder`."""

    def __init__(
        self, planner: Planner, sources: Sources, catalog: Callable[[], Catalog], default_model: str | None
    ) -> None:
        self._planner = planner
        self._sources = sources
        self._catalog = catalog
        self._default_model = default_model

    async def plan(self, wish: Wish, folder: str | None) -> Planned:
        """
        Plan a shot at its quality.

        Raises:
            InvalidRequest, ConfigError: it cannot be made so, with everything that is in the way.
        """
        if wish.quality == "final" and wish.draft is not None:
            finished = await self._finished(wish, wish.draft)
            if finished is not None:
                return finished
        model = await self._model(wish, folder)
        try:
            return await self._planned(wish, folder, model)
        except InvalidRequest as error:
            # Some models give a video that begins with a picture the ratio of that, and take no other.
            if wish.shot.continues != "last_frame" and not wish.shot.first_frame:
                raise
            adaptive = wish.document.model_copy(update={"aspect_ratio": "adaptive"})
            try:
                return await self._planned(replace(wish, document=adaptive), folder, model)
            except InvalidRequest as other:
                raise of_the_shot(error, other) from None

    async def _planned(self, wish: Wish, folder: str | None, model: Model) -> Planned:
        request, noted = written_for(wish, model, folder)
        asked = continued(await self._sources.resolve(request), wish, model)
        asked, plan, more = self._chosen(asked, wish)
        if wish.parent is None:  # nobody can be asked for a price of what is not there yet
            plan = await self._planner.quoted(plan)
        pinned = _pinned(asked.request, plan, seed=_seed(wish, plan.offer))
        notes = (*noted, *plan.notes, *more)
        if wish.quality == "final" and wish.draft is not None:
            notes = (*notes, f"shot {wish.shot.id}: another video than the draft, of the same request.")
        if wish.quality == "draft" and plan.ladder is not None and plan.ladder.days is None:
            notes = (
                *notes,
                f"shot {wish.shot.id}: drafts are takes of {plan.offer.model.id} in {plan.request.resolution};"
                " the final will be another video.",
            )
        return Planned(plan=plan, asked=asked, request=pinned, waits=wish.parent is not None, notes=notes)

    def _chosen(self, asked: ResolvedRequest, wish: Wish) -> tuple[ResolvedRequest, Plan, tuple[str, ...]]:
        """Choose where it goes. Of what is the cheapest of its family already there is no draft: it is made as it is."""
        try:
            return asked, self._planner.plan(asked), ()
        except InvalidRequest as error:
            if not all(problem.startswith("quality:") for problem in error.problems):
                raise
        whole = replace(asked, request=asked.request.model_copy(update={"quality": None}))
        note = f"shot {wish.shot.id}: no draft would be cheaper, so what is bought is as the final."
        return whole, self._planner.plan(whole), (note,)

    async def _finished(self, wish: Wish, draft: Job) -> Planned | None:
        """The draft's very take in full; None: its provider makes no such thing, or no longer."""
        if not draft.is_draft:
            return None
        request = VideoRequest(based_on=draft.id, quality="final", provider=draft.provider, model=draft.model)
        try:
            asked = await self._sources.resolve(request)
            if asked.finishes is None:
                return None
            plan = await self._planner.quoted(self._planner.plan(asked))
        except SeedanceError:
            return None
        return Planned(
            plan=plan,
            asked=asked,
            request=request,
            waits=False,
            notes=(f"shot {wish.shot.id}: the very take of the draft, in full.",),
        )

    async def _model(self, wish: Wish, folder: str | None) -> Model:
        """
        The model that a shot is written for: the one that is named, else the one that suits its longest sibling.

        A sibling that no model makes chooses none: that is told of it alone.
        """
        name = wish.shot.model or wish.document.model or self._default_model
        catalog = self._catalog()
        if name is not None and name in catalog.models:
            return catalog.models[name]
        first_of_length = {shot.seconds: shot for shot in reversed(wish.document.shots)}
        for _, sibling in sorted(first_of_length.items(), reverse=True):
            with suppress(InvalidRequest):
                return await self._suited(wish, sibling, name)
        return await self._suited(wish, wish.shot, name)

    async def _suited(self, wish: Wish, sibling: Shot, name: str | None) -> Model:
        """The model that is chosen for a shot. Raises InvalidRequest, ConfigError: none makes it."""
        given = {**_given(replace(wish, shot=sibling, draft=None), None), "model": name}
        if given.get("quality") == "draft":
            given.pop("quality")
        asked = await self._sources.resolve(
            VideoRequest.model_validate({**given, "prompt": wish.shot.prompt})
        )
        return self._planner.plan(asked).chosen.model


def of_the_shot(error: InvalidRequest, adaptive: InvalidRequest) -> InvalidRequest:
    """Return which of two refusals tells no more than the shot's faults: as written, or in the ratio of its first picture."""
    return min(error, adaptive, key=lambda one: len(one.problems))


def is_take(source: str) -> bool:
    """Return whether a source stands for an earlier take of the film."""
    return source.startswith(TAKE)


def with_usual_length(document: FilmDocument, shot: Shot) -> FilmDocument:
    """Give a shot a length that every model makes, so that another one which continues it is not blamed for its own."""
    usual = shot.model_copy(update={"seconds": _USUAL_SECONDS})
    return document.model_copy(
        update={"shots": tuple(usual if one.id == shot.id else one for one in document.shots)}
    )


def with_take(request: VideoRequest, job_id: str) -> VideoRequest:
    """Put the job that made the continued take where the request has its stand-in."""
    sources = {source: source for _, _, source in request.media()}
    for source in sources:
        if source.startswith(TAKE):
            sources[source] = f"job:{job_id}{_LAST_FRAME if source.endswith(_LAST_FRAME) else ''}"
    return request.with_media(sources)


def written_for(wish: Wish, model: Model, folder: str | None) -> tuple[VideoRequest, tuple[str, ...]]:
    """
    Write a shot for a model, without what it continues, and say what of the document that model cannot be given.

    Raises:
        InvalidRequest: the shot cites more than the model takes.
    """
    tail = wish.parent if wish.shot.continues == "tail" else None
    written = cast_shot(wish.document, wish.shot, model, TAKE + tail if tail else None)
    request = VideoRequest.model_validate(
        {
            **_given(wish, model),
            "prompt": written.prompt,
            "reference_images": [placed(source, folder) for source in written.images],
            "reference_audios": [placed(source, folder) for source in written.sounds],
        }
    )
    return _with_frames(request, wish.shot, folder), written.notes


def _given(wish: Wish, model: Model | None) -> dict[str, Any]:
    document, shot = wish.document, wish.shot
    given: dict[str, Any] = {
        "model": shot.model or document.model or (model.id if model else None),
        "provider": document.provider,
        "duration": shot.seconds,
        "resolution": document.resolution,
        "aspect_ratio": document.aspect_ratio,
        "generate_audio": document.generate_audio if model is None or model.audio else None,
        "seed": shot.seed,
    }
    if wish.quality == "animatic":
        given |= {"provider": ANIMATIC_PROVIDER, "resolution": "480p"}
        if model is not None:
            given["model"] = model.id
    if wish.quality == "draft":
        given["quality"] = "draft"
    return given


def _with_frames(request: VideoRequest, shot: Shot, folder: str | None) -> VideoRequest:
    changes = {
        field: placed(source, folder)
        for field, source in (("first_frame", shot.first_frame), ("last_frame", shot.last_frame))
        if source is not None
    }
    return request.model_copy(update=changes)


def continued(asked: ResolvedRequest, wish: Wish, model: Model) -> ResolvedRequest:
    """Let a stand-in of the right size and length take the place of the take that is continued."""
    if wish.parent is None or wish.shot.continues == "cut":
        return asked
    before = wish.document.parent(wish.shot)
    width, height = _size(model, asked.request)
    file = MediaFile(
        kind="image",
        path=Path("last_frame.png"),
        mime_type="image/png",
        bytes=_STAND_IN_BYTES,
        sha256=hashlib.sha256().hexdigest(),
        width=width,
        height=height,
    )
    if wish.shot.continues == "last_frame":
        source = f"{TAKE}{wish.parent}{_LAST_FRAME}"
        request = asked.request.model_copy(update={"first_frame": source})
    else:
        source = f"{TAKE}{wish.parent}"
        file = replace(
            file,
            kind="video",
            path=Path("take.mp4"),
            mime_type="video/mp4",
            duration_seconds=float(before.seconds if before else wish.shot.seconds),
            fps=float(model.fps),
            video_codec="h264",
            audio_codec="aac",
            job_id=wish.parent,  # it is a job's own video, whose link can be handed on
        )
        request = asked.request.model_copy(update={"reference_videos": (source,)})
    return replace(asked, request=request, media={**asked.media, source: file})


def _size(model: Model, request: VideoRequest) -> tuple[int, int]:
    try:
        return model.size(
            request.resolution or model.default_resolution, request.aspect_ratio or model.default_aspect_ratio
        )
    except KeyError:
        return _STAND_IN_SIZE


def _pinned(asked: VideoRequest, plan: Plan, *, seed: int | None) -> VideoRequest:
    """What is asked for with everything that was chosen, so that it is bought as it was planned whatever is on sale then."""
    ladder = plan.ladder
    if (
        ladder is not None and ladder.days is not None
    ):  # the offer's own draft: what it leads to is kept with the job
        named = {"provider": plan.chosen.provider.name, "model": plan.chosen.model.id}
    else:
        fields = ("duration", "resolution", "aspect_ratio", "generate_audio")
        named = {
            "provider": plan.offer.provider.name,
            "model": plan.offer.model.id,
            "quality": None,
            **{field: getattr(plan.request, field) for field in fields},
        }
    return asked.model_copy(update={**named, "seed": seed})


def _seed(wish: Wish, offer: Offer) -> int | None:
    """The shot's own seed, else its draft's, else one of the take's own; None where the offer takes none."""
    seeds = offer.parameters.get("seed")
    if seeds is None or wish.shot.seed is not None:
        return wish.shot.seed
    if wish.draft is not None and wish.draft.request.seed is not None:
        return wish.draft.request.seed
    digest = hashlib.sha256(f"{wish.film_id} {take_name(wish.shot.id, wish.number)}".encode())
    return int(digest.hexdigest(), 16) % (min(seeds.max or _MOST_SEED, _MOST_SEED) + 1)
