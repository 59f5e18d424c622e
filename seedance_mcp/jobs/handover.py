"""Leaves a detached watcher behind when this process ends before its jobs do."""

from __future__ import annotations

import anyio

from .context import JobContext
from .detached import leave_watcher
from .film_driver import FilmDriver
from .results.hook_runner import HookRunner
from .watcher import Watcher


class Handover:
    """
    What this process leaves to another one at its end.

    With `leaves`, a watcher is left for what is open: this process may be killed before it is done with it.
    """

    def __init__(
        self, context: JobContext, watcher: Watcher, hooks: HookRunner, films: FilmDriver, *, leaves: bool
    ) -> None:
        self._context = context
        self._films = films
        self._watcher = watcher
        self._hooks = hooks
        self._leaves = leaves
        self._ending = self._left = False

    async def begin(self) -> None:
        """
        Leave a watcher behind if anything is open, or as soon as anything is; call it when the end is foreseen.

        A client that has closed its end kills this process soon: nothing else may come before it, and nothing that
        can take long belongs in here, such as asking the database.
        """
        self._ending = True
        may_be_open = self._context.purchases or self._watcher.busy or self._hooks.pending or self._films.busy
        if self._leaves and not self._left and may_be_open:
            self._left = True
            incidents = self._context.incidents
            with incidents.contained("Saying that this process ends"):
                self._context.store.local.say_ending()
            # A signal may come now that cancels whoever called: nobody would leave one later.
            with incidents.contained("Leaving a watcher behind"), anyio.CancelScope(shield=True):
                await leave_watcher(self._context.settings)

    async def before_purchase(self) -> None:
        """Leave a watcher for what is about to be bought, if the end is foreseen."""
        if self._ending:
            await self.begin()
