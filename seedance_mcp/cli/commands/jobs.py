"""The command `jobs`: the recent ones, one of them, what was spent, or a person's word on an unknown purchase."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import AsyncGenerator, Sequence
from dataclasses import asdict
from typing import get_args

import anyio

from ...app import App
from ...config import Settings, command, load_settings
from ...errors import InvalidRequest
from ...jobs import opinion
from ...texts import digits, digits_left, inert, number_of, one_line
from ...types import MAX_REVIEW_CHARACTERS, SCORES, Job, JobStatus, Opinion, Review, Verdict
from ..arguments import whole_number
from ..opening import looked_into, opened
from ..refund import refund_note
from ..text import exit_code, json_text, moment, money, table
from ..waiting import finish, lines, say_if_hook_failed, wait_with_progress
from ..words import told


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verbs: `list`, which goes without saying, `show`, `cancel` and what only a person may say."""
    parser.set_defaults(limit=20, spending=False, json=False)
    verbs = parser.add_subparsers(metavar="VERB", dest="verb", help="Without one: list")
    listing = verbs.add_parser("list", help="The newest jobs first")
    for way in (parser, listing):
        _add_listing(way)
    show = verbs.add_parser("show", help="One job")
    show.add_argument("job_id")
    show.add_argument("--wait", action="store_true", help="Go on with it until it has ended")
    show.add_argument(
        "--refund-note", action="store_true", help="Ids, times and charge, for the provider's support"
    )
    cancel = verbs.add_parser("cancel", help="Ask the provider to stop a job")
    cancel.epilog = (
        "Exit code 0: the provider was asked, or the job was cancelled before; 1: it was not asked to stop."
    )
    cancel.add_argument("job_id")
    resolve = verbs.add_parser("resolve", help="Say what you found at the provider about an unknown purchase")
    resolve.add_argument("job_id")
    found = resolve.add_mutually_exclusive_group(required=True)
    found.add_argument(
        "--task", metavar="ID", help="The provider has it under this id: it is fetched and counted"
    )
    found.add_argument(
        "--not-bought", action="store_true", help="The provider does not have it: its money is freed"
    )
    review = verbs.add_parser("review", help="Keep your verdict on a video; it outranks an assistant's")
    review.add_argument("job_id")
    review.add_argument("verdict", choices=get_args(Verdict))
    review.add_argument("--notes", metavar="TEXT", help=f"At most {MAX_REVIEW_CHARACTERS} characters")
    review.add_argument(
        "--score",
        action="append",
        default=[],
        metavar="NAME=N",
        help=f"1 to 5 (best) for any of {', '.join(SCORES)}; may be repeated",
    )
    same = verbs.add_parser(
        "same-account", help="Say that an earlier key opened the same account as the one that is set now"
    )
    same.add_argument("fingerprint", help="The key that a job waits for, as `jobs list` tells it")
    same.add_argument("--provider", metavar="NAME", help="Where, if several providers' jobs have this key")
    same.add_argument("--undo", action="store_true", help="Take it back")
    allow = verbs.add_parser(
        "allow-spending",
        help="Buy again after the job database was lost or restored, or moved to another server",
    )
    allow.description = (
        "Lets purchases go on. Look first at the console of each provider for what was bought last: what is missing in `jobs"
        " list` is counted by no cap, and what is still being made there would be bought again."
    )
    for verb in (show, cancel, resolve, review):
        verb.add_argument("--json", action="store_true", help="Print JSON")


def _add_listing(parser: argparse.ArgumentParser) -> None:
    """Add what a list takes; the defaults are those of `jobs`, so that it may stand before or behind the verb."""
    absent = argparse.SUPPRESS
    parser.add_argument(
        "--limit", type=whole_number(1, 100), default=absent, metavar="N", help="At most N (1 to 100)"
    )
    parser.add_argument(
        "--spending",
        action="store_true",
        default=absent,
        help="What counts as spent, by day, person, provider and model",
    )
    parser.add_argument("--json", action="store_true", default=absent, help="Print JSON")


