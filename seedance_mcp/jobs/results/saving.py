"""From a finished task to verified files in the folder it was ordered for: the video, its last frame, and the sidecar."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio.to_thread

from ...config import Settings
from ...errors import (
    DownloadError,
    InspectionFailed,
    MediaError,
    ProviderError,
    TaskNotFound,
    UnexpectedResponse,
)
from ...media import UnfinishedInspection, VideoFacts, begins_like_a_video, picture_type, probe_video
from ...providers import Provider, addresses
from ...store import elapsed_time, transitions
from ...types import Artifacts, Job, JobState
from ..context import JobContext
from ..local_files.final_files import file_stem, keep
from ..local_files.job_folders import ordered_folder
from ..local_files.last_frames import LastFrame, keep_last_frame
from ..local_files.outgoing_copies import sweep_copies
from ..local_files.parts import FolderUnusable, Part, discard_left, part_path
from ..local_files.unfinished import Leftovers, writer_of
from ..tracking.polling import fresh_urls
from .downloads import Download
from .retries import (
    MOST_RUBBISH,
    MOST_UNCHECKED,
    counted,
    is_kept_no_longer,
    is_out_of_reach,
    is_rubbish_for_good,
    is_taken_as_it_is,
    is_worth_a_fresh_address,
    pause,
)
from .sidecar import write_sidecar
from .transfer import Limits, LinkExpired, NotChecked, Route

logger = logging.getLogger(__name__)

_HOUR = 3600.0
_LONGEST_PAUSE = 300.0
"""The clock may be set meanwhile: then a pause is another one."""
_VIDEO_LIMITS = Limits()
_PICTURE_LIMITS = Limits(max_bytes=64_000_000, deadline_seconds=120)
_PICTURE_SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp"}


class Saver:
    """
    Fetches each result into the output folder that its job was ordered for, whichever is set here.

    `progress` holds the bytes here and in all of every download under way.
    """

    def __init__(self, context: JobContext) -> None:
        self._settings = context.settings
        self._incidents = context.incidents
        self._events = context.events
        self._store = context.store
        self._leftovers: dict[Path, Leftovers] = {}
        self._sweep_also(self._settings.output_dir)
        self.progress: dict[str, tuple[int, int | None]] = {}

    async def sweep(self) -> None:
        """Remove the partial downloads of processes that died, and the copies that these were sending."""
        alive = self._store.local.alive
        try:
            await anyio.to_thread.run_sync(sweep_copies, self._settings.state_dir, alive)
        finally:  # what keeps the one from being swept says nothing about the other
            for leftovers in list(self._leftovers.values()):
                with self._incidents.contained("Removing what dead processes left"):
                    await anyio.to_thread.run_sync(leftovers.sweep)

    def _sweep_also(self, folder: Path) -> None:
        """Sweep a folder from now on; only those that this process writes to: others may be slow, or not there."""
        self._leftovers.setdefault(
            folder,
            Leftovers(folder, writer_of(self._store), clock=self._store.clock, uptime=self._store.uptime),
        )

    async def save(self, job: Job, provider: Provider, *, result_hours: float) -> Job:
        """
        Fetch, verify and keep the result of a job that is done at the provider.

        A result that is gone, that cannot be had until long after the provider's time for it, or that is no video however
        often it is fetched, ends the job: it is paid and expired. One that is here and cannot be checked is kept as it is.

        Raises:
            DownloadError, ProviderError: not now; the next step tries again, when `pause` says so.
            Stale: somebody else recorded something meanwhile.
        """
        if is_worth_a_fresh_address(job.tries):
            with contextlib.suppress(ProviderError):
                job = await fresh_urls(job, provider=provider, store=self._store)
        if job.video_url is None:
            raise ValueError(f"job {job.id} has no result to fetch")
        try:
            artifacts, folder_error = await self._fetch_as_ordered(job)
        except DownloadError as error:
            job = await self._note(job, error)
            if is_rubbish_for_good(job.tries):
                return await self._unusable(job, error)
            if isinstance(error, NotChecked):
                raise
            over = is_kept_no_longer(
                job.tries,
                passed=await self._since_it_finished(job),
                kept_seconds=result_hours * _HOUR,
            )
            if isinstance(error, LinkExpired):
                return await self._expired(job, provider, error, over=over)
            if over and is_out_of_reach(job.tries):
                return await self._out_of_reach(job, error)
            raise
        finally:
            self.progress.pop(job.id, None)
        now = self._store.clock()
        finished = await self._store.write(
            lambda connection: transitions.move(
                connection,
                job,
                JobState.DONE,
                now=now,
                by=self._store.ownership.instance,
                artifacts=artifacts,
                folder_error=folder_error,
                error=None,
                error_code=None,
                error_hint=None,
            )
        )
        await self._after(finished)
        return finished

    def pause(self, job: Job) -> float:
        """Return for how many seconds the job's result is left alone; 0 when it should be fetched."""
        return min(pause(job.tries, self._store.clock()), _LONGEST_PAUSE)

    async def _fetch_as_ordered(self, job: Job) -> tuple[Artifacts, str | None]:
        """Fetch into the folder that the job was ordered for; if that takes no files, into the one set here, and say why."""
        here, ordered = self._settings.output_dir, ordered_folder(job, self._settings)
        try:
            return await self._fetch(job, ordered), None
        except FolderUnusable as error:
            if ordered == here:
                raise
            refused = error
        try:
            artifacts = await self._fetch(job, here)
        except FolderUnusable as error:
            raise FolderUnusable(f"{refused.message} {error.message}", hint=refused.hint) from error
        words = f"Its video is in {here}, not in the folder it was ordered for. {refused.message}"
        logger.warning("%s: %s", job.id, words)
        return artifacts, words

    async def _fetch(self, job: Job, folder: Path) -> Artifacts:
        self._sweep_also(folder)
        base_url = self._settings.base_url(job.provider)
        url = job.video_url or ""
        route = Route(
            trusted=_trusted(base_url, url),
            local_folder=provider_folder(self._settings, job.provider),
            outbound=self._settings.outbound,
            limits=_VIDEO_LIMITS,
        )
        part = part_path(folder, job.id, writer_of(self._store))

        def report(here: int, in_all: int | None) -> None:
            self.progress[job.id] = (here, in_all)

        saved = await Download(url, part, route, report).save(
            file_stem(job),
            ".mov" if job.request.provider_options.get("output_format") == "mov" else ".mp4",
            partial(self._look_into, job),
        )
        last_frame = None
        with self._incidents.contained("Saving its last frame", job.id):  # the video is here and is the job's
            last_frame = await self._last_frame(job, saved.path, route)
        facts = saved.facts if isinstance(saved.facts, VideoFacts) else None
        return Artifacts(
            video_path=str(saved.path),
            sha256=saved.sha256,
            bytes=saved.bytes,
            width=facts and facts.width,
            height=facts and facts.height,
            duration_seconds=facts and facts.duration_seconds,
            fps=facts and facts.fps,
            has_audio=facts and facts.has_audio,
            unchecked=None if isinstance(saved.facts, VideoFacts) else saved.facts.message,
            last_frame_path=str(last_frame.path) if last_frame else None,
            last_frame_sha256=last_frame.sha256 if last_frame else None,
        )

    async def _look_into(self, job: Job, part: Path) -> VideoFacts | InspectionFailed | UnfinishedInspection:
        """
        See whether a download is a video. Where that fails for a reason of ours again and again, return the reason.

        Raises:
            MediaError: it is none.
            InspectionFailed, UnfinishedInspection: that cannot be told now.
        """
        try:
            return await probe_video(part, full=False)
        except (InspectionFailed, UnfinishedInspection) as error:
            if not await anyio.to_thread.run_sync(_looks_like_a_video, part):
                raise MediaError("It does not begin like a video.") from error
            if not is_taken_as_it_is(job.tries):
                raise
            logger.warning("%s: its video is kept without a check: %s", job.id, error.message)
            return error

    async def _last_frame(self, job: Job, video: Path, route: Route) -> LastFrame | None:
        if not job.request.return_last_frame:
            return None
        if job.last_frame_url:
            part = part_path(video.parent, job.id, writer_of(self._store))
            try:
                places = route.trusted | _trusted(self._settings.base_url(job.provider), job.last_frame_url)
                there = replace(route, trusted=places, limits=_PICTURE_LIMITS)
                fetched = await Download(job.last_frame_url, part, there).fetch()
                suffix = _PICTURE_SUFFIXES[await picture_type(part)]
                path = await keep(part, video.parent, f"{video.stem}-last-frame", suffix)
                return LastFrame(path=path, sha256=fetched.sha256)
            except (DownloadError, MediaError, InspectionFailed, OSError, KeyError) as error:
                with contextlib.suppress(OSError):
                    await anyio.to_thread.run_sync(Part(part).discard)
                logger.info(
                    "%s: the last frame could not be fetched (%s); taking it from the video", job.id, error
                )
        try:
            return await keep_last_frame(video, writer_of(self._store))
        except (MediaError, InspectionFailed) as error:
            logger.warning("%s: no last frame: %s", job.id, error)
            return None

    async def _expired(self, job: Job, provider: Provider, error: LinkExpired, *, over: bool) -> Job:
        now = self._store.clock()
        try:
            renewed = await fresh_urls(job, provider=provider, store=self._store)
        except TaskNotFound:
            logger.info("%s: no fresh address for its result", job.id)
            if not over:
                raise error from None
        except ProviderError as unknown:
            # It cannot be asked, or its answer makes no sense: the links alone have to tell.
            if not (over and is_out_of_reach(job.tries)):
                raise error from unknown
        else:
            # The same address again, past its time, will not come back to life. Any other is worth a try as long as
            # the provider keeps the result: some sign new addresses for a file that they have deleted.
            same = renewed.video_url == job.video_url and now >= (renewed.url_expires_at or now + 1)
            if not over or not (same or is_out_of_reach(job.tries)):
                raise error
            job = renewed
        return await self._end(
            job,
            detail="the result is no longer at the provider",
            error="The video was finished and paid, but the provider removed it before it could be saved.",
            error_code="result_expired",
        )

    async def _out_of_reach(self, job: Job, error: DownloadError) -> Job:
        return await self._end(
            job,
            detail=f"{job.tries.failures} downloads in a row failed, after the time for which the result is kept",
            error="The video was finished and paid, but it could not be fetched for as long as the provider keeps it:"
            f" {job.tries.failures} downloads in a row failed, the last one said: {error.message}",
            error_code="result_expired",
        )

    async def _unusable(self, job: Job, error: DownloadError) -> Job:
        return await self._end(
            job,
            detail=f"{job.tries.rubbish} downloads brought no video",
            error="The video was finished and paid, but what the provider hands out is no video:"
            f" {job.tries.rubbish} downloads, the last one said: {error.message}",
            error_code="result_unusable",
        )

    async def _end(self, job: Job, *, detail: str, error: str, error_code: str) -> Job:
        task = job.submission.task_id if job.submission else "?"
        return await self._store.write(
            lambda connection: transitions.move(
                connection,
                job,
                JobState.EXPIRED,
                now=self._store.clock(),
                by=self._store.ownership.instance,
                detail=detail,
                error=error,
                error_code=error_code,
                error_hint=f"Ask the provider's support with task id {task}, also for the money;"
                f" `seedance-mcp jobs show {job.id} --refund-note` writes what they need to know.",
            )
        )

    async def _since_it_finished(self, job: Job) -> float:
        """How many seconds ago the provider was seen to have finished: for no longer than that it keeps the result."""
        if job.remote_done_at is not None:
            return await self._store.read(
                lambda connection: elapsed_time.age(connection, job, "remote_done_at")
            )
        steps = await self._store.read(lambda connection: transitions.history(connection, job.id))
        seen = [step.at for step in steps if step.after == JobState.REMOTE_DONE]
        return self._store.clock() - (seen[-1] if seen else (job.accepted_at or job.created_at))

    async def _note(self, job: Job, error: DownloadError) -> Job:
        tries = counted(job.tries, error, self._store.clock())
        message = error.message
        if tries.rubbish > job.tries.rubbish:
            message = f"{message} That was try {tries.rubbish} of {MOST_RUBBISH}."
        if tries.unchecked > job.tries.unchecked:
            message = f"{message} That was try {tries.unchecked} of {MOST_UNCHECKED}."
        if (job.error, job.tries) == (message, tries):
            return job
        noted = await self._store.write(
            lambda connection: transitions.note(
                connection,
                job,
                tries=tries,
                error=message,
                error_code=error.code,
                error_hint=error.hint,
            )
        )
        self._events.changed(noted)
        return noted

    async def _after(self, job: Job) -> None:
        if job.artifacts is not None:
            with self._incidents.contained("Writing the file beside its video", job.id):
                await write_sidecar(job, Path(job.artifacts.video_path), writer_of(self._store))
            # The sweep of the folder comes later, and never to a process that ends with its last job.
            folder = Path(job.artifacts.video_path).parent
            with self._incidents.contained("Removing what dead processes left", job.id):
                await anyio.to_thread.run_sync(discard_left, folder, job.id, writer_of(self._store))


def provider_folder(settings: Settings, provider: str) -> Path:
    """The scratch folder of a provider's adapter."""
    return settings.state_dir / "providers" / provider


def _trusted(base_url: str | None, url: str) -> frozenset[str]:
    """Where plain http and private addresses are allowed: on the host of the user's own base URL, and nowhere else."""
    if base_url is None:
        return frozenset()
    own = addresses.endpoint(base_url)
    try:
        there = addresses.endpoint(url)
    except UnexpectedResponse:  # no address at all, which the download says
        return frozenset((own,))
    same_host = own.rpartition(":")[0] == there.rpartition(":")[0]
    return frozenset((own, there)) if same_host else frozenset((own,))


def _looks_like_a_video(part: Path) -> bool:
    with part.open("rb") as file:
        return begins_like_a_video(file.read(64))
