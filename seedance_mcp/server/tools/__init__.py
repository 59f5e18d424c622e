"""The tools: each turns its arguments into one question to the app, and the answer into a view."""

from __future__ import annotations

from functools import cache

from mcp.server.mcpserver.tools import Tool

from ...presentation import results
from ..board.mcp_app import on_the_board
from ..tooling import tool
from .buying import IdleArguments, estimate_cost, generate_video, list_models, upload_media
from .films import create_film, plan_film
from .hints import ASK, CHANGE, KEEP, NOTE, READ, SPEND
from .jobs import cancel_job, check_status
from .looking import review, view_video

__all__ = ["all_tools", "answering_with_a_job"]


@cache
def all_tools() -> tuple[Tool, ...]:
    """Make every tool, in the order in which they are listed. They know no settings, so once is enough."""
    job = (results.JobShape,)
    return (
        on_the_board(tool(generate_video, annotations=SPEND, returns=job, proves_reading=False)),
        on_the_board(
            tool(
                check_status,
                annotations=ASK,
                returns=(results.JobShape, results.JobsShape, results.FilmShape),
            )
        ),
        tool(
            estimate_cost,
            annotations=READ,
            returns=(results.EstimateShape,),
            describe=False,
            unlisted=IdleArguments,
        ),
        tool(plan_film, annotations=ASK, returns=(results.FilmShape,)),
        tool(create_film, annotations=SPEND, returns=(results.FilmShape,), proves_reading=False),
        tool(upload_media, annotations=KEEP, returns=(results.UploadShape,)),
        tool(list_models, annotations=READ, returns=(results.ModelsShape,)),
        tool(view_video, annotations=READ, returns=(results.ViewShape,)),
        tool(review, annotations=NOTE, returns=(results.ReviewedShape,)),
        tool(cancel_job, annotations=CHANGE, returns=(results.JobShape, results.FilmShape)),
    )


@cache
def answering_with_a_job() -> Tool:
    """Make what answers with a job for a client that asks by itself: that is no evidence that anybody has read anything."""
    return tool(check_status, annotations=ASK, returns=(results.JobShape,), proves_reading=False)
