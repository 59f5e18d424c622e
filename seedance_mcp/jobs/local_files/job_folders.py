"""Which folder a job's files go to: the output folder of whoever ordered it, whoever saves them."""

from __future__ import annotations

from pathlib import Path

from ...config import Settings
from ...texts import storable
from ...types import Job


def as_recorded(folder: Path) -> str | None:
    """Write an output folder as a job keeps it; None if its name cannot be stored as it is."""
    text = str(folder)
    return text if storable(text) == text else None


def ordered_folder(job: Job, settings: Settings) -> Path:
    """Return the folder that a job was ordered for; the one set here where it names none that this system has."""
    if job.output_dir is None or not Path(job.output_dir).is_absolute():
        return settings.output_dir
    return Path(job.output_dir)


def working_folder(job: Job, settings: Settings) -> Path:
    """Return the folder to work in for a job: its video's, else the one it was ordered for, else one that is there. Blocks."""
    made = (Path(job.artifacts.video_path).parent,) if job.artifacts else ()
    places = (*made, ordered_folder(job, settings), settings.output_dir)
    return next((folder for folder in places if folder.is_dir()), settings.state_dir)
