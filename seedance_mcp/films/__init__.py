"""Films: a document of shots becomes one film, and only what changed is bought again."""

from __future__ import annotations

from .as_written import planned_as_written
from .document import FilmDocument, Shot, named_files
from .export import export_film
from .exported import Exported, ExportedFilm, ExportedMusic, ExportedShot, ExportOptions
from .film import Film, FilmStatus, FilmUpdate
from .films import Films
from .handing_out import (
    exported_film,
    exported_shots,
    file_of,
    read_film,
    sheet_files,
    sheets_of,
    sheets_of_shots,
)
from .limits import Market, limits
from .plan import FilmPlan, PlanRow
from .reading import checked, read_document
from .starter import starter
from .states import ShotState, State

__all__ = [
    "ExportOptions",
    "Exported",
    "ExportedFilm",
    "ExportedMusic",
    "ExportedShot",
    "Film",
    "FilmDocument",
    "FilmPlan",
    "FilmStatus",
    "FilmUpdate",
    "Films",
    "Market",
    "PlanRow",
    "Shot",
    "ShotState",
    "State",
    "checked",
    "export_film",
    "exported_film",
    "exported_shots",
    "file_of",
    "limits",
    "named_files",
    "planned_as_written",
    "read_document",
    "read_film",
    "sheet_files",
    "sheets_of",
    "sheets_of_shots",
    "starter",
]