def execute(arguments: argparse.Namespace) -> int:
    """Do what the verb says."""
    settings = load_settings()
    verb = arguments.verb or "list"
    if verb == "list" and arguments.spending:
        return anyio.run(_spending, settings, arguments.json)
    if arguments.verb == "allow-spending":
        return anyio.run(_allow_spending, settings)
    if arguments.verb == "same-account":
        say = _part if arguments.undo else _join
        return anyio.run(say, settings, arguments.fingerprint, arguments.provider)
    if arguments.verb == "resolve":
        return anyio.run(_resolve, settings, arguments.job_id, arguments.task, arguments.json)
    if verb == "review":
        judged = opinion(arguments.verdict, arguments.notes, _scores(arguments.score))
        return anyio.run(_review, settings, arguments.job_id, judged, arguments.json)
    if verb == "list":
        return anyio.run(_list, settings, arguments.limit, arguments.json)
    if arguments.verb == "cancel":
        return anyio.run(_cancel, settings, arguments.job_id, arguments.json)
    if arguments.wait:
        return anyio.run(_wait, settings, arguments.job_id, arguments.json)
    return anyio.run(_show, settings, arguments.job_id, arguments.json, arguments.refund_note)


async def _list(settings: Settings, limit: int, as_json: bool) -> int:
    async with opened(settings, watch=False) as app:
        if as_json:
            from ...presentation import job_views

            print(json_text((await job_views.jobs(app, limit)).model_dump(mode="json")))
        elif jobs := await app.recent(limit):
            head = ("JOB", "CREATED", "STATUS", "PROVIDER", "MODEL", "PRICE", "REVIEW", "PROMPT")
            reviews = await app.reviews.of([job.id for job in jobs])
            rows = [_row(job, reviews.get(job.id)) for job in jobs]
            print(_with_people(head, rows, [job.person for job in jobs]))
            for job in jobs:
                if untaken := app.untaken(job):
                    print(told(f"{job.id}: {untaken}"), file=sys.stderr)
                if other := await app.waits_for(job):
                    print(told(f"{other.message}\n{other.hint}"), file=sys.stderr)
        else:
            print("No jobs yet.")
            print(f"note: {inert(looked_into(settings))}", file=sys.stderr)
        if not as_json:
            for damaged in await app.damaged(limit):
                print(told(damaged.words), file=sys.stderr)
    return 0


async def _spending(settings: Settings, as_json: bool) -> int:
    async with opened(settings, watch=False) as app:
        lines = await app.spending()
        budget = await app.budget()
    if as_json:
        rows = [{**asdict(line), "usd": f"{line.usd:f}"} for line in lines]
        print(json_text({"days": rows, "left_today_usd": f"{budget.left_today_usd:f}"}))
        return 0
    if lines:
        head = ("DAY (UTC)", "PROVIDER", "MODEL", "JOBS", "USD")
        sums = [(line.day, line.provider, line.model, str(line.jobs), digits(line.usd)) for line in lines]
        print(_with_people(head, sums, [line.person for line in lines]))
    print(f"Left today: {digits_left(budget.left_today_usd)} of {digits(budget.max_per_day_usd)} USD.")
    return 0


async def _allow_spending(settings: Settings) -> int:
    async with opened(settings, watch=False) as app:
        stopped = await app.installation.allow_spending()
    whose = "Purchases" if settings.team is None else f"Purchases of the team {settings.team}"
    print(f"{whose} are allowed again." if stopped else f"{whose} had not been stopped.")
    return 0


async def _join(settings: Settings, fingerprint: str, provider: str | None) -> int:
    async with _telling_where(settings) as app:
        said = await app.installation.same_account(fingerprint, provider)
    place = f" at {said.now.address}" if said.now.address else ""
    open_jobs = f"{number_of(len(said.jobs), 'such job')} {'is' if len(said.jobs) == 1 else 'are'}"
    print(
        f"Noted: what was bought from {said.now.provider} with the key {said.earlier}…, at whatever address, is followed"
        f" with the key {said.now.fingerprint}…{place} from now on; {open_jobs} open."
        f" They go on in a server that runs, at its next start, or by `{command('watch')}`."
    )
    return 0


