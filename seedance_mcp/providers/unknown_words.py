"""Takes a status word that nobody documented as running, and says so once."""

from __future__ import annotations

import logging

from ..types import TaskStatus
from .wording import clean

logger = logging.getLogger(__name__)


class UnknownWords:
    """The status words of one provider that are in no document. None of them ever ends a task."""

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._said: set[str] = set()

    def status(self, word: str) -> TaskStatus:
        """Take the task as running; the first time that the word comes up, log it."""
        shown = clean(word, limit=40)
        if shown not in self._said:
            self._said.add(shown)
            logger.warning("%s: unknown status %r is taken as running", self._provider, shown)
        return TaskStatus.RUNNING
