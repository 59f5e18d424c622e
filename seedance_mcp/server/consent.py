"""Puts the question for a person's agreement to the client, and goes by the answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mcp.types import InputRequiredResult

from ..config import Settings, command
from ..errors import ConfirmationRequired
from ..types import PurchaseTerms, VideoRequest
from .calls import Answered, Call, Reply

if TYPE_CHECKING:
    from ..app import Declined, StartedJob


async def agreed(call: Call, request: VideoRequest, terms: PurchaseTerms) -> StartedJob | InputRequiredResult:
    """
    Start what the call wants; where a person has to agree first and the client can ask, ask.

    Returns what the tool has to return now, in the protocol era in which the client calls again with the answer.

    Raises:
        ConfirmationRequired: nobody could be asked, the answer was no, or it was none.
    """
    brought = call.brought
    if brought is not None and brought.reply.is_no:
        late = await _no_beforehand(call, brought)
        if late is not None:
            return late
        brought = None
    yes = brought.code if brought is not None and brought.reply is Reply.YES else None
    try:
        return await call.app.generate(request, replace(terms, agreed_to=yes))
    except ConfirmationRequired as error:
        question = error
    if not call.can_ask:
        raise question
    reply = await call.ask(question) if brought is None or yes else brought.reply
    if isinstance(reply, InputRequiredResult):
        return reply
    if reply.is_no:
        raise _declined(
            question, reply, await call.app.questions.decline(question.approval), call.app.settings
        )
    if reply is not Reply.YES:
        raise question.after(f"The client was asked to put the question to the person, but {reply}")
    return await call.app.generate(request, replace(terms, agreed_to=question.approval))


async def _no_beforehand(call: Call, brought: Answered) -> StartedJob | None:
    """
    Go by a no that comes with a new call: the job for which it comes too late; None if no question has that code.

    Raises:
        ConfirmationRequired: it is noted.
    """
    declined = await call.app.questions.decline(brought.code)
    if declined is None or declined.question is None:
        return None
    if declined.job_id is not None:
        from ..app import StartedJob

        return StartedJob(
            job=await call.app.job(declined.job_id),
            deduplicated=True,
            reason="The client answers no now, and its yes to the same question has led to this job before;"
            " cancel_job asks the provider to stop it.",
        )
    question = ConfirmationRequired(
        f"A person has to agree first. {declined.question.sentence}",
        token=None,
        hint="",
        question=declined.question.text,
        approval=brought.code if await call.app.questions.find(brought.code) else "",
        remarks=declined.question.remarks,
    )
    raise _declined(question, brought.reply, declined, call.app.settings)


def _declined(
    question: ConfirmationRequired, reply: Reply, declined: Declined | None, settings: Settings
) -> ConfirmationRequired:
    bought = "Nothing was bought."
    if declined is not None and declined.earlier is not None:
        bought = (
            f"Nothing was bought on this question; job {declined.earlier} was before, on another agreement."
        )
    way = "call again with the same arguments, and the question is put anew"
    if question.approval:
        way = (
            f"they run `{command(f'approve {question.approval}', settings)}` in a terminal within 15 minutes,"
            " and you call again with the same arguments"
        )
    return question.told(
        f"The client answered no: {reply}. Whether a person saw it is not known here. {bought} {question.message}",
        token=None,
        hint="Do not ask again by yourself. If the person does want it,"
        f" {way}; estimate_cost finds cheaper ways.",
    )
