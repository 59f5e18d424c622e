"""The sandbox's tasks on disk: one small JSON record each, complete enough to draw the video from it again."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from urllib.request import url2pathname

from pydantic import BaseModel, ConfigDict, ValidationError

from ...catalog import Offer
from ...config import flush, make_private, open_private
from ...errors import TaskNotFound
from ...media import PlaceholderSpec
from ...types import VideoRequest

Trouble = Literal["moderate", "fail", "stall"]

_TASK_ID = re.compile(r"sandbox-[0-9a-f]{16}")
_AUTO_SECONDS = 5.0
"""The length where the model may choose."""
_ABANDONED_SECONDS = 3600.0


class Failure(BaseModel):
    """Why a task failed for good: what happened, our word for it, and what to do next."""

    model_config = ConfigDict(frozen=True)

    message: str
    code: str
    hint: str


class Drawing(BaseModel):
    """All that the placeholder depends on. A source is a local path, a `file://` URI or an https URL."""

    model_config = ConfigDict(frozen=True)

    prompt: str
    model: str
    width: int
    height: int
    seconds: float
    fps: int
    seed: int
    audio: bool
    camera_fixed: bool
    first_frame: str | None = None
    last_frame: str | None = None
    references: tuple[str, ...] = ()
    unheard: int = 0
    """How many audio files came along: they are not played."""

    def spec(self) -> PlaceholderSpec:
        """Return it in the form that the placeholder's renderer takes."""
        notes: list[str] = []
        if self.unheard:
            notes.append(f"{self.unheard} reference audio{'s' if self.unheard > 1 else ''} not played")
        return PlaceholderSpec(
            prompt=self.prompt,
            model=self.model,
            width=self.width,
            height=self.height,
            duration_seconds=self.seconds,
            fps=self.fps,
            seed=self.seed,
            audio=self.audio,
            camera_fixed=self.camera_fixed,
            first_frame=_shown(self.first_frame),
            last_frame=_shown(self.last_frame),
            references=tuple(shown for source in self.references if (shown := _shown(source)) is not None),
            notes=tuple(notes),
        )


class Task(BaseModel):
    """One accepted task. `submitted_at` in seconds since the epoch; `trouble` is what a marker asked for."""

    model_config = ConfigDict(frozen=True)

    id: str
    tag: str
    submitted_at: float
    drawing: Drawing
    last_frame: bool = False
    trouble: Trouble | None = None
    cancelled: bool = False
    failure: Failure | None = None


class TaskFolder:
    """The records and the finished files, which any number of processes may use at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()

    def video(self, task: Task) -> Path:
        """Where the finished video lies."""
        return self._folder / f"{task.id}.mp4"

    def picture(self, task: Task) -> Path:
        """Where the last frame lies, if it was asked for."""
        return self._folder / f"{task.id}.png"

    def unfinished(self, path: Path) -> Path:
        """A name of one's own to write a file under before it is complete."""
        return path.with_name(f"{path.stem}.{secrets.token_hex(4)}.part{path.suffix}")

    def begun(self, path: Path) -> Path:
        """Make an empty file under such a name, for what is written by a library: that would let everybody read it."""
        unfinished = self.unfinished(path)
        open_private(unfinished, new=True).close()
        return unfinished

    def is_finished(self, task: Task) -> bool:
        """Return whether every file of the task is there."""
        return self.video(task).exists() and (not task.last_frame or self.picture(task).exists())

    def write(self, task: Task) -> None:
        """
        Put a record on disk, whole or not at all.

        Raises:
            OSError: it cannot be written.
        """
        make_private(self._folder)
        path = self._folder / f"{task.id}.json"
        unfinished = self.unfinished(path)
        try:
            with open_private(unfinished) as file:
                file.write(task.model_dump_json().encode())
                flush(file)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)

    def read(self, task_id: str) -> Task:
        """
        Return the record of a task.

        Raises:
            TaskNotFound: there is none.
        """
        if _TASK_ID.fullmatch(task_id):
            with suppress(FileNotFoundError, ValidationError):
                content = (self._folder / f"{task_id}.json").read_text(encoding="utf-8")
                return Task.model_validate_json(content)
        raise TaskNotFound(f"There is no task {task_id[:80]!r}.")

    def tagged(self, tag: str) -> list[Task]:
        """Return every task with this tag."""
        return [task for task in self._all() if task.tag == tag]

    def remove_files(self, task: Task) -> None:
        """Delete what was drawn for a task; its record stays."""
        for path in (self.video(task), self.picture(task)):
            # In use by a reader on Windows: the next sweep takes it.
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def sweep(self, *, files_seconds: float, records_seconds: float) -> None:
        """Delete files and records older than this. A video that is asked for later is drawn again."""
        ages = {".json": records_seconds, ".mp4": files_seconds, ".png": files_seconds}
        now = time.time()
        with suppress(OSError):
            for path in list(self._folder.glob("sandbox-*")):
                limit = (
                    _ABANDONED_SECONDS if ".part" in path.suffixes else ages.get(path.suffix, records_seconds)
                )
                with suppress(OSError):
                    if path.stat().st_mtime < now - limit:
                        path.unlink()

    def _all(self) -> Iterator[Task]:
        for path in sorted(self._folder.glob("sandbox-*.json")):
            with suppress(TaskNotFound):
                yield self.read(path.stem)


