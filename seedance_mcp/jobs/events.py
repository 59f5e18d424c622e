"""Notifies the listeners in this process that a job has changed."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

import anyio

from ..types import Job
from .incidents import Incidents


class JobEvents:
    """The changes of jobs that this process makes or hears of, handed to listeners at once, on the event loop."""

    def __init__(self, incidents: Incidents) -> None:
        self._incidents = incidents
        self._listeners: list[Callable[[str], None]] = []
        self._on_end: list[Callable[[], None]] = []
        self.hears = False
        """Whether what other processes change is heard of at once, too (`ChangeFeed`)."""

    def on_change(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Call `callback(job_id)` after every change of a job; returns what ends it."""
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback)

    @contextmanager
    def bell(self, job_id: str) -> Generator[anyio.Event]:
        """Lend what is set at the next change of this job."""
        changed = anyio.Event()

        def ring(changed_id: str) -> None:
            if changed_id == job_id:
                changed.set()

        forget = self.on_change(ring)
        try:
            yield changed
        finally:
            forget()

    def on_end(self, callback: Callable[[], None]) -> None:
        """Call `callback()` after every end of a job, before anybody hears of the change."""
        self._on_end.append(callback)

    def changed(self, job: Job) -> None:
        """Notify every listener that the job has changed. Never raises: what a listener makes of it is not the job's fault."""
        if job.finished:
            for ring in self._on_end:
                ring()
        self.told(job.id)

    def told(self, job_id: str) -> None:
        """Notify every listener of something new about the job that is no step in its life. Never raises."""
        for callback in list(self._listeners):
            with self._incidents.contained("Telling of a change of it", job_id):
                callback(job_id)
