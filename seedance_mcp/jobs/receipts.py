"""
Accepted purchases that the database could not take down: a preallocated file beside it.

A full disk refuses even a 40-byte record; space that is allocated already does not need the disk's leave.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict
from pathlib import Path

from ..config import make_private, open_private
from ..errors import StoreError
from ..types import Submission

_SIZE = 256 * 1024
_LINE_LIMIT = 4096


class Receipts:
    """The file of receipts. Every process has its own, named by its instance, so that nobody overwrites another's."""

    def __init__(self, folder: Path, instance: str) -> None:
        self._folder = folder
        self._path = folder / f"{instance}.receipts"
        self._used = 0

    def prepare(self) -> None:
        """
        Allocate the file. Call before the first purchase; a full disk fails here, where nothing is lost.

        Raises:
            StoreError: the file cannot be made, or not in its full size.
        """
        if self._path.exists() and self._path.stat().st_size >= _SIZE:
            return
        try:
            make_private(self._folder)
            with open_private(self._path) as file:
                file.write(b"\0" * _SIZE)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
            raise StoreError(
                f"The receipts in the state folder {self._folder} cannot be prepared: {error.strerror or error}.",
                hint="Make the state folder writable and free some space on its disk, then try again. Nothing was sent.",
            ) from error

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
        with self._path.open("r+b") as file:
            file.seek(self._used)
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        self._used += len(line)

    def read(self) -> dict[Path, list[tuple[str, Submission]]]:
        """Give what all receipt files of the folder hold, this process's and those of earlier ones, by file."""
        found: dict[Path, list[tuple[str, Submission]]] = {}
        for path in self._folder.glob("*.receipts"):
            try:
                content = path.read_bytes()
            except FileNotFoundError:  # its process has just closed, with nothing in it
                continue
            lines = content.rstrip(b"\0").split(b"\n")
            found[path] = [_parse(line) for line in lines if line.startswith(b"{") and line.endswith(b"}")]
        return found

    def close(self) -> None:
        """Remove this process's file if nothing stands in it."""
        if not self._used:
            self._path.unlink(missing_ok=True)


def _parse(line: bytes) -> tuple[str, Submission]:
    content = json.loads(line)
    return content["job_id"], Submission(task_id=content["task_id"], handle=content["handle"])