def accept(request: VideoRequest, offer: Offer, *, tag: str, now: float, trouble: Trouble | None) -> Task:
    """Make the record of a new task from a resolved request. Opens the first picture where its shape decides the size."""
    task_id = f"sandbox-{secrets.token_hex(8)}"
    frames = request.provider_options.get("frames")
    if isinstance(frames, int) and frames > 0:
        seconds = frames / offer.model.fps
    else:
        seconds = float(request.duration) if request.duration and request.duration > 0 else _AUTO_SECONDS
    references = (*request.reference_images, *request.reference_videos)
    width, height = offer.size(request) or _nearest_size(request, offer)
    seed = request.seed if request.seed is not None and request.seed >= 0 else int(task_id[-8:], 16)
    drawing = Drawing(
        prompt=request.prompt or "",
        model=offer.model.id,
        width=width,
        height=height,
        seconds=seconds,
        fps=offer.model.fps,
        seed=seed,
        audio=offer.model.audio if request.generate_audio is None else request.generate_audio,
        camera_fixed=bool(request.camera_fixed),
        first_frame=request.first_frame,
        last_frame=request.last_frame,
        references=references,
        unheard=len(request.reference_audios),
    )
    return Task(
        id=task_id,
        tag=tag,
        submitted_at=now,
        drawing=drawing,
        last_frame=bool(request.return_last_frame),
        trouble=trouble,
    )


def _nearest_size(request: VideoRequest, offer: Offer) -> tuple[int, int]:
    """The model's size at this resolution that comes closest to the shape of the first input."""
    model = offer.model
    resolution = request.resolution if request.resolution in model.sizes else model.default_resolution
    sizes = [model.size(resolution, ratio) for ratio in model.sizes[resolution]]
    shape = _shape(next((source for _, kind, source in request.media() if kind != "audio"), None))
    return min(sizes, key=lambda size: abs(size[0] / size[1] - shape) / (size[0] / size[1] + shape))


def _shape(source: str | None) -> float:
    """Width by height of a local picture or video; 16:9 for what cannot be read."""
    from av import open as open_film
    from av.error import FFmpegError
    from PIL import Image, ImageOps

    path = _shown(source)
    if isinstance(path, Path):
        with suppress(OSError, ValueError, SyntaxError), Image.open(path) as image:
            turned = ImageOps.exif_transpose(image)
            return turned.width / turned.height
        with suppress(OSError, ValueError, FFmpegError), open_film(str(path)) as film:
            for stream in film.streams.video:
                return stream.width / max(1, stream.height)
    return 16 / 9


def _shown(source: str | None) -> Path | str | None:
    """The file a source names, or the words that stand for it: nothing is fetched here."""
    if source is None:
        return None
    if source[:5].lower() == "file:":
        return Path(url2pathname(urlsplit(source).path))
    if source[:5].lower() == "data:":
        return "given as data, not shown"
    return f"{source} (not fetched: the sandbox is offline)" if "://" in source else Path(source)
