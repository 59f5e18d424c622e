"""Keeps a board for each person who is signed in, made when they first look."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import anyio
from anyio.abc import TaskGroup, TaskStatus

from ...board.events import Changes
from ...board.in_process import tools_here
from ...board.routes import Board, application
from ...board.sessions import Marks
from ...callers import Caller
from ...http_server import AsgiApp

if TYPE_CHECKING:
    from ....app import App
    from ..team_server import TeamServers

_LOG = logging.getLogger(__name__)

_MOST = 200
"""Boards at once; the one that was looked at longest ago ends for one more, and is made anew at the next look."""


class SignedIn(Marks):
    """Lets everybody in, for nobody without a session is handed on to here."""

    def __init__(self, base: str, *, may_change: bool) -> None:
        super().__init__(base)
        self.may_change = may_change

    def knows(self, token: str) -> bool:
        """Return True."""
        return True


@dataclass(frozen=True, kw_only=True)
class _Running:
    app: App
    changes: Changes
    running: anyio.CancelScope
    answer: AsgiApp


class PeoplesBoards:
    """The boards of one server, as the person's app shows them; what a token may do beside is a part of who looks."""

    def __init__(self, tasks: TaskGroup, teams: TeamServers, base: str) -> None:
        """`base` is the path below which they are served."""
        self._tasks = tasks
        self._teams = teams
        self._base = base
        self._boards: dict[Caller, _Running] = {}
        self._making = anyio.Lock()
        self._ending = False

    async def of(self, caller: Caller) -> AsgiApp:
        """Return the board of whoever is signed in. Raises SeedanceError: the job database cannot be used now."""
        whose = replace(caller, id="", name="", until=None)
        app = self._teams.of(caller).opening.app.for_person(caller.scope)
        async with self._making:
            board = self._boards.pop(whose, None)
            if board is not None and board.app is not app:  # it broke down, and was opened anew
                board.running.cancel()
                board = None
            if board is None:
                board = await self._tasks.start(self._run, whose, app)
            self._boards[whose] = board
            while len(self._boards) > _MOST:
                self._boards.pop(next(iter(self._boards))).running.cancel()
        return board.answer

    def begin_ending(self) -> None:
        """End the streams of all pages, and let no new ones begin."""
        self._ending = True
        for board in self._boards.values():
            board.changes.close()

    async def _run(self, whose: Caller, app: App, *, task_status: TaskStatus[_Running]) -> None:
        board: _Running | None = None
        try:
            with anyio.CancelScope() as running:
                changes = Changes(app.for_everybody)  # whose questions wait on it too
                async with tools_here(app, whose) as tools:
                    entry = SignedIn(self._base, may_change="spend" in whose.scopes)
                    routes = Board(app, entry, tools=tools, changes=changes, paths=whose.local)
                    board = _Running(app=app, changes=changes, running=running, answer=application(routes))
                    if self._ending:
                        changes.close()
                    task_status.started(board)
                    await changes.run()
        except Exception:
            if board is None:
                raise
            _LOG.exception("A board broke down in a way that nobody planned; it is made anew")
        finally:
            if self._boards.get(whose) is board:
                self._boards.pop(whose, None)
