"""What may still be spent, as assistants and people see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import results as shape
from .amounts import decimal

if TYPE_CHECKING:
    from ..app import App


async def budget(app: App) -> shape.BudgetShape:
    """What may still be spent."""
    now = await app.budget()
    return shape.BudgetShape(
        spent_today_usd=decimal(now.spent_today_usd),
        reserved_usd=decimal(now.reserved_usd),
        left_today_usd=decimal(now.left_today_usd),
        max_per_job_usd=decimal(now.max_per_job_usd),
    )
