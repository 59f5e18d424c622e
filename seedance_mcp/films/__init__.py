"""Films: a document of shots becomes one film, and only what changed is bought again."""

from __future__ import annotations

from .document import FilmDocument, Shot
from .export import export_film
from .exported import Exported, ExportedFilm, ExportedShot, ExportOptions
from .reading import checked, read_document

__all__ = [
    "ExportOptions",
    "Exported",
    "ExportedFilm",
    "ExportedShot",
    "FilmDocument",
    "Shot",
    "checked",
    "export_film",
    "read_document",
]
