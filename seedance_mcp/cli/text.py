"""Amounts, times and tables as people read them in a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ..errors import OtherAccount
from ..texts import digits, inert, one_line
from ..types import Job, JobStatus, Price, Review
from .words import told

if TYPE_CHECKING:
    from ..store import Approval


def money(price: Price) -> str:
    """`0.24 USD`, or `1.70 CNY (0.24 USD)` where it is billed in another currency; what is counted if it is unknown."""
    if not price.known:
        return f"unknown, {digits(price.usd)} USD counted"
    own = f"{digits(price.amount)} {price.currency}"
    return own if price.currency == "USD" else f"{own} ({digits(price.usd)} USD)"


def moment(seconds: float) -> str:
    """A time in seconds since the epoch, on the clock of this machine."""
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def json_text(content: Mapping[str, object]) -> str:
    """
    Write JSON for stdout.

    What stdout cannot encode, and what could command a terminal or hide something, is written as an escape of JSON, so
    that whoever reads it as JSON has all of it.
    """
    encoding = sys.stdout.encoding or "ascii"
    return "".join(
        character if character == "\n" or _can_be_shown(character, encoding) else json.dumps(character)[1:-1]
        for character in json.dumps(content, indent=2, ensure_ascii=False)
    )


def _can_be_shown(character: str, encoding: str) -> bool:
    if not character.isprintable():
        return False
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell, two spaces between them."""
    widths = [max(len(cell) for cell in column) for column in zip(head, *rows, strict=True)]
    lines = [head, *rows]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


_OURS = ("", "delivered", "hint", "waits")
"""Lines of a job that we wrote: the others hold a prompt, a provider's words, paths and ids."""


_NOTES_CHARACTERS = 300
_MOST_REVIEWS = 5


def reviewer(review: Review) -> str:
    """Who gave a verdict, as the person at the terminal is told."""
    if review.by == "assistant":
        return "the assistant"
    return "you, as the assistant told it" if review.relayed else "you"


def _reviews(reviews: Sequence[Review]) -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    for review in reviews[:_MOST_REVIEWS]:
        opinion = review.opinion
        scores = ", ".join(f"{name} {value}" for name, value in opinion.scores.items())
        told = [opinion.verdict, f"by {reviewer(review)}", moment(review.at), scores]
        notes = one_line(opinion.notes, _NOTES_CHARACTERS)
        words = "; ".join(filter(None, told))
        lines.append(("review", f"{words}: {notes}" if notes else words))
    if len(reviews) > _MOST_REVIEWS:
        lines.append(("", f"and {len(reviews) - _MOST_REVIEWS} more"))
    return lines


@dataclass(frozen=True, kw_only=True)
class Around:
    """
    What is known of a job that does not stand in its record.

    `hint`: what to do about its error. `other`: whose it is, if nobody here may follow it. `differs`: in what its file is
    not what was ordered. `reviews`: what was thought of it, the one that counts first. `untaken`: that no worker has taken it.
    `among_people`: whether jobs are of several people. `approval`: what an administrator has agreed to, where one had to.
    """

    hint: str | None = None
    other: OtherAccount | None = None
    differs: str | None = None
    reviews: Sequence[Review] = ()
    untaken: str | None = None
    among_people: bool = False
    approval: Approval | None = None


_RECORD_ALONE = Around()


def _signer(job: Job, approval: Approval | None) -> str | None:
    """Who agreed to the price of a job; None where nobody had to."""
    if approval is not None:
        return f"{approval.administrator or 'you'}, as an administrator"
    if job.agreed_by is None:
        return None
    return (
        (job.person or "you") if job.agreed_by == "person" else "the assistant, by its word that a person did"
    )


def job_lines(job: Job, around: Around = _RECORD_ALONE) -> str:
    """Everything that a person wants to know of a job, a line each."""
    hint, other, differs, untaken = around.hint, around.other, around.differs, around.untaken
    shown: list[tuple[str, str | None]] = [
        ("job", job.id),
        ("person", (job.person or "you") if around.among_people else None),
        (
            "status",
            job.status.value
            if job.progress is None or job.finished
            else f"{job.status.value}, {job.progress:.0%}",
        ),
        ("model", f"{job.model} at {job.provider}"),
        ("prompt", one_line(job.request.prompt or "", 100) or None),
        ("created", moment(job.created_at)),
        ("finished", moment(job.finished_at) if job.finished_at else None),
        ("estimate", money(job.estimate)),
        (
            "charge",
            "none: nothing was bought" if job.never_bought else money(job.charge) if job.charge else None,
        ),
        ("agreed by", _signer(job, around.approval)),
        ("task there", job.submission.task_id if job.submission else None),
    ]
    if job.artifacts:
        facts = job.artifacts
        shown += [
            ("video", facts.video_path),
            ("measured", facts.measured),
            ("unchecked", facts.doubt),
            ("last frame", facts.last_frame_path),
            ("folder", job.folder_error),
        ]
    if differs:
        shown += [("delivered", f"not as ordered: {differs}"), ("", delivery_hint(job))]
    shown += _reviews(around.reviews)
    if job.error:
        shown += [("error", f"[{job.error_code}] {job.error}"), ("hint", hint)]
    if job.hook_error:
        shown.append(("hook", f"SEEDANCE_ON_FINISH {job.hook_error}"))
    if untaken:
        shown.append(("waits", untaken))
    if other:
        shown += [("waits", other.message), ("", other.hint)]
    return "\n".join(
        f"{f'{name}:' if name else '':<12}{inert(told(value, job.id) if name in _OURS else value)}"
        for name, value in shown
        if value
    )


def delivery_hint(job: Job) -> str:
    """What a person can do about a file that is not what was ordered."""
    return (
        f"Look at the provider's console; `seedance-mcp jobs show {job.id} --refund-note` writes what the provider's"
        " support needs to know."
    )


NOT_KNOWN = 3
"""The exit code of a command that ends while a job has no end yet, or nobody knows which."""


def exit_code(job: Job) -> int:
    """Return 0 if there is a video, 1 if there will be none, 3 if that is not known (yet)."""
    if job.status is JobStatus.UNKNOWN or not job.finished:
        return NOT_KNOWN
    return 0 if job.status is JobStatus.SUCCEEDED else 1
