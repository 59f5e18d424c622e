"""What a media argument stands for: a URL, an asset id, a local file, an upload, or an earlier job's video or last frame."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from anyio.to_thread import run_sync

from ...config import Settings
from ...errors import InvalidRequest, MediaError, UnexpectedResponse
from ...media import check_readable, unquoted
from ...providers import addresses
from ...store import Store, job_records, uploads
from ...texts import unusable
from ...types import ExpectedFile, Job, LinkedFile, MediaFile, MediaKind, SignedPut, VideoRequest
from ..local_files.last_frames import keep_last_frame
from ..local_files.readable_files import LocalFiles
from ..local_files.unfinished import writer_of
from ..pool.provider_pool import ProviderPool
from .basis import with_basis
from .resolved_request import ResolvedRequest

if TYPE_CHECKING:
    from .incoming import Incoming

_KINDS: Mapping[str, MediaKind] = {
    "png": "image",
    "jpg": "image",
    "jpeg": "image",
    "webp": "image",
    "bmp": "image",
    "gif": "image",
    "tif": "image",
    "tiff": "image",
    "heic": "image",
    "heif": "image",
    "mp4": "video",
    "mov": "video",
    "mp3": "audio",
    "wav": "audio",
}


_UPLOAD, _JOB = "media:", "job:"
_ASSET_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


class Sources:
    """Turns requests into what is asked for: whole, and with checked files for their media arguments."""

    def __init__(self, store: Store, settings: Settings, pool: ProviderPool, *, buys: bool = True) -> None:
        """Where another machine `buys`, no file of this one is taken."""
        self.buys = buys
        self.output_dir = settings.output_dir
        self._store = store
        self._settings = settings
        self._files = LocalFiles(store, settings)
        self._pool = pool

    async def resolve(self, request: VideoRequest) -> ResolvedRequest:
        """
        Fill in what the request does not give from the job that it is based on, and check its media.

        Raises:
            InvalidRequest: the request holds what cannot be stored or sent, such as a NUL; names every place. Or it asks
                for a draft, or for one in full, in a way that contradicts itself or is no longer possible.
            JobNotFound: there is no such job to base it on.
            JobNotFinished: it names a job that has no file yet, or a draft that is not made yet.
            OtherAccount, ConfigError: the draft cannot be finished from here.
        """
        problems = [
            problem
            for name in VideoRequest.model_fields
            for problem in unusable(name, getattr(request, name))
        ]
        if problems:
            raise InvalidRequest(problems)
        basis = await with_basis(request, store=self._store, pool=self._pool)
        if basis.finishes is not None:
            return ResolvedRequest(
                request=basis.request, media={}, finishes=basis.finishes, notes=basis.notes
            )
        media, trouble = await self.load(basis.request)
        return ResolvedRequest(request=basis.request, media=media, trouble=trouble, notes=basis.notes)

    async def load(self, request: VideoRequest) -> tuple[dict[str, MediaFile], InvalidRequest | None]:
        """
        Check every media argument of a request; the answer maps each source to its file.

        What cannot be used is named in the error, all of it, and stands in the mapping as a file that nobody has
        seen, so that the rest of the request can be checked as well before the error is raised.

        Raises:
            JobNotFinished: one names a job that has no file yet.
        """
        files: dict[str, MediaFile] = {}
        problems: list[str] = []
        hints: list[str] = []
        for field, kind, source in request.media():
            if source in files:
                continue
            try:
                file = await self.open(source, kind=kind)
            except (MediaError, LookupError) as error:
                problems.append(f"{field}: {error}")
                hints.append(getattr(error, "hint", ""))
                file = MediaFile(kind=kind, url=source)
            if file.kind != kind:
                problems.append(f"{field} {of_another_kind(file, kind, source)}")
                file = MediaFile(kind=kind, url=source)
            files[source] = file
        hint = " ".join(dict.fromkeys(filter(None, hints))) or None
        return files, InvalidRequest(problems, hint=hint) if problems else None

    async def may_read(self, source: str) -> bool:
        """Return whether no folder's rights keep this process from reading a source; another one may have more."""
        text = unquoted(source)
        if "://" in text or text.startswith(("media:", "job:", "data:")):
            return True
        return await self._files.may_read(source)

    async def open(self, source: str, *, kind: MediaKind | None = None) -> MediaFile:
        """
        Check one source. `kind` says what a URL without a telling ending, or an asset, is taken for (an asset: an image).

        Raises:
            MediaError: it cannot be used, with what to do about it.
            JobNotFound, JobNotFinished: it names a job that has no such file (yet).
        """
        check_readable(source)
        text = unquoted(source)
        if not self.buys and is_path(source):
            raise on_another_machine(source)
        if text.startswith(_UPLOAD):
            file = await self._earlier(text)
            return replace(file, kind=kind) if kind is not None and file.is_asset else file
        if text.startswith(_JOB):
            return await self._of_job(text)
        scheme = _scheme(text)
        if scheme == "asset":
            return MediaFile(kind=kind or "image", url=_asset(text))
        if scheme == "https":
            _check_public(text)
            return MediaFile(kind=kind or _kind_of_url(text), url=text)
        if scheme == "file":
            _check_this_machine(text)
            return await self._files.named(source)
        if scheme == "data":
            raise MediaError(
                "Data URLs are not taken as media.",
                hint="Save the file to disk and pass its path, or pass an https URL.",
            )
        if scheme:
            raise MediaError(
                f"{scheme} URLs are not taken as media.",
                hint="Use an https URL that anyone can open, or a local path.",
            )
        return await self._files.named(source)

    async def register(self, source: str | LinkedFile) -> tuple[str, MediaFile]:
        """
        Check a source and keep it under a new `media:<id>`, or under the one that it is. A linked file is fetched now.

        Raises:
            MediaError: it cannot be used.
        """
        if isinstance(source, LinkedFile):
            return await self._fetched(source)
        file = await self.open(source)
        text = unquoted(source)
        return text if text.startswith(_UPLOAD) else await self._kept(source, file), file

    async def _fetched(self, link: LinkedFile) -> tuple[str, MediaFile]:
        from .linked_files import LinkedFiles

        if not self.buys and not self.has_copies():
            raise MediaError(
                "The file would lie on another machine than the workers that buy from here.",
                hint="Whoever runs the server has to set SEEDANCE_OBJECT_STORE. Until then pass an https URL that anyone can"
                " open.",
            )
        incoming = self._incoming if self.has_copies() else None
        files = LinkedFiles(self._settings, self._files, incoming)
        async with files.taking(link) as (origin, kept, seen):
            return await self._kept(origin, kept), seen

    async def _kept(self, source: str, file: MediaFile) -> str:
        media_id = f"media:{secrets.token_urlsafe(12)}"
        now = self._store.clock()
        await self._store.write(
            lambda connection: uploads.keep_media(connection, media_id, source, file, now=now)
        )
        return media_id

    async def expect(self, expected: ExpectedFile) -> tuple[str, MediaFile, SignedPut]:
        """
        Keep a `media:<id>` for a file that who calls puts into the object store, and sign the address for that.

        Raises:
            MediaError: there is no object store.
            InvalidRequest: no such file is taken.
            ConfigError: its settings cannot be used.
        """
        name, file, put = self._incoming.expect(expected)
        return await self._kept(name, file), file, put

    @cached_property
    def _incoming(self) -> Incoming:
        from .incoming import Incoming

        return Incoming(self._store, self._settings)

    async def _earlier(self, source: str) -> MediaFile:
        found = await self._store.read(partial(uploads.find_media, media_id=source))
        if found is None:
            raise MediaError(
                f"There is no upload {source!r}.", hint="Call upload_media and pass the media_id it returns."
            )
        origin, file = found
        if file.is_expected:
            path = await self._incoming.fetch(origin, file)
            again = await self._files.at(path, str(path))
        elif file.path is None:
            return file
        elif not self.buys and not origin.startswith(_JOB):
            raise on_another_machine(origin)
        else:
            # It may have been changed or removed since, and a job's link may have ended.
            again = await (
                self._of_job(origin) if origin.startswith(_JOB) else self._files.at(file.path, origin)
            )
        if again.sha256 != file.sha256:
            raise MediaError(
                f"The file behind {source} has changed since it was uploaded.",
                hint="Call upload_media again.",
            )
        return again

    async def _of_job(self, source: str) -> MediaFile:
        job_id, _, part = source.removeprefix(_JOB).partition("/")
        job = await self._store.read(lambda connection: job_records.find(connection, job_id))
        if part not in ("", "last_frame"):
            raise MediaError(
                f"{source!r} names no part of a job.",
                hint="Use job:<id> for the video or job:<id>/last_frame.",
            )
        copy = await self._copy_of(job)
        if part and copy is not None:
            frame = await keep_last_frame(copy, writer_of(self._store))
            return await self._files.at(frame.path, source)
        if part:
            return await self._files.last_frame(job)
        video = await (self._files.video(job) if copy is None else self._files.at(copy, source))
        if job.artifacts and video.sha256 == job.artifacts.sha256 and await self._pool.link(job):
            return replace(video, job_id=job.id)
        return video

    def has_copies(self) -> bool:
        """Return whether videos that other machines saved can be had from an object store."""
        return self._settings.object_store is not None

    def video_here(self, job: Job) -> Path | None:
        """Return where a job's video lies on this machine: the file itself, or a copy that was fetched. Blocks."""
        if job.artifacts is None:
            return None
        path = Path(job.artifacts.video_path)
        if path.is_file():
            return path
        return self._incoming.copy_here(job) if self.has_copies() else None

    async def fetch_video(self, job: Job) -> Path:
        """
        Bring a copy of a job's video here that another machine saved, checked by the hash of what was saved.

        Raises:
            MediaError: there is no copy, it is another file, or it cannot be fetched now.
        """
        return await self._incoming.fetch_copy(job)

    async def _copy_of(self, job: Job) -> Path | None:
        """
        Bring a copy of a job's video here where another machine has it, or is to use it; None: the file itself will do.

        Raises:
            MediaError: there is no copy, or it cannot be fetched.
        """
        if job.artifacts is None:
            return None
        # Without an object store, a file that can be read here lies in a folder that all share, or no worker finds it later.
        if (self.buys or self._settings.object_store is None) and await run_sync(
            Path(job.artifacts.video_path).is_file
        ):
            return None
        if self._settings.object_store is not None:
            return await self._incoming.fetch_copy(job)
        if self.buys:
            return None
        raise MediaError(
            f"The video of {job.id} is on another machine, and this server has no object store that a copy could be in.",
            hint="Whoever runs the server has to set SEEDANCE_OBJECT_STORE, or let all machines share the folder of the videos."
            " Until then pass an https URL that anyone can open.",
        )


