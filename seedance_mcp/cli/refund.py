"""What a provider's support needs to know about a job, ready to be pasted."""

from __future__ import annotations

from datetime import UTC, datetime

from ..app import App
from ..texts import inert
from ..types import Job


async def refund_note(app: App, job: Job) -> str:
    """Write ids, times, charge and the provider's own words of one job. It holds no key and no signed URL."""
    lines = [
        f"Task:       {job.submission.task_id if job.submission else 'no id was received'}",
        f"Provider:   {job.provider}, {job.endpoint}",
        f"Our job:    {job.id}, mark {job.tag}",
        f"Ended as:   {job.status.value} ({job.state.value})",
        f"Estimate:   {f'{job.estimate.amount} {job.estimate.currency}' if job.estimate.known else 'price unknown'}",
        f"Charge:     {f'{job.charge.amount} {job.charge.currency}' if job.charge else 'not known'}",
    ]
    if words := app.not_as_ordered(job):
        lines.append(f"Delivered:  not as ordered: {inert(words)}")
    if job.tries.rubbish:
        lines.append(f"Downloads:  {job.tries.rubbish} brought something else than a video")
    if job.error:
        code = f" [{job.provider_code}]" if job.provider_code else ""
        lines.append(f"Error:      {inert(job.error)}{code}")
    lines.append("Times (UTC):")
    for step in await app.history(job.id):
        at = datetime.fromtimestamp(step.at, UTC).strftime("%Y-%m-%d %H:%M:%S")
        lines.append(f"  {at}  {step.after}{f': {inert(step.detail)}' if step.detail else ''}")
    return "\n".join(lines)
