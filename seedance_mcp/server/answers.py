"""Writes an answer twice: some clients hand on only the text, others only the structured content."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from mcp.types import (
    CallToolResult,
    ContentBlock,
    ImageContent,
    InputRequiredResult,
    ResourceLink,
    TextContent,
)
from pydantic import BaseModel

from ..config import Settings, runnable
from ..texts import number_of
from .tasks import NewTask

if TYPE_CHECKING:
    from ..presentation.results import EstimateShape, JobsShape

_OPTIONAL = (
    *("finished_meanwhile", "notes", "advice", "details", "unjudged", "unjudged_count"),
    *("image", "others", "ladder", "total", "qualities", "elsewhere", "captions", "spent_usd"),
)
"""Fields that say nothing when they are empty, and are then left out."""

_SENTENCES = ("message", "hint", "notes", "next_step", "problems", "reason")
"""Fields whose text is ours and may tell a person to run a command."""

_NOT_OURS = "review"
"""The field with what somebody thinks of a take: its notes are theirs, and stay as they are."""

_PROMPT_CHARACTERS = 100


def answer(headline: str, content: BaseModel, *blocks: ContentBlock) -> CallToolResult:
    """Put a sentence before the same facts in lines and in structured content; further blocks follow."""
    data = _said(content)
    return _twice([headline, *_lines(data)], data, *blocks)


def estimate_answer(headline: str, elsewhere: str, estimate: EstimateShape) -> CallToolResult:
    """Answer with a price; in the text each other offer has one short line. `elsewhere` says where those are."""
    data = _said(estimate)
    lines = [headline, *_lines({key: value for key, value in data.items() if key != "offers"})]
    if estimate.offers:
        lines.append(f"offers {elsewhere}, cheapest first, each with what is different there:")
    for offer in estimate.offers:
        foreign = ""
        if offer.amount is not None and offer.currency != "USD":
            foreign = f" ({offer.amount} {offer.currency})"
        price = f"{offer.usd} USD{foreign}" if offer.usd is not None else "price unknown"
        told = [price, "ready" if offer.ready else "not ready", *offer.differences]
        lines.append(f"- {offer.provider}/{offer.model}: {'; '.join(told)}")
    return _twice(lines, data)


def jobs_answer(listed: JobsShape) -> CallToolResult:
    """List jobs: in full in structured content, and as a line each in the text."""
    lines = [
        f"{number_of(len(listed.jobs), 'job')}, newest first." if listed.jobs else "There are no jobs yet."
    ]
    for job in listed.jobs:
        prompt = " ".join((job.prompt or "").split())
        told = [f"{job.status}, {job.model} at {job.provider}, created {job.created_at}"]
        told += [f"video_path: {job.video_path}"] if job.video_path else []
        told += [f"error {job.error.code}: {job.error.message}"] if job.error else []
        told += [f"review: {job.review.verdict}, by the {job.review.by}"] if job.review else []
        told += [] if job.placeholder else job.notes  # in a list only what sets it apart
        told += [f"prompt: {prompt[:_PROMPT_CHARACTERS]}"] if prompt else []
        lines.append(f"- {job.job_id}: {'; '.join(told)}")
    data = _said(listed)
    lines += _lines({key: value for key, value in data.items() if key != "jobs"})
    lines.append("check_status with a job_id tells everything about one.")
    return _twice(lines, data)


def picture(jpeg: bytes) -> ImageContent:
    """A JPEG for the assistant to look at."""
    return ImageContent(type="image", data=base64.b64encode(jpeg).decode(), mime_type="image/jpeg")


def job_link(job_id: str, kind: Literal["jobs", "films"] = "jobs") -> ResourceLink:
    """Where the job or film can be read as a resource."""
    return ResourceLink(
        type="resource_link", uri=f"seedance://{kind}/{job_id}", name=job_id, mime_type="application/json"
    )


def video_link(path: str, size: int | None = None) -> ResourceLink:
    """Where the video lies on this machine."""
    file = Path(path)
    return ResourceLink(
        type="resource_link", uri=file.as_uri(), name=file.name, mime_type="video/mp4", size=size
    )


def video_resource(
    job_id: str, size: int | None = None, kind: Literal["jobs", "films"] = "jobs"
) -> ResourceLink:
    """Where the video of a job or film can be read, for who has no use for a file of this machine."""
    return ResourceLink(
        type="resource_link",
        uri=f"seedance://{kind}/{job_id}/video",
        name=f"{job_id}.mp4",
        mime_type="video/mp4",
        size=size,
    )


def with_notes(
    answer: CallToolResult | InputRequiredResult | NewTask, notes: Sequence[str]
) -> CallToolResult | InputRequiredResult | NewTask:
    """Add sentences to an answer or a refusal, at the end of its text and to its notes."""
    if not notes or isinstance(answer, InputRequiredResult):
        return answer
    if isinstance(answer, NewTask):
        return answer.saying(notes)
    first, *others = answer.content
    if isinstance(first, TextContent):
        text = "\n".join([first.text, *(f"Note: {note}" for note in notes)])
        first = first.model_copy(update={"text": text})
    changes: dict[str, Any] = {"content": [first, *others]}
    data = cast("dict[str, Any] | None", answer.structured_content)
    if data is not None:
        changes["structured_content"] = {**data, "notes": [*data.get("notes", ()), *notes]}
    return answer.model_copy(update=changes)


def with_commands(
    answer: CallToolResult | InputRequiredResult | NewTask, settings: Settings | None
) -> CallToolResult | InputRequiredResult | NewTask:
    """Write the commands that an answer or a refusal tells a person to run as they can be run; see `runnable`."""
    if isinstance(answer, InputRequiredResult):
        return answer
    if isinstance(answer, NewTask):
        return answer.worded(lambda sentences: runnable(sentences, settings))
    blocks = [
        block.model_copy(update={"text": runnable(block.text, settings)})
        if isinstance(block, TextContent)
        else block
        for block in answer.content
    ]
    said = {
        "structured_content": commands_in(answer.structured_content, settings),
        "meta": commands_in(answer.meta, settings),
    }
    return answer.model_copy(update={"content": blocks, **said})


def commands_in(data: Any, settings: Settings | None, *, ours: bool = False) -> Any:
    """Write the commands in our own sentences within structured data as they can be run; what is not ours stays."""
    if isinstance(data, str):
        return runnable(data, settings) if ours else data
    if isinstance(data, list):
        return [commands_in(item, settings, ours=ours) for item in cast("list[Any]", data)]
    if isinstance(data, dict):
        return {
            key: value if key == _NOT_OURS else commands_in(value, settings, ours=key in _SENTENCES)
            for key, value in cast("dict[str, Any]", data).items()
        }
    return data


def in_lines(content: BaseModel) -> list[str]:
    """Write facts in lines, as `answer` does."""
    return _lines(_said(content))


def _said(content: BaseModel) -> dict[str, Any]:
    data = content.model_dump(mode="json")
    return {key: value for key, value in data.items() if value or key not in _OPTIONAL}


def _twice(lines: Sequence[str], data: dict[str, Any], *blocks: ContentBlock) -> CallToolResult:
    text = TextContent(type="text", text="\n".join(lines))
    return CallToolResult(content=[text, *blocks], structured_content=data)


def _lines(data: Mapping[str, Any], indent: str = "") -> list[str]:
    lines: list[str] = []
    for key, value in data.items():
        if value is None or value in ([], {}, ""):
            continue
        if key == "budget":
            lines.append(f"{indent}budget: {_budget(cast('Mapping[str, str]', value))}")
        elif key == "advice":
            lines += [
                f"{indent}advice:",
                *(f"{indent}- {one['text']} [{one['code']}]" for one in cast("list[dict[str, str]]", value)),
            ]
        elif isinstance(value, Mapping):
            lines += _nested(key, cast("Mapping[str, Any]", value), indent)
        elif isinstance(value, list) and any(isinstance(item, Mapping) for item in cast("list[Any]", value)):
            lines.append(f"{indent}{key}:")
            lines += [f"{indent}- {_inline(item)}" for item in cast("list[Any]", value)]
        else:
            lines.append(f"{indent}{key}: {_inline(value)}")
    return lines


def _budget(budget: Mapping[str, str]) -> str:
    return (
        f"spent_today_usd {budget['spent_today_usd']}, of which reserved_usd {budget['reserved_usd']} for jobs under way;"
        f" left_today_usd {budget['left_today_usd']}, max_per_job_usd {budget['max_per_job_usd']}"
    )


def _nested(key: str, value: Mapping[str, Any], indent: str) -> list[str]:
    if any(item and isinstance(item, dict | list) for item in value.values()):
        return [f"{indent}{key}:", *_lines(value, f"{indent}  ")]
    return [f"{indent}{key}: {_inline(value)}"]


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value).items()
        return ", ".join(f"{key} {_inline(item)}" for key, item in items if item not in (None, [], {}, ""))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "; ".join(_inline(item) for item in cast("Sequence[Any]", value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(str(value).split())
