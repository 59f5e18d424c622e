"""The embedded provider: free, offline, renders plainly marked placeholders, and behaves like the real ones."""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import re
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

import anyio.to_thread

from ..catalog import Offer, ProviderInfo
from ..errors import ContentRejected, SubmissionUnknown, TaskNotFound
from ..media import PlaceholderSpec, render_placeholder
from ..types import MediaFile, Submission, TaskState, TaskStatus, Upload, VideoRequest
from . import Access, Provider, Purchase, Recovery

logger = logging.getLogger(__name__)

MARKERS: Mapping[str, str] = MappingProxyType(
    {
        "[sandbox:refuse]": "moderation refuses the request when it is submitted",
        "[sandbox:moderate]": "the job is accepted, then moderation fails it",
        "[sandbox:fail]": "the job fails halfway",
        "[sandbox:stall]": "the job renders for ever, until it is cancelled",
        "[sandbox:lost]": "the job is accepted and the answer is lost; it is found again",
    }
)
"""Words in a prompt that let anyone try how an assistant copes with trouble."""

_AUTO_SECONDS = 5.0
_TASK_ID = re.compile(r"sandbox-[0-9a-f]{16}")
_QUEUED_SHARE = 0.15
"""The part of the pretended time that a task waits in the queue."""


@dataclass
class _Render:
    """One rendering under way or over."""

    progress: float = 0.0
    done: bool = False
    error: tuple[str, str, str] | None = None
    stop: threading.Event = field(default_factory=threading.Event)


