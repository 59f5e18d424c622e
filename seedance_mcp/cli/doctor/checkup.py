"""Looks at everything that making a video needs, one finding at a time; a provider is asked only what is free."""

from __future__ import annotations

import contextlib
import importlib.metadata
import platform
import shutil
import tempfile
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import anyio
import anyio.to_thread

from ...app import App, open_app
from ...config import Settings, install_command
from ...errors import ConfigError, OtherAccount, SeedanceError
from ...store import BoardFile
from ...teams import refuse_common_keys
from ...texts import digits, digits_left
from ...types import EVERYBODY
from .carrier import look_at_carrier
from .clients import look_at_clients
from .configuration import look_at_network, look_at_settings
from .findings import Finding
from .object_store import look_at_object_store
from .providers import ask_providers

if TYPE_CHECKING:
    from ...catalog import Catalog

_OLD_DAYS = 120
_LITTLE_SPACE = 2 * 2**30


Examination = AsyncGenerator[Finding]

_NOTHING: Mapping[str, str] = MappingProxyType({})


async def examine(
    settings: Settings,
    *,
    network: bool,
    wrong: Mapping[str, str] = _NOTHING,
    start_entries: bool = False,
) -> Examination:
    """
    Yield the findings as they come; without `network` no provider is asked.

    `wrong` says by name which settings cannot be used; what hangs on one of those is left out. With `start_entries` what
    the entry of each client starts is run, for its version.
    """
    yield _program()
    there = "SEEDANCE_STATE_DIR" not in wrong
    if there:
        yield _board(settings)
    from ...catalog import Catalog

    catalog: Catalog | None = None
    trouble: Finding | None = None
    try:
        catalog = await anyio.to_thread.run_sync(Catalog.load, settings.catalog)
    except SeedanceError as error:
        trouble = _of(error, "catalogue", "overlay")
    for finding in look_at_settings(settings, wrong, catalog):
        yield finding
    if settings.teams and catalog is not None:
        try:
            refuse_common_keys(settings)
        except ConfigError as error:
            yield _of(error, "settings", "keys")
    for finding in look_at_network(settings):
        yield finding
    if catalog is not None:
        yield await look_at_carrier(catalog, settings)
    for finding in await look_at_object_store(settings, network=network):
        yield finding
    for finding in _folders(settings, wrong):
        yield finding
    if there:
        async for finding in _database(settings):
            yield finding
    yield await _video()
    async for finding in look_at_clients(start=start_entries):
        yield finding
    if catalog is None:
        assert trouble is not None
        yield trouble
        return
    async for finding in _waiting(settings):
        yield finding
    yield _age(catalog, settings)
    sellers = await ask_providers(catalog, settings, network=network, wrong=wrong)
    for finding in sellers:
        yield finding
    if network and there:
        async for finding in _stopped(
            settings, [found.subject for found in sellers if found.verdict == "ok"]
        ):
            yield finding


async def no_such_team(words: str) -> Examination:
    """Yield that the team which was named is none, and nothing else: whatever follows would be about nobody's installation."""
    yield Finding(
        area="settings",
        subject="SEEDANCE_TEAM",
        verdict="problem",
        text=words.removeprefix("SEEDANCE_TEAM").lstrip(" ="),
        hint="Name one of the teams: --team TEAM.",
    )


def conclude(findings: list[Finding], settings: Settings) -> tuple[bool, str]:
    """Conclude whether a video could be made now, and with whom."""
    problems = [found for found in findings if found.verdict == "problem" and found.area != "providers"]
    shared = [found for found in problems if not found.only_purchases]
    if shared:
        return False, f"No video can be made now: see {_listed(found.subject for found in shared)} above."
    sellers = {found.subject: found for found in findings if found.area == "providers"}
    wanted = settings.provider
    if problems:
        return _placeholders_alone(problems, sellers.values(), wanted)
    if wanted is not None:
        if wanted in sellers and sellers[wanted].verdict == "ok":
            return True, f"A video can be made now at {wanted}, which SEEDANCE_PROVIDER names."
        return False, f"No video can be made now: SEEDANCE_PROVIDER names {wanted}, see above."
    ready = [found for found in sellers.values() if found.verdict == "ok"]
    paid = [found.subject for found in ready if not found.free]
    if paid:
        others = [found.subject for found in sellers.values() if found.verdict == "problem"]
        besides = f"; not at {_listed(others)}, see above" if others else ""
        return True, f"A video can be made now at {_listed(paid)}{besides}."
    if any(found.verdict in ("problem", "warning") for found in sellers.values()):
        return False, "A key is set, but no provider could be bought from now: see above."
    if ready:
        return True, f"No key is set: free placeholder videos can be made now, by the {ready[0].subject}."
    return False, "No provider is ready: see above."


