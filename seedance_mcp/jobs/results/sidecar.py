"""The sidecar: what a video was made of, as JSON beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from ...types import Job, Price
from ..local_files.final_files import keep_bytes
from ..local_files.parts import disk_errors
from ..local_files.unfinished import Writer

_OF_ITS_OWN = {"prompt", "provider", "model", "seed"}
_MOMENTS = ("created_at", "sent_at", "accepted_at", "started_at", "finished_at")


async def write_sidecar(job: Job, video_path: Path, writer: Writer) -> Path:
    """
    Write what a finished job was made of beside its video: under the video's name, or a name with `-2` and so on
    when another file has that already.

    It holds no key and no signed URL: of a URL, only scheme, host and path are written.

    Raises:
        DownloadError: the folder cannot be written to.
    """
    content = json.dumps(facts(job, video_path), ensure_ascii=False, indent=2) + "\n"
    with disk_errors(video_path.parent):
        return await keep_bytes(
            content.encode(errors="replace"), video_path.parent, (video_path.stem, ".json"), writer
        )


def facts(job: Job, video_path: Path | None) -> dict[str, Any]:
    """Return what a job was made of and what became of it, as plain JSON values without keys or signed URLs."""
    request = job.request
    made = job.artifacts
    return {
        "job_id": job.id,
        "prompt": request.prompt,
        "provider": job.provider,
        "model": job.model,
        "endpoint": job.endpoint,
        "task_id": job.submission.task_id if job.submission else None,
        "tag": job.tag,
        "fingerprint": job.fingerprint,
        "seed": request.seed,
        "settings": {
            name: _without_secrets(value)
            for name, value in request.model_dump(mode="json", exclude=_OF_ITS_OWN).items()
            if value not in (None, [], {})
        }
        | ({"quality": "draft"} if job.is_draft else {}),
        "video": video_path.name if video_path else None,
        "last_frame": Path(made.last_frame_path).name if made and made.last_frame_path else None,
        "measured": {
            name: value
            for name, value in (asdict(made) if made else {}).items()
            if name not in ("video_path", "last_frame_path", "last_frame_sha256")
        },
        "estimate": _amount(job.estimate),
        "charge": _amount(job.charge),
        "times": {name: _written(getattr(job, name)) for name in _MOMENTS},
    }


def _amount(price: Price | None) -> dict[str, str] | None:
    if price is not None and not price.known:
        return {"amount": "unknown", "currency": price.currency, "usd": "unknown"}
    return price and {"amount": f"{price.amount:f}", "currency": price.currency, "usd": f"{price.usd:f}"}


def _written(moment: float | None) -> str | None:
    return None if moment is None else datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")


def _without_secrets(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_secrets(inner) for key, inner in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, str):
        return _bare(value)
    if isinstance(value, Sequence):
        return [_without_secrets(inner) for inner in cast("Sequence[Any]", value)]
    return value


def _bare(text: str) -> str:
    if not text.lower().startswith(("http://", "https://")):
        return text
    return re.sub(r"//[^/@]*@", "//", re.split(r"[?#]", text)[0])
