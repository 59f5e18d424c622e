"""
Where the id of an accepted task is put down first, before the database has it: a preallocated file beside that.

A full disk refuses even a 40-byte record, and another process may hold the database for long; space that is allocated
already does not need the disk's leave, and the file is this process's own.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

from ..config import flush, make_private, open_private
from ..errors import SeedanceError, StoreError
from ..types import Submission

logger = logging.getLogger(__name__)

UNREAD = "*.unread"
"""The names of receipt files that nobody could make sense of; a person has to look at them."""

_SIZE = 256 * 1024
_LINE_LIMIT = 4096


class UnreadReceipt(SeedanceError):
    """A purchase is known by its receipt alone: no job can be given its task."""

    code = "unread_receipt"
    default_hint = (
        "Look at the provider's console for the task; `seedance-mcp doctor` names the file of the receipt."
    )


@dataclass(frozen=True, kw_only=True)
class Kept:
    """
    What the receipts of the process `instance` hold: pairs of a job's id and its submission.

    `whole`: every line could be read. `unreadable`: the file could not be, at the moment; it holds whatever it holds.
    """

    path: Path
    instance: str
    receipts: list[tuple[str, Submission]]
    whole: bool
    unreadable: OSError | None = None

    def discard(self) -> None:
        """Remove the file: the database has all of it. Raises `OSError`."""
        self.path.unlink(missing_ok=True)

    def set_aside(self) -> Path:
        """Keep the file for a person, under another name; returns that. Raises `OSError`."""
        return self.path.rename(self.path.with_suffix(UNREAD.removeprefix("*")))


class Receipts:
    """
    The file of receipts. Every process has its own, named by its instance, so that nobody overwrites another's.

    Its methods may be called in several threads at once.
    """

    def __init__(self, folder: Path, instance: str) -> None:
        self._folder = folder
        self._path = folder / f"{instance}.receipts"
        self._lock = threading.Lock()
        self._used = 0
        self._needed: set[str] = set()

    def prepare(self) -> None:
        """
        Allocate the file. Call before the first purchase; a full disk fails here, where nothing is lost.

        Raises:
            StoreError: the file cannot be made, or not in its full size.
        """
        with self._lock:
            try:
                if not self._path.exists() or self._path.stat().st_size < _SIZE:
                    self._allocate()
            except OSError as error:
                with contextlib.suppress(OSError):
                    self._path.unlink(missing_ok=True)
                raise StoreError(
                    f"The receipts in the state folder {self._folder} cannot be prepared: {error.strerror or error}.",
                    hint="Make the state folder writable and free some space on its disk, then try again. Nothing was sent.",
                ) from error

    def _allocate(self) -> None:
        make_private(self._folder)
        with open_private(self._path) as file:
            file.write(b"\0" * _SIZE)
            flush(file)

    def keep(self, job_id: str, submission: Submission) -> None:
        """
        Put down that the provider accepted the job's purchase; durable on return.

        Raises:
            OSError: not even the preallocated space could be written.
        """
        line = json.dumps({"job_id": job_id, **asdict(submission)}).encode() + b"\n"
        if len(line) > _LINE_LIMIT:
            line = (
                json.dumps({"job_id": job_id, "task_id": submission.task_id, "handle": {}}).encode() + b"\n"
            )
        with self._lock:
            if not self._path.exists():  # somebody has tidied up; there may still be room for a new one
                self._allocate()
            with self._path.open("r+b") as file:
                file.seek(self._used)
                file.write(line)
                flush(file)
            self._used += len(line)
            self._needed.add(job_id)

    def needs(self, job_id: str) -> bool:
        """Return whether a receipt of this job is the only record of its task so far."""
        return job_id in self._needed

    def forget(self, job_id: str) -> None:
        """
        Note that the database has it; the room is used anew when that has all of them.

        Never raises: a receipt too many does no harm.
        """
        with self._lock:
            self._needed.discard(job_id)
            if self._needed or not self._used:
                return
            try:
                with self._path.open("r+b") as file:
                    file.write(b"\0" * self._used)
            except OSError as error:
                logger.info("the receipts could not be emptied: %s", error)
            else:
                self._used = 0

    def read(self) -> list[Kept]:
        """
        Return what all receipt files of the folder hold, this process's and those of earlier ones.

        Raises OSError: the folder cannot be listed.
        """
        found: list[Kept] = []
        paths = self._folder.iterdir() if self._folder.is_dir() else ()
        for path in [path for path in paths if path.suffix == ".receipts"]:
            with contextlib.suppress(FileNotFoundError):  # its process has just closed, with nothing in it
                found.append(_read(path))
        return found

    def close(self) -> None:
        """Remove this process's file if nothing is needed of it. Raises `OSError`."""
        with self._lock:
            if not self._needed:
                self._path.unlink(missing_ok=True)


def _read(path: Path) -> Kept:
    try:
        return _kept(path, path.read_bytes())
    except FileNotFoundError:
        raise
    except OSError as error:
        return Kept(path=path, instance=path.stem, receipts=[], whole=False, unreadable=error)


def _kept(path: Path, content: bytes) -> Kept:
    receipts: list[tuple[str, Submission]] = []
    whole = True
    for line in content.strip(b"\0").split(b"\n"):
        if line.strip(b"\0"):
            try:
                receipts.append(_parse(line))
            except (ValueError, TypeError, KeyError, RecursionError):
                whole = False
    return Kept(path=path, instance=path.stem, receipts=receipts, whole=whole)


def _parse(line: bytes) -> tuple[str, Submission]:
    content = json.loads(line)
    job_id, task_id = str(content["job_id"]), str(content["task_id"])
    handle = {str(key): str(value) for key, value in dict(content["handle"]).items()}
    return job_id, Submission(task_id=task_id, handle=handle)


def describe_unread(folder: Path) -> list[str]:
    """Describe for each receipt file that was set aside what a person has to know of it. Blocks."""
    told: list[str] = []
    for path in sorted(folder.glob(UNREAD)):
        try:
            kept = _kept(path, path.read_bytes())
            known = ", ".join(
                f"task {submission.task_id} for {job_id}" for job_id, submission in kept.receipts
            )
        except OSError as error:
            known = f"it cannot be read: {error.strerror or error}"
        told.append(f"{path} holds receipts of purchases that no job could be given: {known or 'unreadable'}")
    return told
