"""What `film.json` in an export tells: what the film was made from and for how much, and the hashes of all files."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..texts import storable_value
from ..types import FILM_PREFIX, Price
from .exported import ExportedFilm, ExportedMusic, ExportedShot

FACTS = "film.json"
_ADDRESS = re.compile(r"(https?://)(?:[^\s/?#@]*@)?([^\s?#]*)(?:[?#]\S*)?", re.IGNORECASE)


def shot_facts(shot: ExportedShot, name: str, sha256: str) -> dict[str, Any]:
    """Return all that is told of a shot, whose file has this name and hash."""
    return {
        "number": shot.number,
        "shot": without_secrets(shot.id),
        "file": name,
        "sha256": sha256,
        "prompt": without_secrets(shot.prompt),
        "take": shot.take,
        "job_id": shot.job_id,
        "provider": shot.provider,
        "model": shot.model,
        "seed": shot.seed,
        "charge": _amount(shot.charge),
        "seconds": shot.seconds,
        "frames": shot.frames,
        "fps": shot.fps,
        "enter": {"kind": shot.entry, "seconds": 0.0 if shot.entry == "cut" else shot.overlap},
        "first_frame_left_out": shot.drop_first,
    }


def music_facts(music: ExportedMusic) -> dict[str, Any]:
    """Return how the music is played under the film."""
    return {
        "file": music.name,
        "seconds": music.seconds,
        "volume_db": music.volume_db,
        "duck_db": music.duck_db,
        "fade_seconds": music.fade_seconds,
        "loop": music.loop,
    }


def film_facts(film: ExportedFilm, shots: Sequence[Mapping[str, Any]], files: Mapping[str, str]) -> bytes:
    """Write `film.json`; `files` are the hashes of all files but those of the shots, by name."""
    content: dict[str, Any] = {
        "film_id": film.id,
        "title": without_secrets(film.title),
        "quality": film.quality,
        "files": [{"file": name, "sha256": sha256} for name, sha256 in files.items()],
        "shots": shots,
        "music": music_facts(film.music) if film.music is not None else None,
    }
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()


def listed(facts: Path) -> dict[str, str]:
    """Read the hashes of all files that a `film.json` lists, by name; none if it is not one of ours. Blocks."""
    try:
        told: Any = json.loads(facts.read_bytes())
        if not str(told["film_id"]).startswith(FILM_PREFIX):
            return {}
        return {str(row["file"]): str(row["sha256"]) for row in (*told["files"], *told["shots"])}
    except (OSError, ValueError, LookupError, TypeError):
        return {}


def film_listed(facts: Path) -> str | None:
    """Return the id of the film that a `film.json` is of; None: it is not there, or not one of ours. Blocks."""
    try:
        film_id = str(json.loads(facts.read_bytes())["film_id"])
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return film_id if film_id.startswith(FILM_PREFIX) else None


def without_secrets(text: str) -> str:
    """Write a text without what opens something: of an address only scheme, host and path."""
    return _ADDRESS.sub(r"\1\2", storable_value(text))


def _amount(price: Price | None) -> dict[str, str] | None:
    if price is None or not price.known:
        return None
    return {"amount": f"{price.amount:f}", "currency": price.currency, "usd": f"{price.usd:f}"}