class SandboxProvider(Provider):
    """
    The reference implementation of the protocol.

    Its "servers" are a folder: a JSON record per accepted task, and the rendered files. A record holds all that
    rendering needs, so a task goes on after a restart. Everything is deterministic per record.
    """

    def __init__(self, info: ProviderInfo, access: Access) -> None:
        self._folder = access.folder
        self._seconds = access.seconds
        self._renders: dict[str, _Render] = {}
        self._threads: list[threading.Thread] = []
        self._turn = threading.Lock()

    async def submit(self, request: VideoRequest, offer: Offer, purchase: Purchase) -> Submission:
        """Accept a task; see `Provider.submit`. The prompt's markers decide what becomes of it."""
        await purchase.sending()
        prompt = request.prompt or ""
        if "[sandbox:refuse]" in prompt:
            purchase.answered(400, b'{"error":{"code":"InputTextSensitiveContentDetected"}}')
            raise ContentRejected(
                "The prompt was refused by moderation.", provider_code="InputTextSensitiveContentDetected"
            )
        task_id = f"sandbox-{secrets.token_hex(8)}"
        record = {
            "tag": purchase.tag,
            "submitted_at": time.time(),
            "cancelled": False,
            "spec": _spec(request, offer),
        }
        await anyio.to_thread.run_sync(self._write, task_id, record)
        if "[sandbox:lost]" in prompt:
            raise SubmissionUnknown("The answer was lost after the task had been accepted.")
        purchase.answered(200, json.dumps({"id": task_id}).encode())
        self._start(task_id, record)
        return Submission(task_id=task_id)

    async def poll(self, submission: Submission) -> TaskState:
        """Say how far the task is; see `Provider.poll`. Goes on with the rendering of an earlier process."""
        task_id = submission.task_id
        record = await anyio.to_thread.run_sync(self._read, task_id)
        if record["cancelled"]:
            return TaskState(
                status=TaskStatus.CANCELLED, error="The task was cancelled.", error_code="cancelled"
            )
        prompt: str = record["spec"]["prompt"]
        age = time.time() - record["submitted_at"]
        share = min(1.0, max(0.0, age / self._seconds)) if self._seconds else 1.0
        if share < _QUEUED_SHARE:
            return TaskState(status=TaskStatus.QUEUED, queue_position=1)
        if "[sandbox:stall]" in prompt:
            return TaskState(status=TaskStatus.RUNNING, progress=min(0.5, share))
        if "[sandbox:moderate]" in prompt and share >= 0.5:
            return TaskState(
                status=TaskStatus.FAILED,
                error="The video was refused by moderation.",
                error_code=ContentRejected.code,
                provider_code="OutputVideoSensitiveContentDetected",
                hint=ContentRejected.default_hint,
            )
        if "[sandbox:fail]" in prompt and share >= 0.5:
            return TaskState(
                status=TaskStatus.FAILED,
                error="The rendering failed halfway.",
                error_code="generation_failed",
                hint="Submit it again; failed jobs are not charged.",
            )
        render = self._start(task_id, record)
        if render.error:
            message, code, hint = render.error
            return TaskState(status=TaskStatus.FAILED, error=message, error_code=code, hint=hint)
        if not render.done or share < 1.0:
            return TaskState(status=TaskStatus.RUNNING, progress=min(share, render.progress, 0.99))
        picture = self._folder / f"{task_id}.png"
        return TaskState(
            status=TaskStatus.SUCCEEDED,
            video_urls=((self._folder / f"{task_id}.mp4").absolute().as_uri(),),
            last_frame_url=picture.absolute().as_uri() if record["spec"]["return_last_frame"] else None,
            progress=1.0,
            usage={"price_usd": Decimal(0)},
        )

    async def check(self) -> None:
        """Nothing to prove: there is no key."""

    async def cancel(self, submission: Submission) -> None:
        """Stop the task, queued or running."""
        task_id = submission.task_id
        record = await anyio.to_thread.run_sync(self._read, task_id)
        await anyio.to_thread.run_sync(self._write, task_id, {**record, "cancelled": True})
        if task_id in self._renders:
            self._renders[task_id].stop.set()

    async def upload(self, media: MediaFile) -> Upload:
        """Give the file's own address: the sandbox reads it where it is."""
        if media.path is None:
            raise ValueError("only local files are uploaded")
        return Upload(url=media.path.absolute().as_uri())

    async def quote(self, request: VideoRequest, offer: Offer) -> Decimal | None:
        """Everything is free."""
        return Decimal(0)

    async def recover(self, request: VideoRequest, offer: Offer, tag: str, since: float) -> Recovery:
        """Look through all task records: the list is complete, so absence is proved."""
        found = await anyio.to_thread.run_sync(self._find, tag)
        return Recovery(submission=Submission(task_id=found) if found else None, proves_absence=True)

    async def close(self) -> None:
        """Stop all rendering; it goes on at the next poll of another process."""
        for render in self._renders.values():
            render.stop.set()
        for thread in self._threads:
            await anyio.to_thread.run_sync(thread.join, 0.5)
        self._renders.clear()

    def _find(self, tag: str) -> str | None:
        for path in self._folder.glob("sandbox-*.json"):
            if json.loads(path.read_text(encoding="utf-8"))["tag"] == tag:
                return path.stem
        return None

    def _read(self, task_id: str) -> dict[str, Any]:
        if not _TASK_ID.fullmatch(task_id):
            raise TaskNotFound(f"There is no task {task_id[:80]!r}.")
        try:
            return json.loads((self._folder / f"{task_id}.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise TaskNotFound(f"There is no task {task_id!r}.") from None

    def _write(self, task_id: str, record: dict[str, Any]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"{task_id}.json"
        unfinished = path.with_suffix(f".{secrets.token_hex(4)}")
        unfinished.write_text(json.dumps(record), encoding="utf-8")
        unfinished.replace(path)

    def _start(self, task_id: str, record: dict[str, Any]) -> _Render:
        render = self._renders.get(task_id)
        if render is None:
            render = self._renders[task_id] = _Render()
            thread = threading.Thread(target=self._draw, args=(task_id, record["spec"], render), daemon=True)
            self._threads = [other for other in self._threads if other.is_alive()]
            self._threads.append(thread)
            thread.start()
        return render

    def _draw(self, task_id: str, spec: dict[str, Any], render: _Render) -> None:
        video = self._folder / f"{task_id}.mp4"
        if video.exists():
            render.done = True
            return
        unfinished = self._folder / f"{task_id}.{secrets.token_hex(4)}.part"

        def report(share: float) -> None:
            render.progress = share

        with self._turn:
            try:
                render_placeholder(
                    _placeholder(spec),
                    unfinished,
                    last_frame=self._folder / f"{task_id}.png" if spec["return_last_frame"] else None,
                    progress=report,
                    cancelled=render.stop.is_set,
                )
                unfinished.replace(video)
                render.done = True
            except OSError as error:
                full = error.errno in (errno.ENOSPC, errno.EDQUOT)
                render.error = (
                    ("The disk is full.", "disk_full", "Free some space, then submit it again.")
                    if full
                    else (f"Rendering failed: {error.strerror}.", "generation_failed", "Submit it again.")
                )
            except Exception as error:
                if not render.stop.is_set():
                    logger.exception("rendering %s failed", task_id)
                    render.error = (
                        f"Rendering failed: {type(error).__name__}.",
                        "generation_failed",
                        "Submit it again.",
                    )
            finally:
                unfinished.unlink(missing_ok=True)


def _spec(request: VideoRequest, offer: Offer) -> dict[str, Any]:
    frames = request.provider_options.get("frames")
    duration = float(request.duration or 0)
    seconds = (
        frames / offer.model.fps if isinstance(frames, int) else duration if duration > 0 else _AUTO_SECONDS
    )
    prompt = request.prompt or ""
    seed = (
        request.seed
        if request.seed is not None and request.seed >= 0
        else int(hashlib.sha256(prompt.encode()).hexdigest()[:8], 16)
    )
    size = offer.size(request)
    return {
        "prompt": prompt,
        "model": offer.model.id,
        "size": list(size) if size else None,
        "sizes": {
            ratio: list(pixels)
            for ratio, pixels in offer.model.sizes[
                request.resolution or offer.model.default_resolution
            ].items()
        },
        "seconds": seconds,
        "fps": offer.model.fps,
        "seed": seed,
        "audio": bool(request.generate_audio),
        "first_frame": request.first_frame,
        "last_frame": request.last_frame,
        "references": [*request.reference_images, *request.reference_videos],
        "return_last_frame": bool(request.return_last_frame),
    }


def _placeholder(spec: dict[str, Any]) -> PlaceholderSpec:
    first = _shown(spec["first_frame"])
    width, height = spec["size"] or _nearest(spec["sizes"], first if isinstance(first, Path) else None)
    return PlaceholderSpec(
        prompt=re.sub(r"\[sandbox:\w+\]\s*", "", spec["prompt"]),
        model=spec["model"],
        width=width,
        height=height,
        duration_seconds=spec["seconds"],
        fps=spec["fps"],
        seed=spec["seed"],
        audio=spec["audio"],
        first_frame=first,
        last_frame=_shown(spec["last_frame"]),
        references=tuple(shown for shown in map(_shown, spec["references"]) if shown),
    )


def _shown(source: str | None) -> Path | str | None:
    """The file of an input, or the words that stand for one on the web: the sandbox is offline."""
    return _local(source) or (f"picture at {urlsplit(source).hostname}" if source else None)


def _local(source: str | None) -> Path | None:
    if not source:
        return None
    if source.startswith("file:"):
        return Path(url2pathname(unquote(urlsplit(source).path)))
    return None if "://" in source else Path(source)


def _nearest(sizes: dict[str, list[int]], picture: Path | None) -> tuple[int, int]:
    wanted = 16 / 9
    if picture is not None:
        from PIL import Image, ImageOps

        with Image.open(picture) as image:
            turned = ImageOps.exif_transpose(image)
            wanted = turned.width / turned.height
    width, height = min(sizes.values(), key=lambda size: abs(size[0] / size[1] - wanted))
    return width, height
