"""Which take is shown, whoever chose and judged what, and what a failure says about the next one: the rules alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seedance_mcp.films.choosing import Choosing
from seedance_mcp.films.lessons import lessons
from seedance_mcp.films.states import Evidence, Failure, ShotState
from seedance_mcp.jobs import opinion
from seedance_mcp.types import JobCode, Mark, Review, Reviewer, Take, VideoRequest
from tests.jobs.film_till import FILM, take, usd

INPUTS = {"text": "1", "media": "1", "seconds": "1"}


def chosen(
    number: int, at: float = 0, *, newest: int = 3, by: Reviewer = "person", back: bool = False
) -> Mark:
    kind = "unchosen" if back else "chosen"
    return Mark(film_id=FILM, shot="s1", take=number, kind=kind, inputs={}, at=at, newest=newest, by=by)


def bad(number: int, at: float = 0, *, by: Reviewer = "person") -> Review:
    return Review(job_id=f"job-{number}", opinion=opinion("bad"), by=by, relayed=False, at=at)


@pytest.mark.parametrize(
    ("marks", "reviews", "shown"),
    [
        ([], [], 3),
        ([], [bad(3)], 2),
        ([], [bad(1), bad(2), bad(3)], 3),
        ([chosen(1)], [], 1),
        ([chosen(1), chosen(2)], [], 2),
        ([chosen(1), chosen(1, back=True)], [], 3),
        ([chosen(1, newest=2)], [], 3),
        ([chosen(1, newest=2)], [bad(3)], 1),
        ([chosen(1, 5)], [bad(1, 6, by="assistant")], 1),
        ([chosen(1, 5)], [bad(1, 6)], 3),
        ([chosen(1, 5)], [bad(1, 4)], 1),
        ([chosen(1, 5, by="assistant")], [bad(1, 4)], 3),
        ([chosen(1, 5, by="assistant")], [bad(1, 6, by="assistant")], 3),
        ([chosen(1), chosen(2, by="assistant")], [], 1),
        ([chosen(1), chosen(1, by="assistant", back=True)], [], 1),
        ([chosen(2, newest=2), chosen(1, by="assistant")], [], 1),
        ([chosen(2, by="assistant"), chosen(1)], [], 1),
    ],
)
def test_a_persons_word_outranks_an_assistants_and_a_later_order_both(
    marks: list[Mark], reviews: list[Review], shown: int
) -> None:
    takes = [_done(number) for number in (1, 2, 3)]
    found = Choosing(marks, {review.job_id: review for review in reviews}).shown(takes)
    assert found == takes[shown - 1]


def _done(number: int) -> Take:
    return replace(take("s1", usd("1"), number=number), job_id=f"job-{number}")


@pytest.mark.parametrize(
    ("code", "said", "message", "advice"),
    [
        (JobCode.CONTENT_REJECTED, "InputText", "No.", ("shot_refused", "Change its words (prompt, ")),
        (JobCode.CONTENT_REJECTED, "InputImage", "No.", ("shot_refused", "Change its pictures (mira.png). ")),
        (
            JobCode.CONTENT_REJECTED,
            "",
            "No.",
            ("shot_refused", "Change its pictures (mira.png) or its voices (mi.wav)"),
        ),
        (
            JobCode.CONTENT_REJECTED,
            "",
            'The prompt has "a boat".',
            ("shot_refused", "Change the words 'a boat'."),
        ),
        (JobCode.RATE_LIMITED, "", "Busy.", ("shot_no_room", "Busy. Hint. Or elsewhere: fal/x (1 USD).")),
        (
            JobCode.REQUEST_REJECTED,
            "",
            "No.",
            ("shot_not_possible", "Shot a, take 1, was not made: No. Hint."),
        ),
        (JobCode.GENERATION_FAILED, "", "No.", None),
    ],
)
def test_a_failure_says_what_to_change_until_that_is_changed(
    code: JobCode, said: str, message: str, advice: tuple[str, str] | None
) -> None:
    failed = Failure(take=_take(INPUTS), code=code, message=message, hint="Hint.", said=said)
    request = VideoRequest(
        prompt="a boat", reference_images=("/a/mira.png", "take:s1.1"), reference_audios=("/a/mi.wav",)
    )
    evidence = Evidence(quality="final", takes=(), marks=(), jobs={}, media={})

    def told(inputs: dict[str, str]) -> list[tuple[str, str]]:
        state = ShotState(shot="a", state="failed", failure=failed, inputs=inputs)
        found = lessons(state, request, evidence, lambda: ["fal/x (1 USD)"])
        return [(one.code, one.text) for one in found]

    now = told(INPUTS)
    if advice is None:
        assert now == []
        return
    ((found, words),) = now
    assert (found, advice[1] in words) == (advice[0], True), words
    changed = told({**INPUTS, "text": "2"})
    assert changed == ([] if code is not JobCode.RATE_LIMITED else now)


def _take(inputs: dict[str, str]) -> Take:
    return replace(take("a", usd("1")), inputs=inputs)
