"""Puts the question for a person's agreement to the client, and goes by the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from mcp.types import InputRequiredResult

from ..config import Settings, way_to_agree
from ..errors import ApprovalRequired, ConfirmationRequired
from ..types import PurchaseTerms, VideoRequest
from .calls import Answered, Call, Reply

if TYPE_CHECKING:
    from ..app import Declined, StartedJob
    from ..films import Film

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class _Purchase(Generic[T]):
    """
    What a person may have to agree to: `start` buys it, `bought` is what an earlier agreement has come to, by its id.

    `cheaper` names the tool that finds cheaper ways.
    """

    start: Callable[[PurchaseTerms], Awaitable[T]]
    bought: Callable[[str], Awaitable[T]]
    cheaper: str


async def agreed(call: Call, request: VideoRequest, terms: PurchaseTerms) -> StartedJob | InputRequiredResult:
    """
    Start the video that the call wants; where a person has to agree first and the client can ask, ask.

    Returns what the tool has to return now, in the protocol era in which the client calls again with the answer.

    Raises:
        ConfirmationRequired: nobody could be asked, the answer was no, or it was none.
        ApprovalRequired, ApprovalRefused: it waits for an administrator, whom no client can ask; or one has said no.
    """

    async def bought(job_id: str) -> StartedJob:
        from ..app import StartedJob

        return StartedJob(
            job=await call.app.job(job_id),
            deduplicated=True,
            reason="The client answers no now, and its yes to the same question has led to this job before;"
            " cancel_job asks the provider to stop it.",
        )

    purchase = _Purchase(
        start=partial(call.app.generate, request), bought=bought, cheaper="estimate_cost finds cheaper ways"
    )
    return await _agreed(call, purchase, terms)


async def film_agreed(
    call: Call, film_id: str, plan: str, terms: PurchaseTerms
) -> Film | InputRequiredResult:
    """Make a film by its plan, with one question for the whole of it; as `agreed`."""
    films = call.app.films
    purchase = _Purchase(
        start=partial(films.make, film_id, plan),
        bought=films.find,
        cheaper="plan_film with another quality finds cheaper ways",
    )
    return await _agreed(call, purchase, terms)


async def _agreed(call: Call, purchase: _Purchase[T], terms: PurchaseTerms) -> T | InputRequiredResult:
    brought = call.brought
    if brought is not None and brought.reply.is_no:
        late = await _no_beforehand(call, purchase, brought)
        if late is not None:
            return late
        brought = None
    yes = brought.code if brought is not None and brought.reply is Reply.YES else None
    try:
        return await purchase.start(replace(terms, agreed_to=yes))
    except ConfirmationRequired as error:
        question = error
    if isinstance(question, ApprovalRequired) or not call.can_ask:
        raise question
    reply = await call.ask(question) if brought is None or yes else brought.reply
    if isinstance(reply, InputRequiredResult):
        return reply
    if reply.is_no:
        declined = await call.app.questions.decline(question.approval)
        raise _declined(question, reply, declined, call.app.settings, purchase.cheaper)
    if reply is not Reply.YES:
        raise question.after(f"The client was asked to put the question to the person, but {reply}")
    return await purchase.start(replace(terms, agreed_to=question.approval))


async def _no_beforehand(call: Call, purchase: _Purchase[T], brought: Answered) -> T | None:
    """
    Go by a no that comes with a new call: the purchase for which it comes too late; None if no question has that code.

    Raises:
        ConfirmationRequired: it is noted.
    """
    declined = await call.app.questions.decline(brought.code)
    if declined is None or declined.question is None:
        return None
    if declined.job_id is not None:
        return await purchase.bought(declined.job_id)
    question = ConfirmationRequired(
        f"A person has to agree first. {declined.question.sentence}",
        token=None,
        hint="",
        question=declined.question.text,
        approval=brought.code if await call.app.questions.find(brought.code) else "",
        remarks=declined.question.remarks,
    )
    raise _declined(question, brought.reply, declined, call.app.settings, purchase.cheaper)


def _declined(
    question: ConfirmationRequired,
    reply: Reply,
    declined: Declined | None,
    settings: Settings,
    cheaper: str,
) -> ConfirmationRequired:
    bought = "Nothing was bought."
    if declined is not None and declined.earlier is not None:
        bought = (
            f"Nothing was bought on this question; job {declined.earlier} was before, on another agreement."
        )
    way = "call again with the same arguments, and the question is put anew"
    if question.approval:
        way = f"{way_to_agree(question.approval, settings)}, and you call again with the same arguments"
    return question.told(
        f"The client answered no: {reply}. Whether a person saw it is not known here. {bought} {question.message}",
        token=None,
        hint=f"Do not ask again by yourself. If the person does want it, {way}; {cheaper}.",
    )
