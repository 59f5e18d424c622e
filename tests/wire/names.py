"""How providers name what every task has, for tests that change it in an answer of whichever provider."""

from __future__ import annotations

IDS = ("id", "request_id", "predictionId")
"""A task's id."""

STATUS = "status"
"""How far a task is."""
