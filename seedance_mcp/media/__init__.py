"""
Media: files that go in, are looked at, or are drawn.

The names load on first use: the confined worker imports this package too and must start fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import captions, join
    from .access.descriptors import open_plain
    from .access.folders import lies_in
    from .access.path_rules import OUTSIDE, OutsideFolders, check_readable
    from .access.spelling import meant_path, spellings, unquoted
    from .chapters import Chapter, read_chapters
    from .confine import UnfinishedInspection
    from .drift import ColourDrift, LinkColours, colour_drift
    from .film_sheet import FilmSheet, ShotClip, film_sheets
    from .fitting import PictureLimits, fitted_size
    from .inputs import Unchanged, inspect, read_media
    from .last_frames import extract_last_frame
    from .marks import MARK_BYTES, is_marked, mark
    from .outgoing import copy_to_leave
    from .placeholder.render import render_placeholder
    from .placeholder.spec import PlaceholderSpec
    from .posters import poster
    from .probe import Span, VideoFacts, picture_type, probe_video, probe_videos
    from .sheets import Row, Sheet, comparison_sheet, contact_sheet, cut_sheet, sound_sheet
    from .worker.signatures import MAX_FILE_BYTES, begins_like_a_video

__all__ = [
    "MARK_BYTES",
    "MAX_FILE_BYTES",
    "OUTSIDE",
    "Chapter",
    "ColourDrift",
    "FilmSheet",
    "LinkColours",
    "OutsideFolders",
    "PictureLimits",
    "PlaceholderSpec",
    "Row",
    "Sheet",
    "ShotClip",
    "Span",
    "Unchanged",
    "UnfinishedInspection",
    "VideoFacts",
    "begins_like_a_video",
    "captions",
    "check_readable",
    "colour_drift",
    "comparison_sheet",
    "contact_sheet",
    "copy_to_leave",
    "cut_sheet",
    "extract_last_frame",
    "film_sheets",
    "fitted_size",
    "inspect",
    "is_marked",
    "join",
    "lies_in",
    "mark",
    "meant_path",
    "open_plain",
    "picture_type",
    "poster",
    "probe_video",
    "probe_videos",
    "read_chapters",
    "read_media",
    "render_placeholder",
    "sound_sheet",
    "spellings",
    "unquoted",
]

_HOMES = {
    "Chapter": "chapters",
    "ColourDrift": "drift",
    "FilmSheet": "film_sheet",
    "LinkColours": "drift",
    "MARK_BYTES": "marks",
    "MAX_FILE_BYTES": "worker.signatures",
    "PictureLimits": "fitting",
    "PlaceholderSpec": "placeholder.spec",
    "Row": "sheets",
    "Sheet": "sheets",
    "ShotClip": "film_sheet",
    "Span": "probe",
    "Unchanged": "inputs",
    "UnfinishedInspection": "confine",
    "VideoFacts": "probe",
    "begins_like_a_video": "worker.signatures",
    "OUTSIDE": "access.path_rules",
    "OutsideFolders": "access.path_rules",
    "check_readable": "access.path_rules",
    "colour_drift": "drift",
    "comparison_sheet": "sheets",
    "contact_sheet": "sheets",
    "copy_to_leave": "outgoing",
    "cut_sheet": "sheets",
    "extract_last_frame": "last_frames",
    "film_sheets": "film_sheet",
    "fitted_size": "fitting",
    "inspect": "inputs",
    "is_marked": "marks",
    "lies_in": "access.folders",
    "mark": "marks",
    "meant_path": "access.spelling",
    "open_plain": "access.descriptors",
    "picture_type": "probe",
    "poster": "posters",
    "probe_video": "probe",
    "probe_videos": "probe",
    "read_chapters": "chapters",
    "read_media": "inputs",
    "render_placeholder": "placeholder.render",
    "sound_sheet": "sheets",
    "spellings": "access.spelling",
    "unquoted": "access.spelling",
}

_WHOLE = frozenset({"captions", "join"})
"""Modules that are handed out whole: a name such as `join.join` says nothing by itself."""


def __getattr__(name: str) -> Any:
    if name in _WHOLE:
        return import_module(f".{name}", __name__)
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
