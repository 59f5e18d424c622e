"""The command `approve`: shows a person what an assistant was told to ask, and takes the answer; or lists what waits."""

from __future__ import annotations

import argparse
import sys

import anyio

from ...app import Declined
from ...config import Settings, load_settings
from ...errors import ConfirmationRequired, InvalidRequest
from ...texts import inert, one_line
from ...types import FILM_PREFIX, JobState, Question
from ..consent import at_a_terminal, says_yes
from ..opening import looked_into, opened
from ..text import digits, moment, table
from ..words import told

_MOST_ANSWERS = 10

_UNBOUGHT = {
    JobState.NOT_SENT: "was not sent",
    JobState.REJECTED: "was refused by the provider",
    JobState.ABSENT: "did not come to the provider",
    JobState.CANCELLED: "was cancelled before it was sent",
}
"""How a job ended with which nothing was bought."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the code, and the answer for where nobody can be asked."""
    parser.add_argument(
        "code", nargs="?", help="The code that the assistant shows; without one, what waits is listed"
    )
    parser.add_argument(
        "--yes", action="store_true", help="Agree without being asked: for scripts of your own"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Show the question and note the answer."""
    settings, code = load_settings(), arguments.code
    if code is None:
        return anyio.run(_list, settings)
    question = anyio.run(_question, settings, code)
    if not arguments.yes and not at_a_terminal():
        raise ConfirmationRequired(
            f"This is no terminal, so nobody can be asked: {question.sentence}",
            token=None,
            hint="Run it in a terminal, or add --yes if you have read the question and agree. Nothing was bought.",
        )
    print(question.text, file=sys.stderr)
    return anyio.run(_answer, settings, code, arguments.yes or says_yes("Agree?"))


async def _list(settings: Settings) -> int:
    """Print everybody's questions that wait, and what administrators have answered of late."""
    async with opened(settings, watch=False) as app:
        waiting = await app.questions.waiting()
        answered = await app.questions.answered_by_administrators(_MOST_ANSWERS)
    rows = [
        (
            one.code or "with who asked",
            inert(one.person) or "you",
            f"{digits(one.question.price.usd)} USD",
            moment(one.expires_at),
            f"{one.question.model} at {one.question.provider}: {one_line(one.question.prompt, 60)}",
        )
        for one in waiting
    ]
    print(table(("CODE", "PERSON", "AT MOST", "UNTIL", "WHAT"), rows) if rows else "Nothing waits.")
    if answered:
        told = [
            (
                moment(one.at),
                "nothing bought" if one.unbought else one.answer,
                inert(one.administrator) or "you",
                inert(one.person) or "you",
                "" if one.unbought else f"{digits(one.usd)} USD",
                f"{one.job_id} {_UNBOUGHT[one.unbought]}" if one.unbought else one.job_id or "",
            )
            for one in answered
        ]
        print()
        print(table(("WHEN", "ANSWER", "BY", "FOR", "AT MOST", "BOUGHT"), told))
    return 0


async def _question(settings: Settings, code: str) -> Question:
    async with opened(settings, watch=False) as app:
        question = await app.questions.find(code)
        if question is None:
            raise _closed(await app.questions.bought_on(code), settings)
        return question


async def _answer(settings: Settings, code: str, agrees: bool) -> int:
    async with opened(settings, watch=False) as app:
        if not agrees:
            print(told(_not_agreed(await app.questions.decline(code))), file=sys.stderr)
            return 2
        before = await app.questions.is_agreed(code)
        if not await app.questions.approve(code):
            raise _closed(await app.questions.bought_on(code), settings)
    said = "It was agreed to before, and that is for one purchase." if before else "Agreed, once."
    print(f"{said} Tell the assistant to go on.")
    return 0


def _not_agreed(declined: Declined | None) -> str:
    if declined is not None and declined.job_id is not None:
        return f"Too late: it was agreed to before, and {_started(declined.job_id)} on that. {_stop(declined.job_id)}"
    if declined is not None and declined.earlier is not None:
        return f"Not agreed. Nothing was bought on this question; job {declined.earlier} was before, on another agreement."
    return "Not agreed. Nothing was bought."


def _closed(job_id: str | None, settings: Settings) -> InvalidRequest:
    if job_id is not None:
        return InvalidRequest(
            [f"This code is used up: it was agreed to, and {_started(job_id)} on that."],
            hint=f"{_stop(job_id)} Nothing was bought now.",
        )
    unknown = InvalidRequest(
        ["This code is unknown, used already, or older than 15 minutes."],
        hint="Let the assistant ask again: it gets a new code.",
    )
    unknown.add_note(looked_into(settings))
    return unknown


def _started(bought: str) -> str:
    return f"film {bought} was ordered" if bought.startswith(FILM_PREFIX) else f"job {bought} was started"


def _stop(bought: str) -> str:
    if bought.startswith(FILM_PREFIX):
        return "`seedance-mcp film cancel FILE` with its document stops it; what is made is kept."
    return f"`seedance-mcp jobs cancel {bought}` asks the provider to stop it."
