"""Which of the takes of a shot a film shows: by what was chosen, by what was judged, and by what is newest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..texts import one_line
from ..types import Mark, Review, Take

_NOTE_CHARACTERS = 200


class Choosing:
    """
    Goes by the marks of a film, the oldest first, and by the reviews in force of its takes, by their jobs.

    A person's word outranks an assistant's, whether it is a choice or a verdict; of one person's the later one counts.
    """

    def __init__(self, marks: Sequence[Mark], reviews: Mapping[str, Review]) -> None:
        self._marks = [mark for mark in marks if mark.kind != "kept"]
        self._reviews = reviews

    def is_bad(self, take: Take) -> bool:
        """Return whether the verdict that counts on a take is bad."""
        review = self._review(take)
        return review is not None and review.opinion.verdict == "bad"

    def shown(self, takes: Iterable[Take]) -> Take | None:
        """
        Return which of the finished takes of one shot, at one quality, the film shows; None: there are none.

        The one that was chosen, else the newest that is not bad, else the newest of all.
        """
        done = list(takes)
        choice = self.choice(done)
        if choice is not None:
            return choice
        good = [take for take in done if not self.is_bad(take)]
        return max(good or done, key=_number, default=None)

    def choice(self, takes: Iterable[Take]) -> Take | None:
        """
        Return which of the finished takes of one shot, at one quality, somebody chose; None: nobody did.

        A choice holds until a later order has brought a take that is not bad, or until somebody whose word outranks it has
        called the chosen take bad.
        """
        done = {take.number: take for take in takes}
        found: Mark | None = None
        for mark in self._marks:
            take = done.get(mark.take)
            if take is None or take.shot != mark.shot:
                continue
            outranked = found is not None and found.by == "person" and mark.by == "assistant"
            if outranked and found is not None and not self._is_over(found, done, mark.newest):
                continue
            found = mark if mark.kind == "chosen" else None
        if found is None or self._is_overruled(found, done[found.take]):
            return None
        return None if self._is_over(found, done, max(done)) else done[found.take]

    def called_bad(self, shown: Take, takes: Iterable[Take]) -> Review | None:
        """Return the verdict by which the shown take of these is bad; None: it is not, or it was chosen all the same."""
        return self._review(shown) if self.is_bad(shown) and self.choice(takes) != shown else None

    def notes(self, take: Take) -> str:
        """Return what was noted with the verdict that counts on a take."""
        review = self._review(take)
        return review.opinion.notes if review is not None else ""

    def by_preference(self, takes: Iterable[Take]) -> list[Take]:
        """Order finished takes of several shots by which of them would rather be shown in another one."""
        shots: dict[str, list[Take]] = {}
        for take in takes:
            shots.setdefault(take.shot, []).append(take)
        chosen = {one.request_key for one in map(self.choice, shots.values()) if one is not None}
        return sorted(
            (take for some in shots.values() for take in some),
            key=lambda take: (take.request_key in chosen, not self.is_bad(take), take.number),
            reverse=True,
        )

    def _is_over(self, choice: Mark, done: Mapping[int, Take], newest: int) -> bool:
        """Whether a later order, up to the take `newest`, has brought another take that is not bad."""
        return any(
            choice.newest < number <= newest and not self.is_bad(take) for number, take in done.items()
        )

    def _is_overruled(self, choice: Mark, take: Take) -> bool:
        """Whether a chosen take was called bad by somebody whose word counts for more than the choice."""
        review = self._review(take)
        if review is None or review.opinion.verdict != "bad":
            return False
        if review.by == choice.by:
            return review.at > choice.at
        return review.by == "person"

    def _review(self, take: Take) -> Review | None:
        return self._reviews.get(take.job_id) if take.job_id is not None else None


def verdict_words(number: int, review: Review) -> str:
    """Say who called a take bad, and what they noted."""
    notes = one_line(review.opinion.notes, _NOTE_CHARACTERS)
    return f"take {number} was judged bad by the {review.by}{f': {notes}' if notes else ''}"


def _number(take: Take) -> int:
    return take.number
