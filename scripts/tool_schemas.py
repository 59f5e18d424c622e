"""Writes the schemas of the tools from the code, for the server to read at its start: `python -m scripts.tool_schemas`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from seedance_mcp.presentation import results, upload_shapes
from seedance_mcp.server import tools
from seedance_mcp.server.schemas import write_schemas
from seedance_mcp.server.tools import buying, films, jobs, looking

PATH = Path(tools.__file__).parent / tools.STORED

RETURNS: Mapping[Callable[..., Any], tuple[type[BaseModel], ...]] = {
    buying.generate_video: (results.JobShape,),
    jobs.check_status: (results.JobShape, results.JobsShape, results.FilmShape),
    buying.estimate_cost: (results.EstimateShape,),
    films.plan_film: (results.FilmShape,),
    films.create_film: (results.FilmShape,),
    buying.upload_media: (upload_shapes.UploadShape,),
    buying.list_models: (results.ModelsShape,),
    looking.view_video: (results.ViewShape,),
    looking.review: (results.ReviewedShape,),
    jobs.cancel_job: (results.JobShape, results.FilmShape),
}
"""What each tool answers with."""

DESCRIBED_ELSEWHERE = {buying.estimate_cost}
"""Tools whose arguments another tool describes."""


def written() -> str:
    """The file as it has to be."""
    schemas = {
        function.__name__: asdict(
            write_schemas(function, *returns, describe=function not in DESCRIBED_ELSEWHERE)
        )
        for function, returns in RETURNS.items()
    }
    return json.dumps(schemas, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(written(), encoding="utf-8")
