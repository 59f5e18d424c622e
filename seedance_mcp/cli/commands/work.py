"""The command `work`: buys what replicas have reserved and brings it to its end, until a signal comes."""

from __future__ import annotations

import argparse
import contextlib
import logging
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import anyio

from ...app import Role, open_app
from ...backoff import Outage, exponential
from ...config import Settings, command, load_settings
from ...errors import ConfigError, StoreError
from ...metrics import Live, serving_metrics
from ...presentation.logs import configure as configure_log
from ...teams import teams_of
from ..metrics_flag import add_metrics

if TYPE_CHECKING:
    from ...installation import Installation
    from ...store import figures

logger = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 5.0
"""Seconds between two tries to open a database that cannot be used yet."""

_READY = "Working: taking orders, and looking after open jobs. SIGTERM ends it, and purchases under way are finished."


def configure(parser: argparse.ArgumentParser) -> None:
    """Add where figures are given out; the settings name the database, the keys and the folders."""
    add_metrics(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Work until a signal comes."""
    settings = load_settings()
    if settings.database_url is None:
        raise ConfigError(
            "Without SEEDANCE_DATABASE_URL the job database is a file, and whoever reserves in it also buys: there is nothing"
            " for a worker to do.",
            hint="Set SEEDANCE_DATABASE_URL to the address of a database in PostgreSQL. For the file there is `seedance-mcp"
            " watch`, which brings open jobs to their end.",
        )
    configure_log(settings)
    workers = [_Worker(team) for team in teams_of(settings)]
    with contextlib.ExitStack() as stack:
        if arguments.metrics is not None:
            live = Live(figures={worker.team: worker.figures_now for worker in workers})
            print(stack.enter_context(serving_metrics(arguments.metrics, live)), flush=True)
        anyio.run(_work, workers)
    return 0


async def _work(workers: Sequence[_Worker]) -> None:
    """Work for every team until a signal comes; what is in the way of one is in no other's."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_end_on_signal, tasks.cancel_scope)
        for worker in workers:
            tasks.start_soon(worker.work)


class _Worker:
    """Works for one team, or an installation without teams, and tells how that stands."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.team = settings.team or ""
        self._installation: Installation | None = None

    def figures_now(self) -> figures.Figures:
        """Sum up how everybody's jobs and money stand, in the calling thread. Raises StoreError: it is not known now."""
        if self._installation is None:
            raise StoreError("The job database is not open.", hint="The worker's log says why.")
        return self._installation.figures_now()

    @property
    def _allow(self) -> str:
        allow = command("jobs allow-spending", self._settings)
        return (
            " But nothing is bought, for the job database was lost or restored: look at the providers' consoles, then run"
            f" `{allow}`."
        )

    async def work(self) -> None:
        """Work, and begin anew where the database could not be used, or where a mistake would end the other teams' work."""
        whose = f"For the team {self.team}: " if self.team else ""
        failures, outage = 0, Outage()
        while True:
            try:
                async with open_app(self._settings, role=Role.WORKER) as app:
                    failures = 0
                    if outage.over():
                        logger.warning("%sIt works again", whose)
                    self._installation = app.installation
                    stopped = await app.installation.spending_stopped()
                    print(f"{whose}{_READY}{self._allow if stopped else ''}", flush=True)
                    await anyio.sleep_forever()
            except StoreError as error:
                failures += 1
                if outage.failed():
                    logger.error("%sIt cannot work now: %s %s", whose, error.message, error.hint)
            except Exception:
                if not self.team:
                    raise
                failures += 1
                logger.exception("%sThe work broke down in a way that nobody planned; it begins anew", whose)
            finally:
                self._installation = None
            await anyio.sleep(exponential(_FIRST_PAUSE, failures, longest=_LONGEST_PAUSE))


async def _end_on_signal(scope: anyio.CancelScope) -> None:
    if sys.platform == "win32":
        return  # no signal handlers on this event loop there: Ctrl-C arrives as KeyboardInterrupt
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for number in signals:
            logger.info("Stopping on signal %s", number.name)
            break
    scope.cancel()  # outside: a second signal ends the process at once
