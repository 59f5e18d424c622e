"""Draws the sandbox's tasks one after the other, in a thread that ends when there is nothing to do."""

from __future__ import annotations

import errno
import logging
import threading
from contextlib import suppress
from dataclasses import dataclass, field

from ...media import render_placeholder
from .tasks import Failure, Task, TaskFolder

logger = logging.getLogger(__name__)

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass
class _Order:
    """One task that waits or is drawn."""

    task: Task
    progress: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)


class Studio:
    """
    The thread that draws, and what waits for it.

    Nothing here has to survive: a task that is asked for again after a restart is drawn again.
    """

    def __init__(self, folder: TaskFolder) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._line: list[_Order] = []
        self._failures: dict[str, Failure] = {}
        self._thread: threading.Thread | None = None
        self._closed = False

    def ask(self, task: Task) -> tuple[int, float]:
        """
        See to it that a task is drawn. Give how many come before it, and how much of it is done, 0 to 1.

        An adapter that was closed draws nothing any more.
        """
        with self._lock:
            for before, order in enumerate(self._line):
                if order.task.id == task.id:
                    return before, order.progress
            if self._closed or task.id in self._failures:
                return 0, 0.0
            self._line.append(_Order(task))
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="sandbox", daemon=True)
                self._thread.start()
            return len(self._line) - 1, 0.0

    def failure(self, task: Task) -> Failure | None:
        """Explain why a task could not be drawn, if it was tried here."""
        with self._lock:
            return self._failures.get(task.id)

    def stop(self, task: Task) -> None:
        """Stop drawing a task, or take it out of the line."""
        with self._lock:
            for order in self._line:
                if order.task.id == task.id:
                    order.stop.set()

    def close(self, *, seconds: float) -> None:
        """Stop everything, and wait for it for at most so long."""
        with self._lock:
            self._closed = True
            for order in self._line:
                order.stop.set()
            thread = self._thread
        if thread is not None:
            thread.join(seconds)

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._line:
                    self._thread = None
                    return
                order = self._line[0]
            try:
                if not order.stop.is_set():
                    self._draw(order)
            except Exception as error:
                if not order.stop.is_set():
                    self._fail(order.task, error)
            finally:
                with self._lock:
                    self._line.remove(order)

    def _draw(self, order: _Order) -> None:
        task, folder = order.task, self._folder
        if folder.is_finished(task):
            return
        video, picture = folder.begun(folder.video(task)), folder.begun(folder.picture(task))

        def report(share: float) -> None:
            order.progress = share

        try:
            render_placeholder(
                task.drawing.spec(),
                video,
                last_frame=picture if task.last_frame else None,
                progress=report,
                cancelled=order.stop.is_set,
            )
            if task.last_frame:
                picture.replace(folder.picture(task))
            video.replace(folder.video(task))
        finally:
            video.unlink(missing_ok=True)
            picture.unlink(missing_ok=True)

    def _fail(self, task: Task, error: Exception) -> None:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            failure = Failure(
                message="There is no room left on the disk for the video.",
                code="disk_full",
                hint="Free some space where SEEDANCE_STATE_DIR lies, then submit it again.",
            )
        else:
            logger.error("drawing %s failed", task.id, exc_info=error)
            failure = Failure(
                message=f"The video could not be drawn: {error}.",
                code="generation_failed",
                hint="Submit it again; nothing was charged.",
            )
        # On a full disk the record may not be writable either; then only this process remembers.
        with suppress(OSError):
            self._folder.write(task.model_copy(update={"failure": failure}))
        with self._lock:
            self._failures[task.id] = failure
