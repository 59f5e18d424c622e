"""
Media: files that go in, are looked at, or are drawn.

The names load on first use: the confined worker imports this package too and must start fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .fitting import PictureLimits, fitted_size
    from .inputs import inspect, read_media
    from .last_frames import extract_last_frame
    from .outgoing import copy_to_leave
    from .path_rules import check_readable
    from .placeholder import PlaceholderSpec, render_placeholder
    from .probe import Span, VideoFacts, picture_type, probe_video
    from .sheets import MARK_BYTES, contact_sheet, is_marked, mark
    from .signatures import begins_like_a_video
    from .spelling import meant_path, spellings, unquoted

__all__ = [
    "MARK_BYTES",
    "PictureLimits",
    "PlaceholderSpec",
    "Span",
    "VideoFacts",
    "begins_like_a_video",
    "check_readable",
    "contact_sheet",
    "copy_to_leave",
    "extract_last_frame",
    "fitted_size",
    "inspect",
    "is_marked",
    "mark",
    "meant_path",
    "picture_type",
    "probe_video",
    "read_media",
    "render_placeholder",
    "spellings",
    "unquoted",
]

_HOMES = {
    "MARK_BYTES": "sheets",
    "PictureLimits": "fitting",
    "PlaceholderSpec": "placeholder",
    "Span": "probe",
    "VideoFacts": "probe",
    "begins_like_a_video": "signatures",
    "check_readable": "path_rules",
    "contact_sheet": "sheets",
    "copy_to_leave": "outgoing",
    "extract_last_frame": "last_frames",
    "fitted_size": "fitting",
    "inspect": "inputs",
    "is_marked": "sheets",
    "mark": "sheets",
    "meant_path": "spelling",
    "picture_type": "probe",
    "probe_video": "probe",
    "read_media": "inputs",
    "render_placeholder": "placeholder",
    "spellings": "spelling",
    "unquoted": "spelling",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
