"""The command `jobs`: the recent ones, one of them, or an end to it."""

from __future__ import annotations

import argparse

import anyio

from ..app import App
from ..config import Settings, load_settings
from ..types import Job
from .opening import opened
from .text import job_lines, moment, money, shorten, table, went_well
from .waiting import finish, wait_with_progress


def configure(parser: argparse.ArgumentParser) -> None:
    """Add `list`, `show` and `cancel`."""
    verbs = parser.add_subparsers(metavar="VERB", required=True, dest="verb")
    listing = verbs.add_parser("list", help="The newest jobs first")
    listing.add_argument(
        "--limit", type=int, default=20, choices=range(1, 101), metavar="N", help="At most N (1 to 100)"
    )
    show = verbs.add_parser("show", help="One job")
    show.add_argument("job_id")
    show.add_argument("--wait", action="store_true", help="Go on with it until it has ended")
    cancel = verbs.add_parser("cancel", help="Ask the provider to stop a job")
    cancel.add_argument("job_id")
    for verb in (listing, show, cancel):
        verb.add_argument("--json", action="store_true", help="Print JSON")


def execute(arguments: argparse.Namespace) -> int:
    """Do what the verb says."""
    settings = load_settings()
    if arguments.verb == "list":
        return anyio.run(_list, settings, arguments.limit, arguments.json)
    if arguments.verb == "cancel":
        return anyio.run(_cancel, settings, arguments.job_id, arguments.json)
    if arguments.wait:
        return anyio.run(_wait, settings, arguments.job_id, arguments.json)
    return anyio.run(_show, settings, arguments.job_id, arguments.json)


async def _list(settings: Settings, limit: int, as_json: bool) -> int:
    async with opened(settings, watch=False) as app:
        if as_json:
            from ..server import views

            print((await views.jobs(app, limit)).model_dump_json(indent=2))
        elif jobs := await app.recent(limit):
            head = ("JOB", "CREATED", "STATUS", "PROVIDER", "MODEL", "PRICE", "PROMPT")
            print(table(head, [_row(job) for job in jobs]))
        else:
            print("No jobs yet.")
    return 0


async def _show(settings: Settings, job_id: str, as_json: bool) -> int:
    async with opened(settings, watch=False) as app:
        job = await app.job(job_id)
        _print(app, job, job_lines(job), as_json=as_json)
    return 0 if went_well(job) else 1


async def _wait(settings: Settings, job_id: str, as_json: bool) -> int:
    async with opened(settings) as app:
        return finish(app, await wait_with_progress(app, await app.job(job_id)), as_json=as_json)


async def _cancel(settings: Settings, job_id: str, as_json: bool) -> int:
    async with opened(settings) as app:
        job, what_happened = await app.cancel(job_id)
        _print(app, job, f"{job.id}: {job.status.value}. {what_happened}", as_json=as_json)
    return 0


def _print(app: App, job: Job, text: str, *, as_json: bool) -> None:
    if as_json:
        from ..server import views

        text = views.job(app, job).model_dump_json(indent=2)
    print(text)


def _row(job: Job) -> tuple[str, ...]:
    price = money(job.charge or job.estimate)
    prompt = shorten(job.request.prompt or "", 40)
    return (job.id, moment(job.created_at), job.status.value, job.provider, job.model, price, prompt)
