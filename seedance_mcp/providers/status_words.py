"""Reads the status words of a provider, whatever their case; one that nobody documented never ends a task as failed."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from ..types import TaskStatus
from .http.sanitizing import clean

logger = logging.getLogger(__name__)


def plain(word: str) -> str:
    """Return a word as it is compared: in lower case, without blanks around it."""
    return word.strip().lower()


class StatusWords:
    """The status words of one provider: `known`, written as `plain` writes them, and those that are in no document."""

    def __init__(self, provider: str, known: Mapping[str, TaskStatus]) -> None:
        self._provider = provider
        self._known = known
        self._said: set[tuple[str, TaskStatus]] = set()

    def known(self, word: str) -> TaskStatus | None:
        """Return what a documented word means; None for any other."""
        return self._known.get(plain(word))

    def status(self, word: str, *, has_video: bool = False) -> TaskStatus:
        """
        Return what a word means. One that is in no document is taken as running.

        With `has_video`, the address of a video beside it where the documents put that, it is taken as succeeded: what is
        fetched from there tells. The first time that such a word comes up, it is logged.
        """
        found = self.known(word)
        if found is not None:
            return found
        taken = TaskStatus.SUCCEEDED if has_video else TaskStatus.RUNNING
        shown = clean(word, limit=40)
        if (shown, taken) not in self._said:
            self._said.add((shown, taken))
            logger.warning("%s: unknown status %r is taken as %s", self._provider, shown, taken)
        return taken
