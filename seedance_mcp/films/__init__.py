"""Films: a document of shots becomes one film, and only what changed is bought again."""

from __future__ import annotations

from .document import FilmDocument, Shot
from .reading import checked, read_document

__all__ = ["FilmDocument", "Shot", "checked", "read_document"]
