"""The command `work`: buys what replicas have reserved and brings it to its end, until a signal comes."""

from __future__ import annotations

import argparse
import contextlib
import logging
import signal
import sys
from typing import TYPE_CHECKING

import anyio

from ...app import Role, open_app
from ...backoff import exponential
from ...config import Settings, load_settings
from ...errors import ConfigError, StoreError
from ...metrics import Live, serving_metrics
from ...presentation.logs import configure as configure_log
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
    worker = _Worker(settings)
    with contextlib.ExitStack() as stack:
        if arguments.metrics is not None:
            print(
                stack.enter_context(serving_metrics(arguments.metrics, Live(figures=worker.figures_now))),
                flush=True,
            )
        anyio.run(worker.work)
    return 0


class _Worker:
    """Works until a signal comes, and tells how the installation stands."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._installation: Installation | None = None

    def figures_now(self) -> figures.Figures:
        """Sum up how everybody's jobs and money stand, in the calling thread. Raises StoreError: it is not known now."""
        if self._installation is None:
            raise StoreError("The job database is not open.", hint="The worker's log says why.")
        return self._installation.figures_now()

    async def work(self) -> None:
        """Work, and begin anew where the database could not be used."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_end_on_signal, tasks.cancel_scope)
            failures = 0
            while True:
                try:
                    async with open_app(self._settings, role=Role.WORKER) as app:
                        failures = 0
                        self._installation = app.installation
                        print(_READY, flush=True)
                        await anyio.sleep_forever()
                except StoreError as error:
                    failures += 1
                    logger.error("It cannot work now: %s %s", error.message, error.hint)
                    await anyio.sleep(exponential(_FIRST_PAUSE, failures, longest=_LONGEST_PAUSE))
                finally:
                    self._installation = None


async def _end_on_signal(scope: anyio.CancelScope) -> None:
    if sys.platform == "win32":
        return  # no signal handlers on this event loop there: Ctrl-C arrives as KeyboardInterrupt
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for number in signals:
            logger.info("Stopping on signal %s", number.name)
            break
    scope.cancel()  # outside: a second signal ends the process at once
