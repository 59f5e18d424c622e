"""What objects are called in the object store: whose they are, and which way they go."""

from __future__ import annotations

from pathlib import PurePath

from ..types import Artifacts

TEAM = "default"
"""Whose they are."""


def copy_name(job_id: str, files: Artifacts) -> str:
    """Name the copy of a job's video."""
    return f"out/{TEAM}/{job_id}{PurePath(files.video_path).suffix}"


def incoming_name(letters: str) -> str:
    """Name a file that somebody else puts there."""
    return f"in/{TEAM}/{letters}"


def receipt_name(instance: str, job_id: str) -> str:
    """Name the receipt of a purchase that the process `instance` made."""
    return f"receipts/{instance}/{job_id}.json"


def film_name(film_id: str, cut: str, file: str) -> str:
    """Name a file of a film as it was joined once."""
    return f"out/{TEAM}/{film_id}/{cut}/{file}"
