"""The answers of the local board, as JSON."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse

from ...config import runnable
from ...errors import InvalidRequest, SeedanceError


def refusal(status: int, code: str, message: str, hint: str = "", **more: Any) -> JSONResponse:
    """Refuse a request with this status, in the shape that every error has."""
    error = {"code": code, "message": message, "hint": runnable(hint)}
    return JSONResponse({"ok": False, "error": error, **more}, status_code=status)


def refused_by(error: SeedanceError, status: int) -> JSONResponse:
    """Refuse a request because of one of our errors."""
    told: dict[str, Any] = {
        "code": error.code,
        "message": runnable(error.message),
        "hint": runnable(error.hint),
        "retryable": error.retryable,
    }
    if isinstance(error, InvalidRequest):
        told["problems"] = list(error.problems)
    return JSONResponse({"ok": False, "error": told}, status_code=status)