def of_another_kind(file: MediaFile, kind: MediaKind, source: str) -> str:
    """Say that a field takes files of this kind and the source is none, behind the field's name."""
    return f"takes {kind} files, and {source} is {'a' if file.kind == 'video' else 'an'} {file.kind}."


def is_path(source: str) -> bool:
    """Return whether a media source names a file of this machine."""
    text = unquoted(source)
    return not text.startswith((_UPLOAD, _JOB)) and _scheme(text) in ("", "file")


def _scheme(text: str) -> str:
    if text[:5].lower() == "data:":
        return "data"
    return text.partition("://")[0].lower() if "://" in text else ""


def on_another_machine(source: str) -> MediaError:
    """Say that a worker would look for a file of this machine on another one."""
    return MediaError(
        f"{source} is on another machine than the workers that buy from here.",
        hint="Pass an https URL that anyone can open. Where the server has an object store, call upload_media without a"
        " source, and put the file at the address that it answers with.",
    )


def _check_this_machine(url: str) -> None:
    host = url.partition("://")[2].partition("/")[0]
    if host.lower() not in ("", "localhost"):
        raise MediaError(
            "The file: URL names another machine.", hint="Copy the file to a local folder and pass its path."
        )


def _asset(text: str) -> str:
    asset_id = text.partition("://")[2]
    if not _ASSET_ID.fullmatch(asset_id):
        raise MediaError(
            f"{text[:80]!r} is no asset id.",
            hint="Write it as asset://<id>, with the id that the provider's asset library shows.",
        )
    return f"asset://{asset_id}"


def _check_public(url: str) -> None:
    try:
        addresses.check_url(url, trusted=frozenset())
    except UnexpectedResponse as error:
        raise MediaError(
            f"The URL cannot be used: {error.message}",
            hint="Use an https URL that anyone can open, or a local path.",
        ) from error


def _kind_of_url(url: str) -> MediaKind:
    ending = urlsplit(url).path.rpartition(".")[2].lower()
    kind = _KINDS.get(ending)
    if kind is None:
        raise MediaError(
            "The URL does not tell whether it is an image, a video or a sound.",
            hint="Pass it straight to generate_video in the field that it is for.",
        )
    return kind