def _placeholders_alone(
    problems: Iterable[Finding], sellers: Iterable[Finding], wanted: str | None
) -> tuple[bool, str]:
    """Return whether a video would be made while nothing may be bought: a placeholder, where no provider is paid."""
    words = f"Nothing can be bought now: see {_listed(found.subject for found in problems)} above"
    free = next((found.subject for found in sellers if found.free and found.verdict == "ok"), None)
    if free is None:
        return False, f"{words}."
    paid = any(not found.free and found.verdict != "off" for found in sellers)
    if wanted == free or (wanted is None and not paid):
        return True, f"{words}. Free placeholder videos can be made, by the {free}."
    return False, f"{words}. Only where a call names provider {free}, a free placeholder is made."


def _program() -> Finding:
    parts = [f"{name} {importlib.metadata.version(name)}" for name in ("seedance-mcp", "mcp", "av")]
    python = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    return Finding(area="program", subject="versions", verdict="ok", text=", ".join([*parts, python]))


def _board(settings: Settings) -> Finding:
    finding = partial(Finding, area="program", subject="board")
    running = BoardFile(settings.state_dir).running()
    if running is None:
        return finding(verdict="off", text="does not run in a browser", hint="`seedance-mcp board` opens it.")
    return finding(verdict="ok", text=f"runs at {running.url}; `seedance-mcp board` opens it in the browser")


def _folders(settings: Settings, wrong: Mapping[str, str]) -> list[Finding]:
    found = [
        _folder(subject, path, name)
        for subject, path, name in (
            ("output folder", settings.output_dir, "SEEDANCE_OUTPUT_DIR"),
            ("state folder", settings.state_dir, "SEEDANCE_STATE_DIR"),
        )
        if name not in wrong
    ]
    for path in settings.media_dirs:
        there = path.is_dir()
        found.append(
            Finding(
                area="folders",
                subject="media folder",
                verdict="ok" if there else "warning",
                text=f"{path} may be read" if there else f"{path} is not a folder",
                hint="" if there else "Correct SEEDANCE_MEDIA_DIRS.",
            )
        )
    return found


def _folder(subject: str, path: Path, setting: str) -> Finding:
    finding = partial(Finding, area="folders", subject=subject)
    place = path
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"x")
            file.flush()
        free = shutil.disk_usage(place).free
    except OSError as error:
        return finding(
            verdict="problem",
            text=f"{path} cannot be written to: {error.strerror or error}",
            hint=f"Make it writable, or set {setting} to another folder.",
        )
    words = f"{path}, {'writable' if place == path else 'will be made'}, {free / 2**30:.1f} GB free"
    if free < _LITTLE_SPACE:
        return finding(verdict="warning", text=words, hint="Free some space: a video takes up to 200 MB.")
    return finding(verdict="ok", text=words)


async def _database(settings: Settings) -> Examination:
    finding = partial(Finding, area="database", subject="job database")
    try:
        async with open_app(settings, watch=False, scope=EVERYBODY) as app:
            if app.notice:
                yield finding(verdict="warning", text=app.notice, hint=_ALLOW)
            else:
                yield finding(verdict="ok", text=await _jobs(app))
            if words := app.installation.store.role_warning:
                yield finding(verdict="warning", text=words)
            async for one in _incidents(app):
                yield one
            async for one in _money(app):
                yield one
    except SeedanceError as error:
        yield _of(error, "database", "job database")


async def _waiting(settings: Settings) -> Examination:
    """Name the keys that open jobs wait for, and the order that has waited longest for a worker."""
    waiting: dict[tuple[str, str], list[OtherAccount]] = {}
    untaken: list[str] = []
    with contextlib.suppress(SeedanceError):  # the trouble with the database is told above
        async with open_app(settings, watch=False, scope=EVERYBODY) as app:
            for job in await app.unfinished():
                untaken += [f"{job.id}: {words}"] if (words := app.untaken(job)) else []
                if other := await app.waits_for(job):
                    waiting.setdefault((job.provider, job.account), []).append(other)
    if untaken:
        more = f" It is one of {len(untaken)}." if len(untaken) > 1 else ""
        yield Finding(
            area="database",
            subject="workers",
            verdict="warning",
            text=f"{untaken[0]}{more}",
            hint="Start `seedance-mcp work` with these settings, or look why the one that runs takes nothing.",
        )
    for others in waiting.values():
        more = f" It is one of {len(others)}." if len(others) > 1 else ""
        text = f"{others[0].message}{more}"
        yield Finding(area="database", subject="open jobs", verdict="warning", text=text, hint=others[0].hint)


_ALLOW = "After looking at what was spent at the providers: `seedance-mcp jobs allow-spending`."


