"""What a request takes from the job that it is based on: its settings; of a draft, those of what it is a draft of."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from ...errors import InvalidRequest, JobNotFinished
from ...store import Store, drafts, job_records
from ...types import Job, VideoRequest
from ..pool.provider_pool import ProviderPool
from .resolved_request import Basis, Finishing

if TYPE_CHECKING:
    from ...catalog import Drafts, Offer

_DAY = 86_400.0


async def with_basis(request: VideoRequest, *, store: Store, pool: ProviderPool) -> Basis:
    """
    Fill in what the request does not give; its quality is "draft" or None afterwards.

    A draft of which quality "final" is wanted is finished by the provider that made it as a draft. Of any other draft
    only the settings are taken, for another video.

    Raises:
        InvalidRequest: it contradicts itself, or the draft cannot be finished.
        JobNotFound: there is no such job to base it on.
        JobNotFinished: the draft is not made yet.
        OtherAccount, ConfigError: the draft cannot be finished from here.
    """
    if request.based_on is None:
        _check_options(request, request.quality, pool)
        return Basis(request=_without_final(request))
    job = await store.read(partial(job_records.find, job_id=request.based_on))
    final = await store.read(partial(drafts.final_of, job_id=job.id))
    quality = request.quality or ("draft" if final is not None else None)
    _check_options(request, quality, pool)
    if quality != "final":
        base = final or _without_finishing(job.request, pool)
        return Basis(request=_filled(base.model_copy(update={"quality": quality}), request))
    made = _made_as_draft(job, pool)
    if made is None or request.provider_options.get(made[1].option) is False:
        base = final or _without_finishing(job.request, pool)
        notes = () if final is None and made is None else (_another_video(job),)
        return Basis(request=_without_final(_filled(base, request)), notes=notes)
    offer, lines = made
    task_id = await _finishable(job, lines, request, store=store, pool=pool)
    return _finishing(request, job, final or _undrafted(job.request, lines), offer, task_id)


def _check_options(request: VideoRequest, quality: str | None, pool: ProviderPool) -> None:
    """
    Refuse options of a provider's that say something about drafts beside a quality that says it.

    Raises:
        InvalidRequest: names each.
    """
    if quality is None or not request.provider_options:
        return
    found: list[str] = []
    for lines in _all_drafts(pool):
        for name in (lines.option, lines.finish):
            value = request.provider_options.get(name)
            # That a final is no draft goes without saying, and may be said.
            if value is not None and not (quality == "final" and name == lines.option and value is False):
                found.append(
                    f"provider_options.{name}: quality {quality!r} says what is wanted; give one of the two"
                )
    if found:
        raise InvalidRequest(list(dict.fromkeys(found)))


def _all_drafts(pool: ProviderPool) -> Iterator[Drafts]:
    return (offer.drafts for offer in pool.catalog.offers(on_sale=False) if offer.drafts is not None)


def _without_final(request: VideoRequest) -> VideoRequest:
    return request.model_copy(update={"quality": None}) if request.quality == "final" else request


def _filled(base: VideoRequest, request: VideoRequest) -> VideoRequest:
    """Lay what the request gives over its basis; options one by one."""
    given = {name: getattr(request, name) for name in request.model_fields_set}
    options = {**base.provider_options, **request.provider_options}
    return base.model_copy(update={**given, "provider_options": options})


def _without_finishing(made: VideoRequest, pool: ProviderPool) -> VideoRequest:
    """Leave out which draft a job has finished: the same once more is another video, with the same settings."""
    names = {lines.finish for lines in _all_drafts(pool)}
    if not names & made.provider_options.keys() or not (made.prompt or made.media()):
        return made
    options = {name: value for name, value in made.provider_options.items() if name not in names}
    return made.model_copy(update={"provider_options": options})


def _undrafted(made: VideoRequest, lines: Drafts) -> VideoRequest:
    options = {name: value for name, value in made.provider_options.items() if name != lines.option}
    return made.model_copy(update={"provider_options": options})


def _made_as_draft(job: Job, pool: ProviderPool) -> tuple[Offer, Drafts] | None:
    """The offer that made the job as a draft of its own kind, and what is known of those; None: it did not."""
    if not job.request.provider_options:
        return None
    offer = pool.offer(job)
    if offer.drafts is None or job.request.provider_options.get(offer.drafts.option) is not True:
        return None
    return offer, offer.drafts


def _another_video(job: Job) -> str:
    return f"This makes another video than the draft {job.id}, with the same settings in full quality."


async def _finishable(
    job: Job, lines: Drafts, request: VideoRequest, *, store: Store, pool: ProviderPool
) -> str:
    """
    Return the task of a draft that its provider can finish now for this request.

    Raises:
        JobNotFinished, InvalidRequest, OtherAccount, ConfigError: it cannot; why.
    """
    problems = [
        f"{name}: the draft {job.id} is {there}'s, and only there it can be finished"
        for name, there in (("provider", job.provider), ("model", job.model))
        if getattr(request, name) not in (None, there, job.endpoint)
    ]
    if problems:
        raise InvalidRequest(problems)
    other = await pool.other_account(job)
    if other is not None:
        raise other
    if not job.finished and job.remote_done_at is None:
        raise JobNotFinished(f"The draft {job.id} is not made yet.")
    another = f"To make another video in full instead, add provider_options {{{lines.option!r}: false}}. Nothing was spent."
    if job.submission is None or job.remote_done_at is None:
        raise InvalidRequest(
            [f"based_on: the draft {job.id} was not made, so there is no take to finish"], hint=another
        )
    # By the clock on the wall: where that is wrong, the provider's refusal costs nothing, and neither does ours.
    if store.clock() - (job.sent_at or job.created_at) >= lines.days * _DAY:
        raise InvalidRequest(
            [f"based_on: {job.provider} finishes a draft for {lines.days} days, and {job.id} is older"],
            hint=another,
        )
    return job.submission.task_id


def _finishing(request: VideoRequest, job: Job, draft: VideoRequest, offer: Offer, task_id: str) -> Basis:
    from ...catalog import in_full, to_finish  # read on first use, not when the server starts

    assert offer.drafts is not None
    draft = draft.model_copy(update={"provider": job.provider, "model": job.model})
    given: dict[str, Any] = {name: getattr(request, name) for name in request.model_fields_set}
    asked = to_finish(draft, offer, offer.drafts, task_id)
    options = {**asked.provider_options, **request.provider_options}
    asked = asked.model_copy(update={**given, "quality": None, "provider_options": options})
    asked = asked.model_copy(update={"provider": job.provider, "model": job.model})
    whole = in_full(asked, draft, offer, offer.drafts)
    return Basis(request=whole, finishes=Finishing(draft=job, given=asked))
