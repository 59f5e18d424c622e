"""How the worker says that a file will not do."""

from __future__ import annotations


class RefusalError(Exception):
    """The file cannot be used. Becomes a MediaError in the server; without a hint, its default one."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
