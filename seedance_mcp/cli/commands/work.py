"""The command `work`: buys what replicas have reserved and brings it to its end, until a signal comes."""

from __future__ import annotations

import argparse
import logging
import signal
import sys

import anyio

from ...app import Role, open_app
from ...backoff import exponential
from ...config import Settings, load_settings
from ...errors import ConfigError, StoreError
from ...presentation.logs import configure as configure_log

logger = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 5.0
"""Seconds between two tries to open a database that cannot be used yet."""

_READY = "Working: taking orders, and looking after open jobs. SIGTERM ends it, and purchases under way are finished."


def configure(parser: argparse.ArgumentParser) -> None:
    """Add nothing: the settings name the database, the keys and the folders."""


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
    anyio.run(_work, settings)
    return 0


async def _work(settings: Settings) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_end_on_signal, tasks.cancel_scope)
        failures = 0
        while True:
            try:
                async with open_app(settings, role=Role.WORKER):
                    failures = 0
                    print(_READY, flush=True)
                    await anyio.sleep_forever()
            except StoreError as error:
                failures += 1
                logger.error("It cannot work now: %s %s", error.message, error.hint)
                await anyio.sleep(exponential(_FIRST_PAUSE, failures, longest=_LONGEST_PAUSE))


async def _end_on_signal(scope: anyio.CancelScope) -> None:
    if sys.platform == "win32":
        return  # no signal handlers on this event loop there: Ctrl-C arrives as KeyboardInterrupt
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for number in signals:
            logger.info("Stopping on signal %s", number.name)
            break
    scope.cancel()  # outside: a second signal ends the process at once