async def _part(settings: Settings, fingerprint: str, provider: str | None) -> int:
    async with _telling_where(settings) as app:
        known = await app.installation.not_same_account(fingerprint, provider)
    print("Taken back." if known else "Nothing had been said about this key.")
    return 0


@contextlib.asynccontextmanager
async def _telling_where(settings: Settings) -> AsyncGenerator[App]:
    """Open the app, and add to a refusal where the jobs were looked for."""
    try:
        async with opened(settings, watch=False) as app:
            yield app
    except InvalidRequest as error:
        error.add_note(looked_into(settings))
        raise


async def _resolve(settings: Settings, job_id: str, task_id: str | None, as_json: bool) -> int:
    async with opened(settings, watch=False) as app:
        job, looked = await app.installation.resolve(job_id, task_id)
        words = (
            f"it is fetched at the next start or by `{command('watch')}`"
            if task_id
            else "its money is free again"
        )
        await _print(
            app,
            job,
            f"{job.id}: {job.status.value}; {words}. {told(looked, job.id)}".rstrip(),
            as_json=as_json,
        )
    return 0


def _scores(given: Sequence[str]) -> dict[str, int]:
    scores: dict[str, int] = {}
    for text in given:
        name, _, value = text.partition("=")
        if not value.isdecimal():
            raise InvalidRequest(
                [f"--score {one_line(text, 60)!r}: it has to be NAME=N, such as motion=4."],
                hint="Write it so.",
            )
        scores[name.strip()] = int(value)
    return scores


async def _review(settings: Settings, job_id: str, judged: Opinion, as_json: bool) -> int:
    async with opened(settings, watch=False) as app:
        await app.reviews.add(job_id, judged, by="person")
        job = await app.job(job_id)
        await _print(app, job, f"{job.id}: {judged.verdict}. Kept.", as_json=as_json)
    return 0


async def _show(settings: Settings, job_id: str, as_json: bool, refund: bool) -> int:
    async with opened(settings, watch=False) as app:
        job = await app.job(job_id)
        if refund:
            print(await refund_note(app, job))
            return 0
        await _print(app, job, await lines(app, job), as_json=as_json)
    return exit_code(job) if job.finished else 0


async def _wait(settings: Settings, job_id: str, as_json: bool) -> int:
    async with opened(settings) as app:
        code = await finish(app, await wait_with_progress(app, await app.job(job_id)), as_json=as_json)
    await say_if_hook_failed(settings, job_id)
    return code


async def _cancel(settings: Settings, job_id: str, as_json: bool) -> int:
    async with opened(settings) as app:
        before = await app.job(job_id)
        job, happened = await app.cancel(job_id)
        what_happened = told(happened, job_id)
        await _print(app, job, f"{job.id}: {job.status.value}. {what_happened}", as_json=as_json)
        if as_json:
            print(what_happened, file=sys.stderr)
    asked = job.cancel_asked_at != before.cancel_asked_at
    return 0 if asked or job.status is JobStatus.CANCELLED else 1


async def _print(app: App, job: Job, text: str, *, as_json: bool) -> None:
    if as_json:
        from ...presentation import job_views

        text = json_text((await job_views.job(app, job)).model_dump(mode="json"))
    print(text)


def _with_people(head: Sequence[str], rows: Sequence[Sequence[str]], people: Sequence[str]) -> str:
    """Write a table of what belongs to these people, whose names come second; without them where all is one person's."""
    if not any(people):
        return table(head, rows)
    named = [(row[0], inert(person) or "you", *row[1:]) for row, person in zip(rows, people, strict=True)]
    return table((head[0], "PERSON", *head[1:]), named)


def _row(job: Job, review: Review | None) -> tuple[str, ...]:
    price = "nothing spent" if job.never_bought else money(job.charge or job.estimate)
    prompt = one_line(job.request.prompt or "", 40)
    verdict = f"{review.opinion.verdict} ({review.by})" if review else ""
    created = moment(job.created_at)
    return (job.id, created, job.status.value, job.provider, job.model, price, verdict, prompt)
