"""
Media: files that go in, are looked at, or are drawn.

The names load on first use: the confined worker imports this package too and must start fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .access.folders import lies_in
    from .access.path_rules import check_readable
    from .access.spelling import meant_path, spellings, unquoted
    from .confine import UnfinishedInspection
    from .fitting import PictureLimits, fitted_size
    from .inputs import Unchanged, inspect, read_media
    from .last_frames import extract_last_frame
    from .outgoing import copy_to_leave
    from .placeholder.render import render_placeholder
    from .placeholder.spec import PlaceholderSpec
    from .posters import poster
    from .probe import Span, VideoFacts, picture_type, probe_video
    from .sheets import MARK_BYTES, contact_sheet, is_marked, mark
    from .worker.signatures import begins_like_a_video

__all__ = [
    "MARK_BYTES",
    "PictureLimits",
    "PlaceholderSpec",
    "Span",
    "Unchanged",
    "UnfinishedInspection",
    "VideoFacts",
    "begins_like_a_video",
    "check_readable",
    "contact_sheet",
    "copy_to_leave",
    "extract_last_frame",
    "fitted_size",
    "inspect",
    "is_marked",
    "lies_in",
    "mark",
    "meant_path",
    "picture_type",
    "poster",
    "probe_video",
    "read_media",
    "render_placeholder",
    "spellings",
    "unquoted",
]

_HOMES = {
    "MARK_BYTES": "sheets",
    "PictureLimits": "fitting",
    "PlaceholderSpec": "placeholder.spec",
    "Span": "probe",
    "Unchanged": "inputs",
    "UnfinishedInspection": "confine",
    "VideoFacts": "probe",
    "begins_like_a_video": "worker.signatures",
    "check_readable": "access.path_rules",
    "contact_sheet": "sheets",
    "copy_to_leave": "outgoing",
    "extract_last_frame": "last_frames",
    "fitted_size": "fitting",
    "inspect": "inputs",
    "is_marked": "sheets",
    "lies_in": "access.folders",
    "mark": "sheets",
    "meant_path": "access.spelling",
    "picture_type": "probe",
    "poster": "posters",
    "probe_video": "probe",
    "read_media": "inputs",
    "render_placeholder": "placeholder.render",
    "spellings": "access.spelling",
    "unquoted": "access.spelling",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
