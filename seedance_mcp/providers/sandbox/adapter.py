"""The embedded provider: free, offline, draws plainly marked placeholders, and behaves like the real ones."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from types import MappingProxyType

from anyio.to_thread import run_sync

from ...catalog import Offer, ProviderInfo
from ...errors import ContentRejected, MediaError, RequestRejected, SubmissionUnknown
from ...types import MediaFile, Submission, TaskState, TaskStatus, Upload, VideoRequest
from ..protocol import Access, Provider, Purchase, Recovery
from ..when_sent import WhenSent
from .drawing import Studio
from .tasks import Task, TaskFolder, Trouble, accept

MARKERS: Mapping[str, str] = MappingProxyType(
    {
        "[sandbox:refuse]": "Moderation refuses the request when it is submitted.",
        "[sandbox:moderate]": "The task is accepted and then failed by moderation.",
        "[sandbox:fail]": "The task fails halfway.",
        "[sandbox:stall]": "The task runs for ever, until it is cancelled.",
        "[sandbox:lost]": "The task is accepted and the answer gets lost; the server finds it again.",
    }
)
"""What can be written into a prompt to see how an assistant copes, and what happens then."""

_TROUBLES: tuple[tuple[str, Trouble], ...] = (
    ("[sandbox:moderate]", "moderate"),
    ("[sandbox:fail]", "fail"),
    ("[sandbox:stall]", "stall"),
)
_QUEUED_SHARE = 0.15
"""The part of the pretended time that a task waits in the queue."""
_TROUBLE_SHARE = 0.5
"""The part after which a task that has to fail does so."""
_CLOSING_SECONDS = 0.4


class SandboxProvider(Provider):
    """
    The reference implementation of the protocol.

    Its servers are a folder: a record of each accepted task, and the finished files. A record holds all that
    drawing needs, so that any process can go on with a task.
    """

    def __init__(self, info: ProviderInfo, access: Access, *, clock: Callable[[], float] = time.time) -> None:
        self._info = info
        self._seconds = access.seconds
        self._clock = clock
        self._folder = TaskFolder(access.folder)
        self._studio = Studio(self._folder)

    async def submit(self, request: VideoRequest, offer: Offer, purchase: Purchase) -> Submission:
        await purchase.sending()
        prompt = request.prompt or ""
        if "[sandbox:refuse]" in prompt:
            purchase.answered(400, b'{"error": {"code": "moderation_blocked"}}')
            raise ContentRejected(
                "The sandbox's moderation refused the prompt, as [sandbox:refuse] asks.",
                hint="Take the marker out of the prompt.",
                provider_code="moderation_blocked",
            )
        trouble: Trouble | None = next((what for marker, what in _TROUBLES if marker in prompt), None)
        try:
            task = await run_sync(partial(self._accept, request, offer, tag=purchase.tag, trouble=trouble))
        except OSError as error:
            purchase.answered(507, b'{"error": {"code": "cannot_write"}}')
            raise RequestRejected(
                f"The sandbox cannot write to its folder: {error.strerror}.",
                hint="Make SEEDANCE_STATE_DIR writable and free some space, then submit it again.",
                provider_code="cannot_write",
            ) from error
        if "[sandbox:lost]" in prompt:
            raise SubmissionUnknown(
                "The sandbox accepted the task and lost the answer, as [sandbox:lost] asks."
            )
        purchase.answered(200, json.dumps({"id": task.id}).encode())
        if task.trouble is None:
            self._studio.ask(task)
        return Submission(task_id=task.id)

    async def poll(self, submission: Submission) -> TaskState:
        """Return how far the task is; go on with one that an earlier process left."""
        task = await run_sync(self._folder.read, submission.task_id)
        return await run_sync(self._state, task)

    async def check(self) -> None:
        """There is no key that could be wrong."""

    async def cancel(self, submission: Submission) -> None:
        task = await run_sync(self._folder.read, submission.task_id)
        state = await run_sync(self._state, task)
        if state.status in (TaskStatus.QUEUED, TaskStatus.RUNNING):
            await run_sync(self._folder.write, task.model_copy(update={"cancelled": True}))
            self._studio.stop(task)

    async def upload(self, media: MediaFile) -> Upload:
        """Return the address of the file itself: the sandbox reads it where it lies."""
        if media.path is None:
            raise MediaError("Only a local file can be uploaded.")
        return Upload(url=media.path.absolute().as_uri())

    async def quote(self, request: VideoRequest, offer: Offer) -> Decimal | None:
        return Decimal(0)

    async def recover(self, request: VideoRequest, offer: Offer, tag: str, sent: WhenSent) -> Recovery:
        """Look through every record there is: a task that is not among them was never accepted."""
        found = await run_sync(self._folder.tagged, tag)
        if len(found) == 1:
            return Recovery(submission=Submission(task_id=found[0].id), since=WhenSent.EVERYTHING)
        return Recovery(proves_absence=not found, since=WhenSent.EVERYTHING)

    async def close(self) -> None:
        """Stop drawing. A task goes on where it is polled next."""
        await run_sync(partial(self._studio.close, seconds=_CLOSING_SECONDS))

    def _accept(self, request: VideoRequest, offer: Offer, *, tag: str, trouble: Trouble | None) -> Task:
        self._folder.sweep(
            files_seconds=self._info.horizon_hours * 3600, records_seconds=self._info.result_hours * 3600
        )
        task = accept(request, offer, tag=tag, now=self._clock(), trouble=trouble)
        self._folder.write(task)
        return task

    def _state(self, task: Task) -> TaskState:
        if task.cancelled:
            self._studio.stop(task)
            self._folder.remove_files(task)
            return TaskState(
                status=TaskStatus.CANCELLED, error="The task was cancelled.", error_code="cancelled"
            )
        failure = task.failure or self._studio.failure(task)
        if failure is not None:
            return TaskState(
                status=TaskStatus.FAILED, error=failure.message, error_code=failure.code, hint=failure.hint
            )
        share = 1.0
        gone_by = self._clock() - task.submitted_at
        if self._seconds > 0 and gone_by >= 0:  # otherwise the clock was set back, by a year perhaps
            share = min(1.0, gone_by / self._seconds)
        if task.trouble is not None:
            return _troubled(task.trouble, share)
        if self._folder.is_finished(task):
            before, done = 0, 1.0
        else:
            before, done = self._studio.ask(task)
        if before or share < _QUEUED_SHARE:
            return TaskState(status=TaskStatus.QUEUED, queue_position=before + 1)
        if done < 1 or share < 1:
            return TaskState(status=TaskStatus.RUNNING, progress=min(share, done, 0.99))
        return self._finished(task)

    def _finished(self, task: Task) -> TaskState:
        if not self._folder.is_finished(task):
            # Every frame is drawn; the file is being completed.
            return TaskState(status=TaskStatus.RUNNING, progress=0.99)
        return TaskState(
            status=TaskStatus.SUCCEEDED,
            video_urls=(self._folder.video(task).as_uri(),),
            last_frame_url=self._folder.picture(task).as_uri() if task.last_frame else None,
            progress=1.0,
            usage={"price_usd": Decimal(0), "output_seconds": Decimal(str(task.drawing.seconds))},
        )


def _troubled(trouble: Trouble, share: float) -> TaskState:
    """What a marker in the prompt makes of a task; nothing is drawn for it."""
    if share < _QUEUED_SHARE:
        return TaskState(status=TaskStatus.QUEUED, queue_position=1)
    if trouble == "stall" or share < _TROUBLE_SHARE:
        return TaskState(status=TaskStatus.RUNNING, progress=min(share, _TROUBLE_SHARE))
    if trouble == "moderate":
        return TaskState(
            status=TaskStatus.FAILED,
            error="The sandbox's moderation refused the finished video, as [sandbox:moderate] asks.",
            error_code=ContentRejected.code,
            provider_code="output_moderation_blocked",
            hint="Take the marker out of the prompt.",
        )
    return TaskState(
        status=TaskStatus.FAILED,
        error="The task failed halfway, as [sandbox:fail] asks.",
        error_code="generation_failed",
        hint="Take the marker out of the prompt, then submit it again; nothing was charged.",
    )