async def _jobs(app: App) -> str:
    unfinished = await app.unfinished()
    unknown = [job for job in unfinished if job.error_code == "submission_unknown"]
    schema = app.installation.store.schema_version
    words = f"opens and passes its check, schema version {schema}; {len(unfinished)} jobs under way"
    return f"{words}, {len(unknown)} of them with an unknown outcome" if unknown else words


async def _incidents(app: App) -> Examination:
    finding = partial(Finding, area="jobs", verdict="warning")
    for damaged in await app.damaged():
        yield finding(
            subject=damaged.job_id,
            text=damaged.words,
            hint=f"Look at the console of {damaged.provider} for what became of it; every other job goes on.",
        )
    for words in await app.installation.unread_receipts():
        yield finding(
            subject="receipts",
            text=words,
            hint="Look at the provider's console for these tasks: they may be paid for. Then remove the file.",
        )
    for incident in await app.incidents():
        yield finding(
            subject=incident.job_id or "server",
            text=incident.words,
            hint="The server goes on with everything else and tries again where that can help. Its log says more.",
        )


async def _money(app: App) -> Examination:
    budget = await app.budget()
    finding = partial(Finding, area="money", subject="budget")
    if days := await app.installation.unbalanced_days():
        yield finding(
            verdict="warning",
            text=f"the sums kept for {', '.join(days)} are not those of the ledger:"
            " the job database was damaged or changed by hand",
            hint="The caps go by the ledger and hold. Compare these days with the providers' consoles.",
        )
    words = (
        f"{digits(budget.spent_today_usd)} USD of {digits(budget.max_per_day_usd)} spent today "
        f"({digits(budget.reserved_usd)} of it reserved for jobs under way), "
        f"{digits_left(budget.left_today_usd)} left; at most {digits(budget.max_per_job_usd)} a job"
    )
    if await app.installation.spending_stopped():
        yield finding(
            verdict="problem",
            text="all purchases are stopped since the job database was lost or restored",
            hint=_ALLOW,
            only_purchases=True,
        )
    elif budget.left_today_usd <= 0:
        yield finding(
            verdict="warning",
            text=words,
            hint="Wait until tomorrow (UTC), or raise SEEDANCE_MAX_USD_PER_DAY.",
        )
    else:
        yield finding(verdict="ok", text=words)


async def _stopped(settings: Settings, sellers: Iterable[str]) -> Examination:
    """Let purchases go on where a refused key had stopped them and the key is taken now."""
    with contextlib.suppress(SeedanceError):  # the trouble with the database is told above
        async with open_app(settings, watch=False, scope=EVERYBODY) as app:
            for name in sellers:
                if await app.installation.key_accepted(name):
                    text = f"purchases at {name} were stopped because it refused the key; they can go on now"
                    yield Finding(area="money", subject="purchases", verdict="ok", text=text)


async def _video() -> Finding:
    finding = partial(Finding, area="video", subject="video tools")
    try:
        from ...media import PlaceholderSpec, probe_video, render_placeholder

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "check.mp4"
            spec = PlaceholderSpec(
                prompt="check", model="check", width=320, height=180, duration_seconds=0.5, audio=True
            )
            draw: Callable[[], None] = partial(
                render_placeholder,
                spec,
                path,
                last_frame=None,
                progress=lambda fraction: None,
                cancelled=lambda: False,
            )
            await anyio.to_thread.run_sync(draw)
            facts = await probe_video(path, full=False)
    except (SeedanceError, ImportError, OSError) as error:
        return finding(
            verdict="problem",
            text=f"a video cannot be drawn and measured: {error}",
            hint=f"Install them again: `{install_command('--force-reinstall', 'av', 'pillow')}`.",
        )
    return finding(verdict="ok", text=f"drew and measured a clip ({facts.video_codec}, {facts.audio_codec})")


def _age(catalog: Catalog, settings: Settings) -> Finding:
    finding = partial(Finding, area="catalogue", subject="prices")
    dates = [info.verified for info in catalog.providers.values() if not info.placeholder]
    oldest = min(dates)
    days = (_today() - oldest).days
    overlay = f", with the lines of {settings.catalog}" if settings.catalog else ""
    words = f"verified {oldest.isoformat()} or later ({max(days, 0)} days ago){overlay}"
    if days > _OLD_DAYS:
        return finding(
            verdict="warning",
            text=words,
            hint="Update seedance-mcp, or correct prices that changed with SEEDANCE_CATALOG.",
        )
    return finding(verdict="ok", text=words)


def _today() -> date:
    return datetime.now(UTC).date()


def _of(error: SeedanceError, area: Literal["database", "catalogue", "settings"], subject: str) -> Finding:
    return Finding(area=area, subject=subject, verdict="problem", text=error.message, hint=error.hint)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
