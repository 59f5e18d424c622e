"""The user's own command at the end of a job."""

from __future__ import annotations

import json
import logging
import os
import shlex
import subprocess
from pathlib import Path

import anyio

from ..types import Job
from .sidecar import facts

logger = logging.getLogger(__name__)

_PATIENCE_SECONDS = 60.0


async def run_hook(command: str, job: Job) -> None:
    """
    Run the command without a shell, the job as JSON on its stdin; at most 60 seconds. Never raises.

    On Windows the command line is split by Windows' own rules.
    """
    line = command if os.name == "nt" else shlex.split(command)
    video = Path(job.artifacts.video_path) if job.artifacts else None
    content = {
        "status": job.status,
        "error": job.error,
        "error_code": job.error_code,
        "video_path": str(video) if video else None,
        **facts(job, video),
    }
    try:
        with anyio.fail_after(_PATIENCE_SECONDS):
            done = await anyio.run_process(
                line,
                input=json.dumps(content, ensure_ascii=False).encode(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                check=False,
            )
    except (OSError, TimeoutError, ValueError) as error:
        logger.warning("SEEDANCE_ON_FINISH failed for %s: %s", job.id, error or type(error).__name__)
        return
    if done.returncode:
        logger.warning("SEEDANCE_ON_FINISH exited with %d for %s", done.returncode, job.id)
